"""A store on PostgreSQL, as the settings say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from watchword.adapters.sql.failures import Observe, StoreFailed, unobserved
from watchword.adapters.sql.postgres import migration
from watchword.adapters.sql.postgres.address import Address, AddressInvalid
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.adapters.system import SystemClock, SystemRandomness, SystemStopwatch
from watchword.domain.time import Span
from watchword.ports import Clock, OpenStore
from watchword.settings import Revocation, ServerUrl, Settings


@dataclass(frozen=True, slots=True)
class PostgresStorage:
    """A database of a server. ``place`` is all of its address that people may see."""

    place: str
    address: Address
    bound: Span
    is_strict: bool
    audit_retention: Span | None

    @classmethod
    def at(cls, server: ServerUrl, settings: Settings) -> "PostgresStorage":
        """Raise `StoreFailed` for an option that is none, and for what this store cannot do."""
        url = server.url.reveal().decode()
        try:
            address = Address.parse(url, pool_size=settings.database_pool)
        except AddressInvalid as refusal:
            raise StoreFailed(f"WATCHWORD_DATABASE_URL: {refusal}") from None
        return cls(
            server.place,
            address,
            settings.revocation_bound,
            settings.revocation is Revocation.STRICT,
            settings.audit_retention,
        )

    @property
    def files(self) -> Sequence[Path]:
        return ()

    async def revision(self) -> str | None:
        return await migration.current_revision(self.address)

    async def migrate(self) -> bool:
        return await migration.migrate(self.address)

    async def faults(self) -> Sequence[str]:
        """What a server finds damaged it says itself, in its log."""
        return ()

    async def open(self, observe: Observe = unobserved, *, clock: Clock | None = None) -> OpenStore:
        """Its name among the nodes is the system's chance alone: a seed would make two the same."""
        return PostgresStore(
            self.address,
            ByDatabase(SystemStopwatch(), self.bound, self.is_strict),
            clock=clock or SystemClock(),
            randomness=SystemRandomness(),
            audit_retention=self.audit_retention,
            observe=observe,
        )
