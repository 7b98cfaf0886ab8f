"""A migrated file for each test, stores on it, and a look at what SQLite is asked to do."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from watchword.adapters.sql.migrate import migrate
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.testing import FakeClock

pytest.register_assert_rewrite("tests.adapters.sql.races")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "watchword.db"
    migrate(path)
    return path


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "watchword.db"))


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=FakeClock())
    yield store
    await store.close()


@pytest.fixture
async def other(path: Path, store: SqliteStore) -> AsyncIterator[SqliteStore]:
    """Another process on the same file, as far as SQLite can tell."""
    other = SqliteStore(path, clock=FakeClock())
    yield other
    await other.close()


@pytest.fixture
def outsider(path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection of another program."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        yield connection
