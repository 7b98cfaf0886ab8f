"""When the disk says no: nobody is told otherwise, nothing confirmed is lost, and it passes."""

import asyncio
import resource
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import Unavailable
from watchword.domain.time import MINUTE
from watchword.ports import Allowance
from watchword.testing import FakeClock
from watchword.testing.conformance.ground import NOW, alone, an_account, at_once, given

ALLOWANCE = Allowance(50, MINUTE)
POLICY = LockoutPolicy(50, MINUTE)
PAGE = 4096


@contextmanager
def full_for_pages(store: SqliteStore) -> Iterator[None]:
    """No page can be added: a statement that needs one fails, and takes its transaction along."""
    connection = store._writer.connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    connection.execute("PRAGMA max_page_count = 1000000")


@contextmanager
def full_for_commits(path: Path) -> Iterator[None]:
    """The log cannot grow: statements pass, since they are kept in memory, and the commit fails."""
    log = path.with_name(path.name + "-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(log.stat().st_size, PAGE), hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def write_much(store: SqliteStore) -> None:
    async with store.transaction() as unit:
        await unit.accounts.rename("u-ada", "x" * 100 * PAGE)


def people(outsider: sqlite3.Connection) -> dict[str, int]:
    return dict(outsider.execute("SELECT id, length(name) FROM users"))


class TestAFullDisk:
    async def test_x05_fails_everybody_in_the_group_and_nobody_after(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        await given(store, an_account("ada"))
        with full_for_pages(store):
            returned, raised = await at_once(
                given(store, an_account("before")), write_much(store), given(store, an_account("c"))
            )
        assert len(returned) == 1
        assert [type(error) for error in raised] == [StoreFailed, StoreFailed]
        assert str(raised[1]) == "The disk is full: make room, nothing that was confirmed is lost."
        assert people(outsider) == {"u-ada": 3, "u-c": 1}
        await write_much(store)
        assert people(outsider)["u-ada"] == 100 * PAGE

    async def test_x05_that_was_ignored_inside_a_transaction_still_fails_it(
        self, store: SqliteStore, outsider: sqlite3.Connection
    ) -> None:
        await given(store, an_account("ada"))

        async def ignore() -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account("before"))
                with pytest.raises(Unavailable):
                    await unit.accounts.rename("u-ada", "x" * 100 * PAGE)
                with pytest.raises(Unavailable):
                    await unit.accounts.insert(an_account("after"))

        with full_for_pages(store), pytest.raises(Unavailable):
            await ignore()
        assert people(outsider) == {"u-ada": 3}

    async def test_x05_at_the_commit_confirms_nothing_and_loses_nothing(
        self, store: SqliteStore, outsider: sqlite3.Connection, path: Path
    ) -> None:
        await given(store, an_account("ada"))
        with full_for_commits(path):
            returned, raised = await at_once(*(given(store, an_account(f"p{n}")) for n in range(5)))
            assert returned == []
            assert {type(error) for error in raised} == {StoreFailed}
            with pytest.raises(StoreFailed):
                await store.lockouts.begin("account:u-ada", POLICY, now=NOW)
        assert people(outsider) == {"u-ada": 3}
        await given(store, an_account("after"))
        assert people(outsider) == {"u-ada": 3, "u-after": 5}
        assert (await store.lockouts.begin("account:u-ada", POLICY, now=NOW)).failures == 1

    async def test_x05_is_told_to_counters_from_the_second_on(
        self, store: SqliteStore, path: Path
    ) -> None:
        with full_for_commits(path):
            await store.limits.hit("k", ALLOWANCE, now=NOW)
            with pytest.raises(StoreFailed):
                await given(store, an_account("ada"))
            for _ in range(3):
                with pytest.raises(StoreFailed):
                    await store.limits.hit("k", ALLOWANCE, now=NOW)
        assert (await store.limits.peek("k", ALLOWANCE, now=NOW)).remaining == 50
        assert (await store.limits.hit("k", ALLOWANCE, now=NOW)).remaining == 49

    async def test_shows_in_the_check_until_it_is_over(
        self, store: SqliteStore, path: Path
    ) -> None:
        await store.check()
        with full_for_commits(path):
            for _ in range(3):
                with pytest.raises(StoreFailed):
                    await store.check()
        await store.check()

    async def test_still_lets_everybody_read(self, store: SqliteStore, path: Path) -> None:
        await given(store, an_account("ada"))
        with full_for_commits(path):
            with pytest.raises(StoreFailed):
                await given(store, an_account("bob"))
            assert await store.reading.accounts.find("u-ada") == an_account("ada")
            assert not await store.reading.administrators.has_any()
            store.revocations.news()


class TestAReadOnlyFile:
    async def test_refuses_writes_with_what_to_do(self, store: SqliteStore) -> None:
        await given(store, an_account("ada"))
        store._writer.connection.execute("PRAGMA query_only = ON")
        returned, raised = await at_once(given(store, an_account("bob")), store.check())
        assert returned == []
        assert {str(error) for error in raised} == {
            "The database file is read-only: give the service write access."
        }
        assert await store.reading.accounts.find("u-ada") is not None


def damage(path: Path) -> None:
    """Every table and index is garbage; what describes them is whole."""
    with closing(sqlite3.connect(path)) as connection:
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")
        pages = [row[0] for row in roots]
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(b"\xff" * PAGE)


Use = Callable[[SqliteStore], Awaitable[object]]


class TestADamagedFile:
    @pytest.fixture
    async def damaged(self, path: Path) -> Path:
        store = SqliteStore(path, clock=FakeClock())
        await given(store, *(an_account(f"p{number}") for number in range(100)))
        await store.close()
        damage(path)
        return path

    @pytest.mark.parametrize(
        "use",
        [
            lambda store: store.reading.accounts.find("u-p1"),
            lambda store: store.reading.administrators.has_any(),
            lambda store: given(store, an_account("new")),
            lambda store: alone(store, lambda unit: unit.accounts.find("u-p1")),
            lambda store: store.limits.hit("k", ALLOWANCE, now=NOW),
            lambda store: store.check(),
        ],
    )
    async def test_is_reported_with_what_to_do(self, damaged: Path, use: Use) -> None:
        store = SqliteStore(damaged, clock=FakeClock())
        with pytest.raises(StoreFailed, match="damaged: restore a backup"):
            await use(store)
        with pytest.raises(StoreFailed, match="damaged: restore a backup"):
            store.revocations.news()
        await store.close()

    async def test_without_tables_lets_nobody_in(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.db"
        path.touch()
        store = SqliteStore(path, clock=FakeClock())
        with pytest.raises(Unavailable):
            store.revocations.news()
        with pytest.raises(Unavailable):
            await store.check()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(given(store, an_account()), timeout=5)
        await store.close()
