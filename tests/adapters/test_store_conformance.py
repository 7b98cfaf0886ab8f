"""Each store keeps every promise of its ports."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from watchword.adapters.memory import MemoryStore
from watchword.adapters.sql.migrate import migrate
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.time import MINUTE, SECOND
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance import ConformingStore, StoreConformance

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class TestTheStoreInMemory(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        return MemoryStore(clock=FakeClock())


class TestTheStoreOnSqlite(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        template = folder.parent / "template.db"
        if not template.exists():
            migrate(template)
        return SqliteStore(Path(shutil.copy(template, folder / "watchword.db")), clock=FakeClock())


class TestTheStoreOnANewerSchema(StoreConformance):
    """A running node goes on when a newer version has migrated: it names the columns it knows."""

    async def make_store(self, folder: Path) -> ConformingStore:
        template = folder.parent / "newer.db"
        if not template.exists():
            migrate(template)
            with closing(sqlite3.connect(template)) as connection, connection:
                for (table,) in connection.execute(_TABLES).fetchall():
                    connection.execute(f"ALTER TABLE {table} ADD COLUMN more BIGINT DEFAULT 0")
                connection.execute("CREATE TABLE newer (id TEXT PRIMARY KEY)")
        return SqliteStore(Path(shutil.copy(template, folder / "watchword.db")), clock=FakeClock())


class TestTheStoreOnPostgres(StoreConformance):
    @pytest.fixture(autouse=True)
    def _reach(self, postgres_url: str) -> None:
        self._address = Address.parse(postgres_url)

    async def make_store(self, folder: Path) -> ConformingStore:
        store = PostgresStore(
            self._address,
            ByDatabase(time.perf_counter, MINUTE),
            clock=FakeClock(),
            randomness=SeededRandomness(1),
        )
        await store.revocations.ready(5 * SECOND)
        return store
