"""News without NOTIFY: by messages in milliseconds, by polls whatever becomes of the messages."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, heard, until
from tests.servers.redis import RedisServer, free_port, running
from watchword.adapters.redis import Connections, Names, RedisMessages
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres import polling, transactions
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.polling import Messages, PolledRevocations
from watchword.adapters.sql.postgres.store import ByMessages, PostgresStore
from watchword.crypto.secret import Secret
from watchword.domain.sessions import EndReason
from watchword.domain.time import HOUR, MINUTE, SECOND, Span
from watchword.ports import Change, Topic, Unit
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance import ConformingStore
from watchword.testing.conformance.feed import FeedPromises
from watchword.testing.conformance.feed import heard as followed
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
)
from watchword.testing.conformance.revocations import RevocationPromises

ADA, BOB = an_account(), an_account("bob")
SESSION = a_session(ADA)
OF_ADA, OF_BOB = Change(Topic.USER, ADA.id), Change(Topic.USER, BOB.id)
LEASE = 60.0  # seconds; so a poll that nobody asks for comes after fifteen
_POLLERS = """
FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%AS told%LEFT JOIN changes%'
  AND pid <> pg_backend_pid()
"""
_NOTE = "INSERT INTO changes (at, topic, subject, proof) VALUES ($1, 'user', $2, 0)"
_END_POLLERS = "SELECT pg_terminate_backend(pid, 5000) " + _POLLERS
_END_THOSE_IN_TRANSACTIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'
"""


class Lost:
    """Messages of a node that dies before it can send any, and of a network that carries none."""

    async def publish(self, text: str, within: Span) -> None:
        pass

    async def listen(self, heard: Callable[[bytes], None]) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass


Both: TypeAlias = tuple[PostgresStore, PostgresStore]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """One of this test's own."""
    with running(tmp_path) as server:
        yield server


class DatabaseClock:
    """What the server takes for the time, in ms: it finds these functions before its own."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def make(self) -> None:
        await self._connection.execute(f"""
            DROP SCHEMA IF EXISTS fake CASCADE;
            CREATE SCHEMA fake;
            CREATE TABLE fake.clock (moment BIGINT);
            INSERT INTO fake.clock VALUES ({NOW});
            CREATE FUNCTION fake.now() RETURNS timestamptz STABLE LANGUAGE sql
                AS 'SELECT to_timestamp(moment / 1000.0) FROM fake.clock';
            CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
                AS 'SELECT to_timestamp(moment / 1000.0) FROM fake.clock';
        """)

    async def go_on(self, span: Span) -> None:
        await self._connection.execute("UPDATE fake.clock SET moment = moment + $1", span)


@pytest.fixture
async def database_clock(outsider: asyncpg.Connection) -> DatabaseClock:
    clock = DatabaseClock(outsider)
    await clock.make()
    return clock


@pytest.fixture
def address(postgres_url: str, database_clock: DatabaseClock) -> Address:
    return Address.parse(f"{postgres_url}?search_path=fake,public,pg_catalog")


def by_redis(url: str) -> RedisMessages:
    return RedisMessages(Connections(Secret(url.encode())), Names())


@asynccontextmanager
async def nodes(
    address: Address,
    stopwatch: Stopwatch,
    *messages: Messages,
    bound: Span = MINUTE,
    clock: FakeClock | None = None,
) -> AsyncIterator[list[PostgresStore]]:
    async with AsyncExitStack() as stack:
        stores = []
        for seed, one in enumerate(messages):
            store = PostgresStore(
                address,
                ByMessages(one, stopwatch, bound),
                clock=clock or FakeClock(),
                randomness=SeededRandomness(seed),
            )
            stack.push_async_callback(store.close)
            await store.revocations.ready(5 * SECOND)
            stores.append(store)
        yield stores


async def settled(stores: list[PostgresStore]) -> Both:
    """All know the same, and have heard all news of it."""
    await given(stores[0], ADA, BOB)
    await given_session(stores[0], SESSION)
    for store in stores:
        await store.revocations.catch_up()
        store.revocations.news()
        assert store.revocations.news() == ()
    one, other = stores
    return one, other


@pytest.fixture
async def both(address: Address, stopwatch: Stopwatch, redis: str) -> AsyncIterator[Both]:
    async with nodes(address, stopwatch, by_redis(redis), by_redis(redis)) as stores:
        yield await settled(stores)


@pytest.fixture
async def unheard(address: Address, stopwatch: Stopwatch) -> AsyncIterator[Both]:
    """No message reaches anybody, and a poll comes when it is asked for."""
    async with nodes(address, stopwatch, Lost(), Lost()) as stores:
        yield await settled(stores)


async def rename(store: PostgresStore, id_: str = ADA.id) -> None:
    await alone(store, lambda unit: unit.accounts.rename(id_, "New"))


async def polled(store: PostgresStore) -> list[Change] | None:
    await store.revocations.catch_up()
    news = store.revocations.news()
    return None if news is None else list(news)


def in_mind(store: PostgresStore) -> int:
    assert isinstance(store.revocations, PolledRevocations)
    return len(store.revocations._noted)


class TestNews:
    async def test_s15_is_told_by_a_message_long_before_a_poll(self, both: Both) -> None:
        for one, other in (both, both[::-1]):
            await rename(one)
            assert one.revocations.news() == [OF_ADA]
            assert await heard(other.revocations, 1) == [OF_ADA]
            assert await polled(one) == await polled(other) == []

    async def test_s15_of_a_node_that_died_before_it_told_it_is_polled(self, unheard: Both) -> None:
        one, other = unheard
        await rename(one)
        assert other.revocations.news() == ()
        assert await polled(other) == [OF_ADA]
        assert await polled(other) == []

    async def test_s15_is_polled_without_being_asked_for(
        self, address: Address, stopwatch: Stopwatch
    ) -> None:
        async with nodes(address, stopwatch, Lost(), Lost(), bound=SECOND) as stores:
            one, other = await settled(stores)
            await rename(one)
            assert await heard(other.revocations, 1) == [OF_ADA]

    async def test_s15_that_is_committed_late_under_a_low_number_is_polled(
        self, unheard: Both
    ) -> None:
        one, other = unheard
        async with one.transaction() as unit:
            await unit.accounts.rename(ADA.id, "New")
            await rename(one, BOB.id)
            assert await polled(other) == [OF_BOB]
        assert await polled(other) == [OF_ADA]
        assert await polled(one) == [OF_BOB, OF_ADA]
        assert await polled(one) == []

    async def test_s15_that_is_committed_as_late_as_can_be_is_polled(
        self, unheard: Both, database_clock: DatabaseClock
    ) -> None:
        """85 s after its time, and polls that are as far apart as they may be."""
        one, other = unheard
        async with one.transaction() as unit:
            await unit.accounts.rename(ADA.id, "New")
            for _ in range(3):
                await database_clock.go_on(28 * SECOND)
                assert await polled(other) == []
        await database_clock.go_on(30 * SECOND)
        assert await polled(other) == [OF_ADA]

    async def test_s15_of_a_commit_whose_answer_was_lost_is_known_as_well(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        async def rename_and_die(unit: Unit) -> None:
            await unit.accounts.rename(ADA.id, "New")
            await outsider.execute(_END_THOSE_IN_TRANSACTIONS)

        with pytest.raises(StoreFailed):
            await alone(unheard[0], rename_and_die)
        assert unheard[0].revocations.news() == [OF_ADA]
        assert await polled(unheard[1]) == []

    async def test_s15_of_a_commit_that_was_doubted_comes_again_when_it_is_there(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        """Whoever looked in between has seen it as it was before."""
        one, _ = unheard
        async with outsider.transaction():
            await outsider.execute(_NOTE, NOW, OF_ADA.id)
            await one.revocations.doubt([OF_ADA])
            assert one.revocations.news() == [OF_ADA]
            assert await polled(one) == []
        assert await polled(one) == [OF_ADA]

    @pytest.mark.parametrize("hours", [-1, 1])
    async def test_s15_of_a_node_whose_clock_is_wrong_is_polled(
        self, address: Address, stopwatch: Stopwatch, hours: int
    ) -> None:
        clock = FakeClock(NOW + hours * HOUR)
        async with nodes(address, stopwatch, Lost(), Lost(), clock=clock) as stores:
            one, other = await settled(stores)
            await rename(one)
            assert await polled(other) == [OF_ADA]
            [*_, kept] = await one.feed.list_since(0, after=0, at_most=99)
            assert kept.at == NOW + hours * 5 * SECOND

    async def test_s15_of_too_much_is_unknown_until_there_is_less(
        self, unheard: Both, monkeypatch: pytest.MonkeyPatch, database_clock: DatabaseClock
    ) -> None:
        one, other = unheard
        monkeypatch.setattr(polling, "MOST", in_mind(other) + 2)
        for _ in range(3):
            await rename(one)
        assert await polled(other) is None
        assert [other.revocations.news(), other.revocations.news()] == [None, None]
        await database_clock.go_on(2 * MINUTE + 1)
        await other.revocations.ready(5 * SECOND)
        assert await polled(other) is None
        assert await polled(other) == []


class TestWhatIsKeptInMind:
    async def test_is_what_a_poll_would_find_again_and_no_more(
        self, unheard: Both, database_clock: DatabaseClock
    ) -> None:
        one, other = unheard
        for _ in range(20):
            await rename(one)
        await other.revocations.catch_up()
        assert in_mind(other) >= 20
        for _ in range(10):
            await database_clock.go_on(20 * SECOND)
            assert await polled(one) in ([], [OF_ADA] * 20)
            assert await polled(other) in ([], [OF_ADA] * 20)
        assert in_mind(one) == in_mind(other) == 0

    async def test_is_nothing_where_nobody_asks(
        self, address: Address, stopwatch: Stopwatch
    ) -> None:
        """A command changes something, and ends."""
        command = PostgresStore(
            address,
            ByMessages(Lost(), stopwatch, MINUTE),
            clock=FakeClock(),
            randomness=SeededRandomness(1),
        )
        await given(command, ADA)
        await rename(command)
        assert in_mind(command) == 0
        await command.close()


class TestALease:
    async def test_s15_is_good_to_its_end_and_no_longer(
        self, both: Both, stopwatch: Stopwatch
    ) -> None:
        revocations = both[0].revocations
        stopwatch.now += LEASE - 0.001
        assert revocations.news() == ()
        stopwatch.now += 0.001
        assert [revocations.news(), revocations.news()] == [None, None]

    async def test_s15_is_not_renewed_by_messages(
        self, both: Both, stopwatch: Stopwatch, outsider: asyncpg.Connection
    ) -> None:
        one, other = both
        await outsider.execute("BEGIN; LOCK TABLE changes IN ACCESS EXCLUSIVE MODE")
        stopwatch.now += LEASE / 2
        waiting = asyncio.create_task(other.revocations.catch_up())
        assert isinstance(other.revocations, PolledRevocations)
        for number in range(3):
            await by_message(one, str(10**9 + number))
            await until(lambda: bool(other.revocations._told))  # type: ignore[attr-defined]
            other.revocations._told.clear()
        stopwatch.now += LEASE / 2
        assert other.revocations.news() is None
        await outsider.execute("ROLLBACK")
        await waiting
        assert other.revocations.news() == ()

    async def test_s15_is_lost_with_the_connection_and_comes_back(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        one, other = unheard
        await outsider.execute(_END_POLLERS)
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


class TestATransaction:
    async def test_s15_that_took_too_long_is_given_up(
        self, unheard: Both, monkeypatch: pytest.MonkeyPatch, outsider: asyncpg.Connection
    ) -> None:
        """Nobody would look back so far for what it has changed."""
        monkeypatch.setattr(transactions, "LONGEST", 0.0)
        with pytest.raises(StoreFailed, match="took too long"):
            await alone(
                unheard[0], lambda u: u.sessions.end(SESSION.id, EndReason.REVOKED, now=NOW)
            )
        assert await outsider.fetchval("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL") == 1


class TestASubscription:
    async def test_is_given_each_change_once_by_whatever_way_it_came(self, both: Both) -> None:
        async with both[0].feed.subscribe() as here, both[1].feed.subscribe() as there:
            for number in range(30):
                await rename(both[number % 2])
                if number % 3 == 0:
                    await both[1].revocations.catch_up()
            for subscription in (here, there):
                told = await followed(subscription, 30)
                assert len({recorded.seq for recorded in told}) == len(told) == 30
                assert await subscription.news(0) == []

    async def test_s15_is_over_when_the_server_hangs_up(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        async with unheard[0].feed.subscribe() as subscription:
            await outsider.execute(_END_POLLERS)
            assert await subscription.news(60 * SECOND) is None

    async def test_has_what_was_committed_before_the_question_on_any_node(
        self, unheard: Both
    ) -> None:
        async with unheard[0].feed.subscribe() as subscription:
            for number in range(20):
                await rename(unheard[number % 2])
                assert len(await subscription.news(0) or ()) == 1


class TestTheStoreToldByRedis(RevocationPromises, FeedPromises):
    @pytest.fixture(autouse=True)
    def _reach(self, address: Address, redis: str) -> None:
        self._address, self._redis = address, redis

    async def make_store(self, folder: Path) -> ConformingStore:
        nodes = ByMessages(by_redis(self._redis), Stopwatch(), MINUTE)
        store = PostgresStore(
            self._address, nodes, clock=FakeClock(), randomness=SeededRandomness(1)
        )
        await store.revocations.ready(5 * SECOND)
        return store
