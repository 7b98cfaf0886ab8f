"""Messages through a real Redis: quick while it answers, and found again when it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.adapters.redis.conftest import PATIENCE
from tests.faults.proxy import BOTH, Proxy
from tests.servers.redis import RedisServer, free_port
from watchword.adapters.redis import Connections, Names, RedisFailed, RedisMessages
from watchword.crypto.secret import Secret
from watchword.domain.time import SECOND, Span


class Listener:
    """One node; ``heard`` grows while `listening`."""

    def __init__(self, url: str, patience: Span = PATIENCE) -> None:
        connections = Connections(Secret(url.encode()), patience=patience)
        self.messages = RedisMessages(connections, Names(), patience=patience)
        self.heard: list[bytes] = []
        self._something = asyncio.Event()

    def _hear(self, text: bytes) -> None:
        self.heard.append(text)
        self._something.set()

    async def hears(self, sender: RedisMessages, text: str) -> None:
        """Sooner or later: whoever cannot hear yet is told again."""
        async with asyncio.timeout(20):
            while text.encode() not in self.heard:
                self._something.clear()
                try:
                    await sender.publish(text, PATIENCE)
                    async with asyncio.timeout(0.1):
                        await self._something.wait()
                except (TimeoutError, RedisFailed):
                    continue

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Listener"]:
        task = asyncio.create_task(self.messages.listen(self._hear))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            await self.messages.close()


class TestAMessage:
    async def test_reaches_everybody_the_sender_as_well(self, url: str) -> None:
        async with Listener(url).listening() as one, Listener(url).listening() as other:
            await one.hears(one.messages, "1")
            await other.hears(one.messages, "2")
            await one.hears(other.messages, "3")
            assert b"3" in one.heard

    async def test_of_another_database_of_the_server_is_not_heard(self, url: str) -> None:
        elsewhere = f"{url.rpartition('/')[0]}/9"
        async with Listener(url).listening() as one, Listener(elsewhere).listening() as other:
            await one.hears(one.messages, "1")
            await other.hears(other.messages, "2")
            assert set(one.heard) == {b"1"}
            assert set(other.heard) == {b"2"}

    async def test_that_cannot_be_sent_is_said_in_time_and_without_the_password(self) -> None:
        url = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
        messages = Listener(url).messages
        with pytest.raises(RedisFailed) as caught:
            await messages.publish("1", SECOND)
        assert "hunter2" not in repr(caught.value)
        await messages.close()

    async def test_to_a_server_that_is_silent_is_given_up_in_time(
        self, server: RedisServer
    ) -> None:
        messages = Listener(server.url).messages
        with server.paused(), pytest.raises(RedisFailed, match="in time"):
            await messages.publish("1", 50)
        await messages.publish("2", PATIENCE)
        await messages.close()


class TestAListener:
    async def test_hears_a_server_again_that_was_killed(self, server: RedisServer) -> None:
        async with Listener(server.url).listening() as one:
            await one.hears(one.messages, "1")
            server.kill()
            with pytest.raises(RedisFailed):
                await one.messages.publish("2", SECOND)
            server.start()
            await one.hears(one.messages, "3")

    async def test_leaves_a_connection_that_leads_nowhere(self, server: RedisServer) -> None:
        async with Proxy("127.0.0.1", server.port).running() as proxy:
            through = Listener(f"redis://127.0.0.1:{proxy.port}/0", patience=SECOND // 4)
            straight = Listener(server.url).messages
            async with through.listening() as one:
                await one.hears(straight, "1")
                proxy.swallow(BOTH)
                await straight.publish("2", PATIENCE)
                await asyncio.sleep(0.01)  # until the proxy has lost something of the connection
                proxy.mend()
                await one.hears(straight, "3")
                assert b"2" not in one.heard
            await straight.close()

    async def test_can_be_ended_at_any_moment(self, url: str) -> None:
        for turns in range(60):
            listener = Listener(url)
            async with listener.listening():
                for _ in range(turns):
                    await asyncio.sleep(0)

    async def test_needs_no_more_than_the_manual_says(self, server: RedisServer) -> None:
        admin = Connections(Secret(server.url.encode()))
        rights = ["~watchword:*", "&watchword:*", "-@all", "+publish", "+subscribe", "+ping"]
        await admin.command("ACL", "SETUSER", "teller", "on", ">word", *rights)
        await admin.close()
        async with Listener(f"redis://teller:word@127.0.0.1:{server.port}/0").listening() as one:
            await one.hears(one.messages, "1")
