"""For how long a node that polls believes what it knows, and what messages cannot do to it."""

import asyncio

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, heard, until
from tests.adapters.sql.postgres.polling.conftest import (
    BOB,
    END_POLLERS,
    LEASE,
    OF_ADA,
    OF_BOB,
    Both,
    DatabaseClock,
    by_redis,
    nodes,
    polled,
    rename,
    settled,
)
from tests.servers.redis import RedisServer, free_port
from watchword.adapters.redis import Connections
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres import polling
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.polling import PolledRevocations
from watchword.adapters.sql.postgres.store import ByMessages, PostgresStore
from watchword.crypto.secret import Secret
from watchword.domain.time import MINUTE, SECOND
from watchword.testing import FakeClock, SeededRandomness

_WAITING = """
SELECT COUNT(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


class TestALease:
    async def test_s15_is_good_to_its_end_and_no_longer(
        self, both: Both, stopwatch: Stopwatch
    ) -> None:
        revocations = both[0].revocations
        stopwatch.now += LEASE - 0.001
        assert revocations.news() == ()
        stopwatch.now += 0.001
        assert [revocations.news(), revocations.news()] == [None, None]

    async def test_s15_is_not_renewed_by_messages(self, both: Both, stopwatch: Stopwatch) -> None:
        one, other = both
        stopwatch.now += LEASE / 2
        await rename(one)
        assert await heard(other.revocations, 1) == [OF_ADA]
        stopwatch.now += LEASE / 2
        assert other.revocations.news() is None

    async def test_s15_begins_with_the_question_and_not_with_the_answer(
        self, unheard: Both, stopwatch: Stopwatch, outsider: asyncpg.Connection
    ) -> None:
        other = unheard[1]
        async with outsider.transaction():
            await outsider.execute("LOCK TABLE changes IN ACCESS EXCLUSIVE MODE")
            waiting = asyncio.create_task(other.revocations.catch_up())
            while not await outsider.fetchval(_WAITING):
                pass
            stopwatch.now += LEASE / 2
        await waiting
        stopwatch.now = LEASE - 0.001
        assert other.revocations.news() == ()
        stopwatch.now = LEASE
        assert other.revocations.news() is None

    async def test_s15_is_lost_with_the_connection_and_comes_back(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        one, other = unheard
        await outsider.execute(END_POLLERS)
        await until(lambda: other.revocations.news() is None)
        await rename(one)
        await other.revocations.ready(5 * SECOND)
        assert await polled(other) in (None, [OF_ADA])
        await rename(one, BOB.id)
        assert OF_BOB in (await polled(other) or ())

    async def test_s15_is_lost_when_rows_may_have_gone_out_of_sight(
        self, unheard: Both, database_clock: DatabaseClock
    ) -> None:
        """A node was stopped for longer than that, or the database's clock was set forward."""
        other = unheard[1]
        async with other.feed.subscribe() as subscription:
            assert await subscription.news(0) == []
            other.revocations.news()
            await database_clock.go_on(30 * SECOND + 1)
            assert await subscription.news(0) is None
        await other.revocations.ready(5 * SECOND)
        assert other.revocations.news() is None
        assert other.revocations.news() == ()

    async def test_a_node_without_a_server_has_none_and_ends_in_peace(
        self, stopwatch: Stopwatch
    ) -> None:
        store = PostgresStore(
            Address.parse("postgresql://nobody:hunter2@127.0.0.1:1/nowhere"),
            ByMessages(by_redis(f"redis://127.0.0.1:{free_port()}/0"), stopwatch, MINUTE),
            clock=FakeClock(),
            randomness=SeededRandomness(1),
        )
        assert store.revocations.news() is None
        with pytest.raises(StoreFailed, match="not heard"):
            await store.revocations.ready(50)
        await store.close()


async def by_message(store: PostgresStore, text: str) -> None:
    assert isinstance(store.revocations, PolledRevocations)
    await store.revocations._messages.publish(text, 5 * SECOND)


class TestAMessage:
    @pytest.mark.parametrize(
        "text",
        ["", " ", "x", "-1", "1e9", "9" * 18, "9" * 30, str(2**63), "1 " * 3_000, "\x00\xff"],
    )
    async def test_s15_that_is_not_true_changes_nothing(self, both: Both, text: str) -> None:
        one, other = both
        await by_message(one, text)
        await rename(one)
        assert await heard(other.revocations, 1) == [OF_ADA]
        assert await polled(other) == []

    async def test_s15_does_not_hide_what_is_committed_later_under_its_number(
        self, both: Both, outsider: asyncpg.Connection
    ) -> None:
        one, other = both
        newest = await outsider.fetchval("SELECT COALESCE(MAX(seq), 0) FROM changes")
        await by_message(one, " ".join(str(newest + ahead) for ahead in range(1, 50)))
        await polled(other)
        await rename(one)
        assert await heard(other.revocations, 1) == [OF_ADA]

    async def test_of_more_than_a_node_takes_at_once_is_left_to_the_polls(
        self, unheard: Both
    ) -> None:
        revocations = unheard[0].revocations
        assert isinstance(revocations, PolledRevocations)
        for number in range(100):
            revocations.hear(" ".join(str(10**9 + number * 99 + n) for n in range(99)).encode())
        assert len(revocations._told) <= polling.MOST_TOLD
        assert await polled(unheard[0]) == []

    async def test_s15_is_missed_by_nobody_while_redis_fails(
        self, address: Address, stopwatch: Stopwatch, server: RedisServer
    ) -> None:
        messages = by_redis(server.url), by_redis(server.url)
        async with nodes(address, stopwatch, *messages, bound=SECOND) as stores:
            one, other = await settled(stores)

            async def is_heard() -> None:
                await rename(one)
                assert await heard(other.revocations, 1) == [OF_ADA]

            await is_heard()
            with server.paused():
                await is_heard()
            admin = Connections(Secret(server.url.encode()))
            await admin.command("FLUSHALL")
            await admin.command("CONFIG", "SET", "maxmemory", "1")
            await admin.close()
            await is_heard()
            server.kill()
            await is_heard()
            server.start()
            await is_heard()
