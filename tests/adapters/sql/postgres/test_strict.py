"""Strict revocation: no node goes on by what was so before a change that has been answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, until
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.revocations import PostgresRevocations
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.domain.time import MINUTE, SECOND, Span
from watchword.ports import Change, Topic, Unit
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import alone, an_account, given

ADA = an_account()
OF_ADA = Change(Topic.USER, ADA.id)
GHOST = "INSERT INTO nodes VALUES ('ghost.1', pg_backend_pid(), 60000, 0)"
NAMES = "SELECT name FROM nodes WHERE is_leaving = 0 ORDER BY name"
LISTENER = "SELECT backend FROM nodes WHERE name LIKE $1 || '.%'"
ANSWER = "SELECT pg_notify('watchword_to_' || $1, 'ghost.1 ' || $2)"


def strict(address: Address, stopwatch: Stopwatch, seed: int) -> PostgresStore:
    """Its leases last a minute of the test's own clock: here all that is silent is waited for."""
    return PostgresStore(
        address,
        ByDatabase(stopwatch, MINUTE, is_strict=True),
        clock=FakeClock(),
        randomness=SeededRandomness(seed),
    )


def quick(address: Address, seed: int, bound: Span = SECOND) -> PostgresStore:
    """On a real clock."""
    nodes = ByDatabase(time.perf_counter, bound, is_strict=True)
    return PostgresStore(address, nodes, clock=FakeClock(), randomness=SeededRandomness(seed))


@pytest.fixture
async def one(address: Address, stopwatch: Stopwatch) -> AsyncIterator[PostgresStore]:
    store = strict(address, stopwatch, 7)
    await store.revocations.ready(5 * SECOND)
    await given(store, ADA)
    yield store
    await store.close()


async def rename(store: PostgresStore, name: str = "New") -> None:
    async def change(unit: Unit) -> None:
        await unit.accounts.rename(ADA.id, name)

    await alone(store, change)


def listening(store: PostgresStore) -> None:
    """All that it knows is true, and what changes will be news."""
    store.revocations.news()
    assert store.revocations.news() == ()


async def is_committed(store: PostgresStore, name: str) -> None:
    async with asyncio.timeout(5):
        while (found := await store.reading.accounts.find(ADA.id)) is None or found.name != name:
            pass


async def seconds(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


def name_of(store: PostgresStore) -> str:
    """By which others answer it."""
    assert isinstance(store.revocations, PostgresRevocations)
    return store.revocations.sender


class TestAnAnswer:
    async def test_s15_comes_when_every_other_node_has_heard(
        self, one: PostgresStore, other: PostgresStore
    ) -> None:
        """Nothing is waited for here but the answer: what was to be heard has been."""
        listening(other)
        for number in range(50):
            await rename(one, f"Name {number}")
            assert other.revocations.news() == [OF_ADA]

    async def test_s15_waits_for_a_node_that_is_silent_while_its_change_is_committed(
        self, one: PostgresStore, other: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        listening(other)
        await outsider.execute(GHOST)
        task = asyncio.create_task(rename(one))
        await is_committed(other, "New")
        await until(lambda: OF_ADA in (other.revocations.news() or ()))
        assert not task.done()
        for _ in range(3):  # of an older question, then of this one
            await outsider.execute(ANSWER, name_of(one), "0")
        assert not task.done()
        await outsider.execute(ANSWER, name_of(one), "1")
        await task

    async def test_does_not_wait_for_a_change_that_takes_nothing_away(
        self, one: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await outsider.execute(GHOST)
        await given(one, an_account("bob"))

    async def test_does_not_keep_others_from_their_transactions(
        self, one: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await outsider.execute(GHOST)
        tasks = [asyncio.create_task(rename(one, f"Name {number}")) for number in range(30)]
        await until(lambda: len(one._transactions.pool._in_use) == 0)
        await given(one, an_account("bob"))
        assert not any(task.done() for task in tasks)
        await outsider.execute(ANSWER, name_of(one), "30")
        await asyncio.gather(*tasks)

    async def test_comes_where_nobody_listened_before(
        self, address: Address, stopwatch: Stopwatch, one: PostgresStore
    ) -> None:
        """As of a command, which asks for no news."""
        command = strict(address, stopwatch, 9)
        listening(one)
        await rename(command)
        assert one.revocations.news() == [OF_ADA]
        await command.close()

    async def test_s15_waits_out_the_bound_where_the_server_is_lost(
        self, address: Address, outsider: asyncpg.Connection
    ) -> None:
        """The change may be committed, and whoever hears of it cannot say so."""
        store = quick(address, 3)
        await given(store, ADA)

        async def rename_and_lose(unit: Unit) -> None:
            await unit.accounts.rename(ADA.id, "New")
            await outsider.execute(_END_THE_OTHERS)
            store._pool._address = store.revocations._address = _NOWHERE  # type: ignore[attr-defined]

        async def attempt() -> None:
            with pytest.raises(StoreFailed):
                await alone(store, rename_and_lose)

        assert 1.0 < await seconds(attempt()) < 2.5
        await store.close()


_NOWHERE = Address.parse("postgresql://nobody:hunter2@127.0.0.1:1/nowhere")
_END_THE_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class TestANode:
    async def test_stands_in_the_table_from_before_its_first_lease_until_it_leaves(
        self, address: Address, stopwatch: Stopwatch, outsider: asyncpg.Connection
    ) -> None:
        store = strict(address, stopwatch, 7)
        await store.revocations.ready(5 * SECOND)
        assert await outsider.fetchval(NAMES) == f"{name_of(store)}.1"
        await store.close()
        assert await outsider.fetchval(NAMES) is None
        assert store.revocations.news() is None

    async def test_that_is_gone_without_a_word_delays_nobody_for_long(
        self, one: PostgresStore, address: Address, outsider: asyncpg.Connection
    ) -> None:
        """The first answer waits for the end of its lease; soon nobody waits for it any more."""
        await outsider.execute(GHOST.replace("60000", "500"))
        store = quick(address, 3, SECOND // 2)
        await store.revocations.ready(5 * SECOND)
        assert 0.5 < await seconds(rename(store, "One")) < 1.5
        while await outsider.fetchval("SELECT 1 FROM nodes WHERE name = 'ghost.1'"):
            assert await seconds(rename(store, "Two")) < 1.5
        assert await seconds(rename(store, "Three")) < 0.4
        await store.close()

    async def test_s15_that_was_taken_for_dead_believes_nothing_until_it_has_come_anew(
        self, one: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        revocations = one.revocations
        listening(one)
        await outsider.execute("UPDATE nodes SET is_leaving = 1")
        revocations._beats.want()  # type: ignore[attr-defined]  # its next beat, now
        await until(lambda: revocations.news() is None)
        await revocations.ready(5 * SECOND)
        assert await outsider.fetchval(NAMES) == f"{name_of(one)}.2"
        assert await outsider.fetchval("SELECT count(*) FROM nodes") == 1
        assert revocations.news() is None
        assert revocations.news() == ()

    async def test_marks_those_whose_connection_is_gone_when_it_comes(
        self, address: Address, stopwatch: Stopwatch, outsider: asyncpg.Connection
    ) -> None:
        await outsider.execute("INSERT INTO nodes VALUES ('dead.1', 0, 60000, 0)")
        store = strict(address, stopwatch, 7)
        await store.revocations.ready(5 * SECOND)
        assert [row[0] for row in await outsider.fetch(NAMES)] == [f"{name_of(store)}.1"]
        await store.close()

    async def test_s15_that_comes_in_the_very_moment_knows_what_was_answered_before(
        self, one: PostgresStore, address: Address, stopwatch: Stopwatch
    ) -> None:
        """Whatever it read before is forgotten, or is news to it, at the first look after."""
        for number in range(20):
            late = strict(address, stopwatch, 20 + number)
            assert late.revocations.news() is None
            for _ in range(number):  # it is a little further on each time
                await late.reading.accounts.find(ADA.id)
            await rename(one, f"Name {number}")
            assert late.revocations.news() != ()
            await late.close()
