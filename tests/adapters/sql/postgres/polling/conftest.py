"""Two nodes that poll one database, whose clock goes as the test says, and a Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch
from tests.servers.redis import RedisServer, running
from watchword.adapters.redis import Connections, Names, RedisMessages
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.polling import Messages, PolledRevocations
from watchword.adapters.sql.postgres.store import ByMessages, PostgresStore
from watchword.crypto.secret import Secret
from watchword.domain.time import MINUTE, SECOND, Span
from watchword.ports import Change, Topic
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
)

ADA, BOB = an_account(), an_account("bob")
SESSION = a_session(ADA)
OF_ADA, OF_BOB = Change(Topic.USER, ADA.id), Change(Topic.USER, BOB.id)
LEASE = 60.0  # seconds; so a poll that nobody asks for comes after fifteen
_POLLERS = """
FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%AS told%LEFT JOIN changes%'
  AND pid <> pg_backend_pid()
"""
NOTE = "INSERT INTO changes (at, topic, subject, proof) VALUES ($1, 'user', $2, 0)"
END_POLLERS = "SELECT pg_terminate_backend(pid, 5000) " + _POLLERS
END_THOSE_IN_TRANSACTIONS = """
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
