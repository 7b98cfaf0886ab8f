"""Where everything is kept, as the settings say: the only chooser of a store.

To plug another one in: a class in the shape of `Storage`, named in `storage_of`. To let another
product keep the counters: name it in `open_stores`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from watchword.adapters.sql import inspection
from watchword.adapters.sql import migrate as sqlite_schema
from watchword.adapters.sql.failures import Observe, StoreFailed, unobserved
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.adapters.system import SystemClock
from watchword.domain.time import Span
from watchword.ports import Clock, Limits, Lockouts, OpenStore, Revocations
from watchword.settings import ServerUrl, SessionStore, Settings

NEWEST = sqlite_schema.NEWEST


class Storage(Protocol):
    """A store before it is open. Each call raises `Unavailable` whose text says what to do when
    it cannot be reached or used; none but `migrate` changes anything.
    """

    @property
    def place(self) -> str:
        """As people are told of it; nothing in it is secret."""
        ...

    @property
    def files(self) -> Sequence[Path]:
        """On this machine, for nobody else to read."""
        ...

    async def revision(self) -> str | None:
        """Of the schema; None as long as there is none."""
        ...

    async def migrate(self) -> bool:
        """Bring the schema up to `NEWEST`; True when there was something to do. Many may call it
        at once: one works, the others wait for it.
        """
        ...

    async def faults(self) -> Sequence[str]:
        """Whatever is damaged in it. Raise `Unavailable` also when nobody could write."""
        ...

    async def open(self, observe: Observe = unobserved, *, clock: Clock | None = None) -> OpenStore:
        """``clock`` tells when a change was noted; the system's unless a test brings its own."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteStorage:
    """One file. Its calls do not wait for anybody: they take microseconds, a migration apart,
    before which nobody is served.
    """

    path: Path
    audit_retention: Span | None

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def files(self) -> Sequence[Path]:
        return self.path, self.path.with_name(f"{self.path.name}-wal")

    async def revision(self) -> str | None:
        return sqlite_schema.current_revision(self.path)

    async def migrate(self) -> bool:
        return sqlite_schema.migrate(self.path)

    async def faults(self) -> Sequence[str]:
        return inspection.find_faults(self.path)

    async def open(self, observe: Observe = unobserved, *, clock: Clock | None = None) -> OpenStore:
        return SqliteStore(
            self.path,
            clock=clock or SystemClock(),
            audit_retention=self.audit_retention,
            observe=observe,
        )


def storage_of(settings: Settings) -> Storage:
    """Raise `Unavailable` for an option that no server knows."""
    match settings.database:
        case Path() as path:
            return SqliteStorage(path, settings.audit_retention)
        case ServerUrl() as server:
            from watchword.bootstrap.postgres import PostgresStorage  # lazy: its driver takes time

            return PostgresStorage.at(server, settings)


class Counters(Protocol):
    """Limits and lockouts by another product than the store."""

    @property
    def limits(self) -> Limits: ...
    @property
    def lockouts(self) -> Lockouts: ...

    def moving_sessions_of(self, store: OpenStore) -> OpenStore:
        """``store``, but for what moves in its sessions."""
        ...

    async def check(self) -> None:
        """Raise `Unavailable` unless it can count."""
        ...

    async def eviction_policy(self) -> str | None:
        """By what it forgets when its memory is short; None when it does not tell."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The store, and who counts: ``counters``, or the store itself where there are none."""

    store: OpenStore
    counters: Counters | None = None

    @property
    def limits(self) -> Limits:
        return (self.counters or self.store).limits

    @property
    def lockouts(self) -> Lockouts:
        return (self.counters or self.store).lockouts

    @property
    def revocations(self) -> Revocations:
        return self.store.revocations

    async def close(self) -> None:
        if self.counters is not None:
            await self.counters.close()
        await self.store.close()


async def open_stores(
    settings: Settings, storage: Storage, observe: Observe, *, clock: Clock | None = None
) -> Stores:
    """The schema of ``storage`` must be the newest. Raise `Unavailable` for sessions in a Redis
    that is not named.
    """
    counters = counters_of(settings.redis_url)
    moves = settings.session_store is SessionStore.REDIS
    if moves and counters is None:
        raise StoreFailed("WATCHWORD_SESSION_STORE: redis needs WATCHWORD_REDIS_URL.")
    store = await storage.open(observe, clock=clock)
    if moves and counters is not None:
        store = counters.moving_sessions_of(store)
    return Stores(store, counters)


def counters_of(redis: ServerUrl | None) -> Counters | None:
    """Those of Redis, where one is named."""
    if redis is None:
        return None
    from watchword.bootstrap.redis import RedisCounters  # lazy: its client takes time

    return RedisCounters.at(redis)


async def has_signing_keys(storage: Storage) -> bool:
    """Whether a server has been here before, with a secret of its own."""
    if await storage.revision() is None:
        return False
    store = await storage.open()
    try:
        return bool(await store.reading.keys.list_keys())
    finally:
        await store.close()
