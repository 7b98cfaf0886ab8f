"""Each store keeps every promise of its ports."""

from pathlib import Path

from watchword.adapters.memory import MemoryStore
from watchword.adapters.sql.migrate import migrate
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.testing.conformance import ConformingStore, StoreConformance


class TestTheStoreInMemory(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        return MemoryStore()


class TestTheStoreOnSqlite(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        path = folder / "watchword.db"
        migrate(path)
        return SqliteStore(path)
