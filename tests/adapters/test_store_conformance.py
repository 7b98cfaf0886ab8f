"""Each store keeps every promise of its ports."""

import shutil
from pathlib import Path

from watchword.adapters.memory import MemoryStore
from watchword.adapters.sql.migrate import migrate
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.testing import FakeClock
from watchword.testing.conformance import ConformingStore, StoreConformance


class TestTheStoreInMemory(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        return MemoryStore(clock=FakeClock())


class TestTheStoreOnSqlite(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        template = folder.parent / "template.db"
        if not template.exists():
            migrate(template)
        return SqliteStore(Path(shutil.copy(template, folder / "watchword.db")), clock=FakeClock())
