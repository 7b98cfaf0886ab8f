"""News through a real Redis: what is published is heard of by all, or nothing is believed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter

import pytest

from tests.adapters.redis.conftest import emptied
from tests.servers.redis import RedisServer, free_port
from watchword.adapters.memory import MemoryStore
from watchword.adapters.memory.store import MemoryUnit
from watchword.adapters.redis import Connections, Names, RedisFailed, RedisRevocations
from watchword.crypto.secret import Secret
from watchword.domain.errors import Unavailable
from watchword.domain.time import SECOND, Span
from watchword.ports import Change, Topic
from watchword.testing import SeededRandomness
from watchword.testing.conformance import ConformingStore, RevocationPromises

ADA, BOB = Change(Topic.USER, "u-ada"), Change(Topic.SESSION, "s-bob")
RECOVERY: Span = 2 * SECOND
BOUND: Span = 5 * SECOND  # and not the second of every day: a slow machine is no failure


class Node:
    """One of several processes, with a clock that the test moves and that otherwise runs."""

    def __init__(self, url: str, number: int) -> None:
        self.ahead = 0.0
        self.failures: list[str] = []
        self.connections = Connections(Secret(url.encode()))
        self.revocations = RedisRevocations(
            self.connections,
            Names(),
            randomness=SeededRandomness(number),
            monotonic=lambda: perf_counter() + self.ahead,
            bound=BOUND,
            failed=lambda failure: self.failures.append(failure.remedy),
        )
        self.revocations.open()

    def news(self) -> list[Change] | None:
        news = self.revocations.news()
        return None if news is None else list(news)

    async def heard(self) -> list[Change] | None:
        await self.revocations.caught_up(within=RECOVERY)
        return self.news()

    async def settle(self) -> None:
        """It has heard everything, and has been told so."""
        await self.heard()
        assert self.news() == []

    async def close(self) -> None:
        await self.revocations.close()
        await self.connections.close()


@asynccontextmanager
async def nodes_on(url: str, count: int = 2) -> AsyncIterator[Sequence[Node]]:
    async with AsyncExitStack() as stack:
        nodes = [Node(url, number) for number in range(count)]
        for node in nodes:
            stack.push_async_callback(node.close)
            await node.settle()
        yield nodes


class TestHearing:
    async def test_s15_what_one_node_publishes_every_node_hears_of_once(self, url: str) -> None:
        async with nodes_on(url, 3) as nodes:
            await nodes[0].revocations.publish([ADA, BOB])
            assert nodes[0].news() == [ADA, BOB], "its own at once"
            assert [await node.heard() for node in nodes] == [[], [ADA, BOB], [ADA, BOB]]
            assert [await node.heard() for node in nodes] == [[], [], []]

    async def test_many_at_once_all_arrive_in_one_order(self, url: str) -> None:
        async with nodes_on(url, 4) as nodes:
            await asyncio.gather(
                *(
                    node.revocations.publish([Change(Topic.SESSION, f"{name}-{number}")])
                    for number in range(50)
                    for name, node in zip("ab", nodes, strict=False)
                )
            )
            third, fourth = await nodes[2].heard(), await nodes[3].heard()
            assert third == fourth
            assert third is not None
            expected = {f"{name}-{number}" for name in "ab" for number in range(50)}
            assert {change.id for change in third} == expected

    async def test_it_takes_no_heartbeat_to_arrive(self, url: str) -> None:
        async with nodes_on(url) as (here, there):
            began = perf_counter()
            await here.revocations.publish([ADA])
            while not (news := there.news()):
                assert news is not None
                await asyncio.sleep(0)
            assert news == [ADA]
            assert perf_counter() - began < 0.2

    async def test_who_has_not_begun_to_listen_believes_nothing(self, url: str) -> None:
        connections = Connections(Secret(url.encode()))
        silent = RedisRevocations(
            connections, Names(), randomness=SeededRandomness(), monotonic=perf_counter
        )
        assert [silent.news(), silent.news()] == [None, None]
        await connections.close()

    async def test_a_node_can_be_closed_at_any_moment(self, url: str) -> None:
        for turns in range(240):
            node = Node(url, 1)
            if turns % 4 == 0:
                await node.settle()
            for _ in range(turns % 60):
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await node.close()
            assert node.news() is None

    async def test_other_words_on_the_channel_lead_to_forgetting_and_no_further(
        self, url: str
    ) -> None:
        async with nodes_on(url) as (here, there):
            channel = Names().channel(here.connections.address.database)
            for text in ("", "session|s-bob", "9 " + "0" * 16, b"\xff" * 100):
                await here.connections.command("PUBLISH", channel, text)
                assert await there.heard() is None
                assert await there.heard() == []


class TestFaults:
    async def test_while_redis_is_silent_belief_ends_after_the_bound(
        self, server: RedisServer
    ) -> None:
        async with nodes_on(server.url) as (here, there):
            with server.paused():
                there.ahead += BOUND / SECOND
                assert [there.news(), there.news()] == [None, None]
                with pytest.raises(RedisFailed):
                    await here.revocations.publish([ADA])
            await here.heard()
            await here.revocations.caught_up()
            assert await there.heard() in (None, [ADA], [ADA, ADA])
            assert [await there.heard(), await here.heard()] == [[], []]

    async def test_a_killed_and_restarted_server_is_heard_again_within_two_seconds(
        self, server: RedisServer
    ) -> None:
        async with nodes_on(server.url) as (here, there):
            server.kill()
            with pytest.raises(Unavailable):
                await here.revocations.publish([ADA])
            with pytest.raises(Unavailable):
                await there.revocations.caught_up(within=SECOND // 2)
            assert [there.news(), there.news()] == [None, None]
            server.start()
            assert await there.heard() is None
            assert await there.heard() == []
            assert there.failures, "and said so"

    async def test_what_could_not_be_told_is_told_later(self, server: RedisServer) -> None:
        """The one that could not be reached is the publisher alone; the other went on believing."""
        async with nodes_on(server.url) as (here, there):
            silent = here.revocations
            here_address, silent._connections = silent._connections, _unreachable()
            with pytest.raises(RedisFailed):
                await silent.publish([ADA])
            assert await there.heard() == []
            await silent._connections.close()
            silent._connections = here_address
            await here.heard()
            await here.heard()
            assert await there.heard() == [ADA]

    async def test_a_change_whose_request_was_given_up_is_told_all_the_same(
        self, server: RedisServer
    ) -> None:
        async with nodes_on(server.url) as (here, there):
            for turns in range(12):
                told = asyncio.create_task(here.revocations.publish([ADA]))
                for _ in range(turns):
                    await asyncio.sleep(0)
                told.cancel()
                await asyncio.gather(told, return_exceptions=True)
                if turns == 0:
                    continue  # it had not begun
                await here.heard()
                await here.heard()
                news = await there.heard()
                assert news is not None
                assert ADA in news

    async def test_what_piles_up_untold_is_told_as_everything(self, server: RedisServer) -> None:
        async with nodes_on(server.url) as (here, there):
            here.revocations._untold = ["0" * 16 + "\nuser|u"] * 1_000
            working, here.revocations._connections = here.connections, _unreachable()
            with pytest.raises(RedisFailed):
                await here.revocations.publish([ADA])
            assert len(here.revocations._untold) == 2
            await here.revocations._connections.close()
            here.revocations._connections = working
            await here.heard()
            await here.heard()
            assert await there.heard() is None

    async def test_a_flush_makes_every_node_forget_once(self, server: RedisServer) -> None:
        async with nodes_on(server.url) as (here, there):
            await here.revocations.publish([ADA])
            assert await there.heard() == [ADA]
            await here.connections.command("FLUSHALL")
            assert await there.heard() is None
            assert await there.heard() == []
            await here.revocations.publish([BOB])
            assert await there.heard() == [BOB]

    @pytest.mark.parametrize(
        ("fault", "mended"),
        [
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
            (
                ("CONFIG", "SET", "min-replicas-to-write", "1"),
                ("CONFIG", "SET", "min-replicas-to-write", "0"),
            ),
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        ],
        ids=["demoted", "cut off from its replicas", "full"],
    )
    async def test_a_server_that_takes_no_message_lets_nobody_believe(
        self, server: RedisServer, fault: tuple[str, ...], mended: tuple[str, ...]
    ) -> None:
        """An old primary on the wrong side of a partition takes no writes, and its listeners must
        not go on believing that nothing changes on the other side.
        """
        async with nodes_on(server.url) as (here, there):
            admin = Connections(Secret(server.url.encode()))
            await admin.command(*fault)
            with pytest.raises(RedisFailed):
                await here.revocations.publish([ADA])
            with pytest.raises(RedisFailed):
                await there.revocations.caught_up(within=SECOND // 2)
            assert [there.news(), there.news()] == [None, None]
            await admin.command(*mended)
            assert await there.heard() is None
            assert (await there.heard()) in ([], [ADA])
            await admin.close()

    async def test_a_connection_that_redis_closes_leads_to_forgetting_once(
        self, server: RedisServer
    ) -> None:
        async with nodes_on(server.url) as (here, there):
            await here.connections.command("CLIENT", "KILL", "TYPE", "pubsub")
            with pytest.raises(RedisFailed):
                await there.revocations.caught_up(within=0)
            assert await there.heard() is None
            assert await there.heard() == []

    async def test_who_listens_to_nobody_goes_on_trying(self) -> None:
        node = Node(f"redis://127.0.0.1:{free_port()}/0", 1)
        with pytest.raises(RedisFailed):
            await node.revocations.caught_up(within=SECOND // 2)
        assert node.news() is None
        assert len(node.failures) == 1
        await node.close()


def _unreachable() -> Connections:
    return Connections(Secret(f"redis://127.0.0.1:{free_port()}/0".encode()))


class StoreToldByRedis(MemoryStore):
    """A store that tells of its changes as a store of several nodes does: after each commit."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node
        self._committed_changes = self.revocations
        self._committed_changes.news()
        self.revocations = node.revocations  # type: ignore[assignment]  # another keeper of the port

    def transaction(self) -> AbstractAsyncContextManager[MemoryUnit]:
        return self._told()

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[MemoryUnit]:
        async with super()._transaction() as unit:
            yield unit
        if changes := self._committed_changes.news():
            await self._node.revocations.publish(changes)

    async def close(self) -> None:
        await self._node.close()
        await super().close()


class TestRevocationsOnRedis(RevocationPromises):
    @pytest.fixture(autouse=True)
    def _on(self, shared_url: str) -> None:
        self.url = shared_url

    async def make_store(self, folder: Path) -> ConformingStore:
        node = Node(await emptied(self.url), 1)
        await node.settle()
        return StoreToldByRedis(node)
