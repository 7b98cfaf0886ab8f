import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import NotFound, Unavailable
from watchword.domain.time import MINUTE
from watchword.ports import Allowance
from watchword.testing import FakeClock
from watchword.testing.conformance.ground import NOW, an_account, at_once, given

ALLOWANCE = Allowance(5, MINUTE)
POLICY = LockoutPolicy(5, MINUTE)


@contextmanager
def traced(store: SqliteStore) -> Iterator[list[str]]:
    """Every statement on the write connection."""
    statements: list[str] = []
    connection = store._writer.connection
    connection.set_trace_callback(statements.append)
    yield statements
    connection.set_trace_callback(None)


class Gate:
    """Holds the commit thread at its next COMMIT."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.commits = 0
        self._loop = asyncio.get_running_loop()
        self._opened = threading.Event()

    def on_statement(self, sql: str) -> None:
        if sql == "COMMIT":
            self.commits += 1
            self._loop.call_soon_threadsafe(self.reached.set)
            assert self._opened.wait(timeout=10)

    def open(self) -> None:
        self._opened.set()


@asynccontextmanager
async def commits_held(store: SqliteStore) -> AsyncIterator[Gate]:
    gate = Gate()
    store._writer.connection.set_trace_callback(gate.on_statement)
    try:
        yield gate
    finally:
        gate.open()
        await insert(store, "last")
        store._writer.connection.set_trace_callback(None)


async def insert(store: SqliteStore, name: str) -> None:
    await given(store, an_account(name))


async def rounds(count: int = 10) -> None:
    """Let everything on the loop go as far as it can."""
    for _ in range(count):
        await asyncio.sleep(0)


def names(outsider: sqlite3.Connection) -> set[str]:
    return {row[0].lower() for row in outsider.execute("SELECT name FROM users")}


class TestSharing:
    async def test_transactions_at_once_share_one_commit(self, store: SqliteStore) -> None:
        with traced(store) as statements:
            await asyncio.gather(*(insert(store, f"p{number}") for number in range(50)))
        assert statements.count("COMMIT") == 1
        assert statements.count("SAVEPOINT turn") == 50

    async def test_whoever_comes_during_a_commit_shares_the_next(self, store: SqliteStore) -> None:
        async with commits_held(store) as gate:
            first = asyncio.create_task(insert(store, "first"))
            await gate.reached.wait()
            late = [asyncio.create_task(insert(store, f"p{number}")) for number in range(20)]
            await rounds()
            assert not any(task.done() for task in (first, *late))
            gate.open()
            await asyncio.gather(first, *late)
            assert gate.commits == 2

    async def test_a_chain_of_transactions_still_shares_with_others(
        self, store: SqliteStore
    ) -> None:
        async def chain(number: int) -> None:
            for step in range(10):
                await insert(store, f"p{number}-{step}")

        with traced(store) as statements:
            await asyncio.gather(*(chain(number) for number in range(10)))
        assert statements.count("COMMIT") <= 20

    async def test_one_that_waits_inside_holds_the_others_up_and_loses_nothing(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        go_on = asyncio.Event()

        async def linger() -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account("slow"))
                await go_on.wait()

        tasks = [asyncio.create_task(linger())]
        await rounds()
        tasks += [asyncio.create_task(insert(store, f"p{number}")) for number in range(5)]
        await rounds()
        assert names(outsider) == set()
        go_on.set()
        await asyncio.gather(*tasks)
        assert names(outsider) == {"slow", *(f"p{number}" for number in range(5))}


class TestATurnThatStays:
    async def test_has_no_savepoint(self, store: SqliteStore) -> None:
        with traced(store) as statements:
            await store.limits.hit("key", ALLOWANCE, now=NOW)
        assert "SAVEPOINT turn" not in statements

    async def test_that_waits_all_the_same_keeps_the_others_out(self, store: SqliteStore) -> None:
        """Or its end would be the end of somebody else's transaction."""
        go_on = asyncio.Event()

        async def linger() -> None:
            async with store._writer.turn(store._unit, stays=True) as unit:
                await go_on.wait()
                await unit.accounts.insert(an_account("late"))

        async def fail() -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account("lost"))
                await rounds()
                raise KeyError

        slow, other = asyncio.create_task(linger()), asyncio.create_task(fail())
        await rounds()
        go_on.set()
        with pytest.raises(KeyError):
            await other
        await slow
        assert await store.reading.accounts.find("u-late") == an_account("late")
        assert await store.reading.accounts.find("u-lost") is None

    async def test_is_not_confirmed_when_everything_was_rolled_back(
        self, store: SqliteStore
    ) -> None:
        """As a full disk does to the whole transaction."""

        async def insert_in_vain() -> None:
            async with store._writer.turn(store._unit, stays=True) as unit:
                await unit.accounts.insert(an_account("ada"))
                store._writer.connection.execute("ROLLBACK")

        with pytest.raises(StoreFailed):
            await insert_in_vain()
        assert await store.reading.accounts.find("u-ada") is None

    async def test_is_no_turn_of_two_a_counter_and_its_share_go_together(
        self, store: SqliteStore
    ) -> None:
        store._writer.connection.execute(
            "CREATE TEMP TRIGGER no_share BEFORE INSERT ON limits WHEN NEW.key = 'key share'"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        with pytest.raises(sqlite3.IntegrityError):
            await store.limits.hit("key", ALLOWANCE, now=NOW, share="share")
        tally = await store.limits.peek("key", ALLOWANCE, now=NOW)
        assert tally.remaining == ALLOWANCE.count


class TestGathering:
    """Who has time is counted with whoever has not: a storm of sign-ins writes half as often."""

    async def test_ends_when_somebody_writes_and_what_follows_shares_the_commit(
        self, store: SqliteStore
    ) -> None:
        async def patient(number: int) -> None:
            await store.gather(MINUTE)
            await store.limits.hit(f"k{number}", ALLOWANCE, now=NOW, share="s")
            await store.lockouts.begin(f"account:{number}", POLICY, now=NOW)

        with traced(store) as statements:
            waiting = [asyncio.create_task(patient(number)) for number in range(3)]
            await rounds()
            assert statements == []
            await insert(store, "ada")
            await asyncio.gather(*waiting)
        assert statements.count("COMMIT") == 1

    async def test_ends_by_itself_when_nobody_writes(self, store: SqliteStore) -> None:
        with traced(store) as statements:
            await store.gather(1)
        assert statements == []

    async def test_does_not_begin_within_a_transaction_that_is_open(
        self, store: SqliteStore
    ) -> None:
        async with store.transaction():
            await store.gather(MINUTE)

    async def test_ends_for_each_alone(self, store: SqliteStore) -> None:
        gone, staying = (asyncio.create_task(store.gather(MINUTE)) for _ in range(2))
        await rounds()
        gone.cancel()
        await rounds()
        assert gone.cancelled()
        assert not staying.done()
        await insert(store, "ada")
        await staying

    async def test_is_not_begun_when_the_store_is_closed(self, store: SqliteStore) -> None:
        waiting = asyncio.create_task(store.gather(MINUTE))
        await rounds()
        await store.close()
        await waiting
        await store.gather(MINUTE)


class TestTheAnswer:
    async def test_goes_out_only_after_the_commit(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        async with commits_held(store) as gate:
            task = asyncio.create_task(insert(store, "ada"))
            await gate.reached.wait()
            await rounds()
            assert not task.done()
            assert names(outsider) == set()
            gate.open()
            await task
            assert names(outsider) == {"ada"}

    async def test_b05_of_a_failure_goes_out_only_after_its_commit(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        await store.lockouts.begin("account:ada", POLICY, now=NOW)
        assert outsider.execute("SELECT failures FROM lockouts").fetchall() == [(1,)]

    async def test_of_a_counter_does_not_wait_for_the_disk(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        async with commits_held(store) as gate:
            tally = await store.limits.hit("k", ALLOWANCE, now=NOW)
            assert tally.remaining == 4
            assert outsider.execute("SELECT hits FROM limits").fetchall() == []
            gate.open()
            await insert(store, "ada")
            assert outsider.execute("SELECT hits FROM limits").fetchall() == [(1,)]


class TestFailing:
    async def test_one_of_a_group_is_rolled_back_alone(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        async def insert_and_fail() -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account("bad"))
                await unit.accounts.rename("u-nobody", "x")

        with traced(store) as statements:
            _, raised = await at_once(insert(store, "a"), insert_and_fail(), insert(store, "b"))
        assert [type(error) for error in raised] == [NotFound]
        assert names(outsider) == {"a", "b"}
        assert statements.count("COMMIT") == 1

    async def test_a_commit_that_fails_is_told_to_everybody_in_it_and_undone(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        async def insert_orphan() -> None:
            """SQLite looks at deferred foreign keys in the commit itself."""
            async with store.transaction() as unit:
                connection = store._writer.connection
                connection.execute("PRAGMA defer_foreign_keys = ON")
                connection.execute("INSERT INTO devices VALUES ('nobody', x'00', 1, 1, NULL)")
                await unit.accounts.insert(an_account("bad"))

        await insert(store, "before")
        returned, raised = await at_once(insert(store, "a"), insert_orphan(), insert(store, "b"))
        assert returned == []
        assert [type(error) for error in raised] == [StoreFailed] * 3
        assert len({id(error) for error in raised}) == 3
        assert names(outsider) == {"before"}
        await insert(store, "after")
        assert names(outsider) == {"before", "after"}

    async def test_what_begins_in_itself_is_told_so_instead_of_waiting_for_ever(
        self, store: SqliteStore
    ) -> None:
        async with store.transaction():
            with pytest.raises(RuntimeError, match="wait for a transaction"):
                await store.limits.hit("k", ALLOWANCE, now=NOW)
            with pytest.raises(RuntimeError, match="wait for a transaction"):
                await insert(store, "ada")

    async def test_nothing_is_done_after_the_block_was_left(self, store: SqliteStore) -> None:
        async with store.transaction() as unit:
            pass
        with pytest.raises(Unavailable):
            await unit.accounts.insert(an_account())
        assert await store.reading.accounts.find(an_account().id) is None


class TestCancelling:
    async def test_who_waits_for_the_commit_harms_nobody(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        async with commits_held(store) as gate:
            tasks = [asyncio.create_task(insert(store, name)) for name in ("a", "b", "c")]
            await gate.reached.wait()
            tasks[1].cancel()
            await rounds()
            assert [task.done() for task in tasks] == [False, True, False]
            gate.open()
            await asyncio.gather(tasks[0], tasks[2])
            assert names(outsider) >= {"a", "c"}

    async def test_who_waits_for_a_turn_harms_nobody(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        async with commits_held(store) as gate:
            tasks = [asyncio.create_task(insert(store, "first"))]
            await gate.reached.wait()
            tasks += [asyncio.create_task(insert(store, f"p{number}")) for number in range(3)]
            await rounds()
            tasks[1].cancel()
            gate.open()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(results[1], asyncio.CancelledError)
            assert names(outsider) == {"first", "p1", "p2"}

    async def test_who_was_woken_for_a_turn_harms_nobody(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        async with commits_held(store) as gate:
            first = asyncio.create_task(insert(store, "first"))
            await gate.reached.wait()
            late = [asyncio.create_task(insert(store, f"p{number}")) for number in range(3)]
            await rounds()
            first.add_done_callback(lambda _: late[0].cancel())
            gate.open()
            await asyncio.gather(*late, return_exceptions=True)
            assert names(outsider) >= {"first", "p1", "p2"}


class TestAnotherProcess:
    async def test_that_writes_is_waited_for_off_the_loop(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        outsider.execute("BEGIN IMMEDIATE")
        tasks = [asyncio.create_task(insert(store, name)) for name in ("ada", "bob")]
        await rounds(100)
        assert await store.reading.accounts.find("u-ada") is None
        assert not any(task.done() for task in tasks)
        outsider.execute("ROLLBACK")
        await asyncio.gather(*tasks)
        assert names(outsider) == {"ada", "bob"}

    async def test_that_does_not_stop_is_not_waited_for_for_ever(
        self, path: Path, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        impatient = SqliteStore(path, clock=FakeClock(), lock_wait=20)
        outsider.execute("BEGIN IMMEDIATE")
        returned, raised = await at_once(insert(impatient, "ada"), insert(impatient, "bob"))
        assert returned == []
        assert {str(error) for error in raised} == {
            "The database is locked by another program: close it."
        }
        assert all(isinstance(error, Unavailable) for error in raised)
        outsider.execute("ROLLBACK")
        await insert(impatient, "eve")
        assert names(outsider) == {"eve"}
        await impatient.close()

    async def test_who_stops_waiting_for_it_harms_nobody(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        outsider.execute("BEGIN IMMEDIATE")
        tasks = [asyncio.create_task(insert(store, name)) for name in ("ada", "bob")]
        await rounds()
        tasks[0].cancel()
        outsider.execute("ROLLBACK")
        await tasks[1]
        assert names(outsider) == {"bob"}


class TestClosing:
    async def test_finishes_what_was_begun(self, path: Path, outsider: sqlite3.Connection) -> None:
        store = SqliteStore(path, clock=FakeClock())
        task = asyncio.create_task(insert(store, "ada"))
        await asyncio.sleep(0)
        await store.limits.hit("k", ALLOWANCE, now=NOW)
        await store.close()
        await task
        assert names(outsider) == {"ada"}
        assert outsider.execute("SELECT hits FROM limits").fetchall() == [(1,)]

    async def test_refuses_what_had_not_begun(
        self, path: Path, outsider: sqlite3.Connection
    ) -> None:
        store = SqliteStore(path, clock=FakeClock())
        gate = Gate()
        store._writer.connection.set_trace_callback(gate.on_statement)
        first = asyncio.create_task(insert(store, "first"))
        await gate.reached.wait()
        late = asyncio.create_task(insert(store, "late"))
        await rounds()
        closing = asyncio.create_task(store.close())
        await rounds()
        gate.open()
        await closing
        await first
        with pytest.raises(Unavailable):
            await late
        assert names(outsider) == {"first"}

    async def test_while_another_process_writes_ends(
        self, path: Path, outsider: sqlite3.Connection
    ) -> None:
        store = SqliteStore(path, clock=FakeClock(), lock_wait=20)
        outsider.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(insert(store, "ada"))
        await rounds()
        await store.close()
        with pytest.raises(Unavailable):
            await task
        assert not store._writer._errands.thread.is_alive()

    @pytest.mark.parametrize(
        "use",
        [
            lambda store: insert(store, "ada"),
            lambda store: store.reading.accounts.find("u-ada"),
            lambda store: store.reading.administrators.has_any(),
            lambda store: store.limits.hit("k", ALLOWANCE, now=NOW),
            lambda store: store.lockouts.begin("k", POLICY, now=NOW),
            lambda store: store.purge(NOW, at_most=1),
            lambda store: store.count_live_sessions(NOW),
            lambda store: store.check(),
        ],
    )
    async def test_is_for_good(
        self, path: Path, use: Callable[[SqliteStore], asyncio.Future[object]]
    ) -> None:
        store = SqliteStore(path, clock=FakeClock())
        await store.close()
        await store.close()
        with pytest.raises(Unavailable):
            await use(store)
        with pytest.raises(Unavailable):
            store.revocations.news()
