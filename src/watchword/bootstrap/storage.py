"""Where everything is kept, as the settings say: the only chooser of a store.

To plug another one in: a class in the shape of `Storage`, named in `storage_of`. To let another
product keep the counters, or bring the news of revocations: name it in `open_stores`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from watchword.adapters.sql import inspection
from watchword.adapters.sql import migrate as sqlite_schema
from watchword.adapters.sql.failures import Observe, unobserved
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.adapters.system import SystemClock
from watchword.domain.errors import Unavailable
from watchword.domain.time import Span
from watchword.ports import Clock, Limits, Lockouts, OpenStore, Revocations
from watchword.settings import ServerUrl, Settings

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


class NotPluggedIn(Unavailable):
    """The settings name a store that this release does not have."""

    def __str__(self) -> str:
        return "This release does not speak to Redis: leave WATCHWORD_REDIS_URL out."


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
    """Raise `NotPluggedIn`, and `Unavailable` for an option that no server knows."""
    if settings.redis_url is not None:
        raise NotPluggedIn
    match settings.database:
        case Path() as path:
            return SqliteStorage(path, settings.audit_retention)
        case ServerUrl() as server:
            from watchword.bootstrap.postgres import PostgresStorage  # lazy: its driver takes time

            return PostgresStorage.at(server, settings)


@dataclass(frozen=True, slots=True)
class Stores:
    """The store, and who keeps the counters and brings the news: the store itself, or another."""

    store: OpenStore
    limits: Limits
    lockouts: Lockouts
    revocations: Revocations

    @classmethod
    def of(cls, store: OpenStore) -> "Stores":
        """One product keeps everything."""
        return cls(store, store.limits, store.lockouts, store.revocations)

    async def close(self) -> None:
        await self.store.close()


async def open_stores(storage: Storage, observe: Observe, *, clock: Clock | None = None) -> Stores:
    """As the settings say that ``storage`` was made of; its schema must be the newest."""
    return Stores.of(await storage.open(observe, clock=clock))


async def has_signing_keys(storage: Storage) -> bool:
    """Whether a server has been here before, with a secret of its own."""
    if await storage.revision() is None:
        return False
    store = await storage.open()
    try:
        return bool(await store.reading.keys.list_keys())
    finally:
        await store.close()
