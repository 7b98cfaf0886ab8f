import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.migrate import migrate
from watchword.adapters.sql.sqlite.connections import connect, explain
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.testing import FakeClock


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as thread:
        yield thread


def open_store(path: Path) -> SqliteStore:
    return SqliteStore(path, clock=FakeClock())


class TestAConnection:
    def test_syncs_every_commit_and_keeps_foreign_keys(self, path: Path) -> None:
        with closing(connect(path)) as connection:
            for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
                assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)

    def test_for_reading_cannot_write(self, path: Path) -> None:
        with (
            closing(connect(path, read_only=True)) as connection,
            pytest.raises(sqlite3.OperationalError, match="readonly"),
        ):
            connection.execute("DELETE FROM users")

    def test_waits_for_another_that_is_switching_the_new_file_as_well(
        self, tmp_path: Path, thread: ThreadPoolExecutor
    ) -> None:
        """SQLite itself gives up at once here, however long it was told to wait."""
        path = tmp_path / "new.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as first:
            first.execute("BEGIN IMMEDIATE")
            second = thread.submit(connect, path)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.05)
            first.execute("ROLLBACK")
            second.result(timeout=10).close()

    @pytest.mark.parametrize("open_it", [connect, open_store])
    def test_to_a_file_that_is_not_there_does_not_make_it(
        self, tmp_path: Path, open_it: Callable[[Path], object]
    ) -> None:
        path = tmp_path / "watchword.db"
        with pytest.raises(StoreFailed, match="cannot be opened"):
            open_it(path)
        assert not path.exists()

    @pytest.mark.parametrize("open_it", [connect, migrate, open_store])
    @pytest.mark.parametrize("content", [b"not a database " * 500, b"\x00" * 5000])
    def test_to_something_else_says_so_and_leaves_it_alone(
        self, tmp_path: Path, open_it: Callable[[Path], object], content: bytes
    ) -> None:
        path = tmp_path / "notes.txt"
        path.write_bytes(content)
        with pytest.raises(StoreFailed, match="not a SQLite database: check its path"):
            open_it(path)
        assert path.read_bytes() == content

    def test_reads_any_name_as_a_path(self, tmp_path: Path) -> None:
        path = tmp_path / "a b?mode=ro#%41'.db"
        migrate(path)
        connect(path).close()
        assert [file.name for file in tmp_path.iterdir()] == [path.name]


class TestAnError:
    def test_that_is_new_to_us_is_shown_to_the_operator_and_not_to_a_client(self) -> None:
        failed = explain(sqlite3.OperationalError("no such table: users"))
        assert str(failed) == "The database failed (no such table: users)."
        assert failed.detail == "The service cannot do this right now. Try again in a moment."
