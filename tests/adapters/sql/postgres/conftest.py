"""Two nodes on one database, and a clock for their leases that goes as the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import asyncpg
import pytest

from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.channel import Channel
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.domain.sessions import Session
from watchword.domain.time import MINUTE, SECOND
from watchword.ports import Change
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import a_session, an_account, given, given_session


class Stopwatch:
    """Seconds, as many as the test has let go by."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def address(postgres_url: str) -> Address:
    return Address.parse(postgres_url)


def node(address: Address, stopwatch: Stopwatch, seed: int) -> PostgresStore:
    """Its lease is good for a minute, so that a slow machine does not lose it by itself."""
    return PostgresStore(
        address,
        ByDatabase(stopwatch, MINUTE),
        clock=FakeClock(),
        randomness=SeededRandomness(seed),
    )


@pytest.fixture
async def store(address: Address, stopwatch: Stopwatch) -> AsyncIterator[PostgresStore]:
    store = node(address, stopwatch, 1)
    await store.revocations.ready(5 * SECOND)
    yield store
    await store.close()


@pytest.fixture
async def other(address: Address, stopwatch: Stopwatch) -> AsyncIterator[PostgresStore]:
    other = node(address, stopwatch, 2)
    await other.revocations.ready(5 * SECOND)
    yield other
    await other.close()


@pytest.fixture
async def outsider(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection of another program."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def sessions(store: PostgresStore) -> Sequence[Session]:
    ada = an_account()
    sessions = [a_session(ada, number) for number in range(20)]
    await given(store, ada)
    for session in sessions:
        await given_session(store, session)
    return sessions


@pytest.fixture
def patient(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gives up on an answer meanwhile, however slow the machine."""
    for module in ("driver", "address"):
        monkeypatch.setattr(f"watchword.adapters.sql.postgres.{module}.ANSWER_WITHIN", MINUTE)
    store._pool.forget_idle()


async def generation_of(store: PostgresStore, session: Session) -> int:
    standing = await store.reading.sessions.find(session.id)
    assert standing is not None
    return standing.session.generation


async def until_waiting(outsider: asyncpg.Connection, count: int) -> None:
    """So many wait for what others have."""
    async with asyncio.timeout(20):
        while await outsider.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < count:
            pass


async def until(claim: Callable[[], bool]) -> None:
    """Let the event loop turn until it is so: what it waits for is under way already."""
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110  there is no event to wait for but the claim itself
            await asyncio.sleep(0)


async def heard(revocations: Channel, count: int) -> Sequence[Change]:
    """The next ``count`` news, however long they are on their way."""
    news: list[Change] = []

    def are_heard() -> bool:
        fresh = revocations.news()
        assert fresh is not None
        news.extend(fresh)
        return len(news) >= count

    await until(are_heard)
    return news
