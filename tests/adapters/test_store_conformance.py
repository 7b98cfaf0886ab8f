"""Each store keeps every promise of its ports."""

import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from watchword.adapters.memory import MemoryStore
from watchword.adapters.redis import Connections, Names, RedisSessionStore
from watchword.adapters.sql.migrate import migrate
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.crypto.secret import Secret
from watchword.domain.sessions import EndReason
from watchword.domain.time import DAY, MINUTE, SECOND
from watchword.ports import OpenStore
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance import ConformingStore, StoreConformance
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
)

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class TestTheStoreInMemory(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        return MemoryStore(clock=FakeClock())


def on_sqlite(folder: Path) -> SqliteStore:
    template = folder.parent / "template.db"
    if not template.exists():
        migrate(template)
    return SqliteStore(Path(shutil.copy(template, folder / "watchword.db")), clock=FakeClock())


async def on_postgres(url: str) -> PostgresStore:
    store = PostgresStore(
        Address.parse(url),
        ByDatabase(time.perf_counter, MINUTE),
        clock=FakeClock(),
        randomness=SeededRandomness(1),
    )
    await store.revocations.ready(5 * SECOND)
    return store


class TestTheStoreOnSqlite(StoreConformance):
    async def make_store(self, folder: Path) -> ConformingStore:
        return on_sqlite(folder)


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
        self._url = postgres_url

    async def make_store(self, folder: Path) -> ConformingStore:
        return await on_postgres(self._url)


class SessionsInRedis(StoreConformance):
    """What moves in a session is not where its row is."""

    @pytest.fixture(autouse=True)
    async def _connect(self, redis_url: str) -> AsyncIterator[None]:
        self._connections = Connections(Secret(redis_url.encode()), patience=20 * SECOND)
        yield
        await self._connections.close()

    def moving(self, store: OpenStore) -> ConformingStore:
        return RedisSessionStore(store, self._connections, Names())

    async def test_live_sessions_are_counted(self, store: ConformingStore) -> None:
        """Until their absolute end: who is idle for too long is not asked for."""
        ada = an_account()
        await given(store, ada)
        for number in range(3):
            await given_session(store, a_session(ada, number, at=NOW + number))
        ended = a_session(ada, 2).id
        await alone(store, lambda unit: unit.sessions.end(ended, EndReason.REVOKED, now=NOW))
        counted = [await store.count_live_sessions(NOW + DAY + more) for more in (-1, 0, 1)]
        assert counted == [2, 1, 0]


class TestTheStoreOnSqliteAndRedis(SessionsInRedis):
    async def make_store(self, folder: Path) -> ConformingStore:
        return self.moving(on_sqlite(folder))


class TestTheStoreOnPostgresAndRedis(SessionsInRedis):
    @pytest.fixture(autouse=True)
    def _reach(self, postgres_url: str) -> None:
        self._url = postgres_url

    async def make_store(self, folder: Path) -> ConformingStore:
        return self.moving(await on_postgres(self._url))
