"""A store on PostgreSQL, as the settings say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from watchword.adapters.sql.failures import Observe, StoreFailed, unobserved
from watchword.adapters.sql.postgres import migration
from watchword.adapters.sql.postgres.address import Address, AddressInvalid
from watchword.adapters.sql.postgres.store import ByDatabase, ByMessages, PostgresStore
from watchword.adapters.system import SystemClock, SystemRandomness, SystemStopwatch
from watchword.domain.time import Span
from watchword.ports import Clock, OpenStore
from watchword.settings import Revocation, RevocationMessages, ServerUrl, Settings


@dataclass(frozen=True, slots=True)
class PostgresStorage:
    """A database of a server. ``place`` is all of its address that people may see. ``redis``: by
    what nodes tell each other of changes, where the database does not.
    """

    place: str
    address: Address
    bound: Span
    is_strict: bool
    audit_retention: Span | None
    redis: ServerUrl | None

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
            _redis_of(settings),
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
            self._nodes(),
            clock=clock or SystemClock(),
            randomness=SystemRandomness(),
            audit_retention=self.audit_retention,
            observe=observe,
        )

    def _nodes(self) -> ByDatabase | ByMessages:
        if self.redis is None:
            return ByDatabase(SystemStopwatch(), self.bound, self.is_strict)
        from watchword.bootstrap.redis import messages_of  # lazy: its client takes time

        return ByMessages(messages_of(self.redis), SystemStopwatch(), self.bound)


def _redis_of(settings: Settings) -> ServerUrl | None:
    if settings.revocation_messages is RevocationMessages.DATABASE:
        return None
    if settings.redis_url is None or settings.revocation is Revocation.STRICT:
        raise StoreFailed(
            "WATCHWORD_REVOCATION_MESSAGES=redis needs WATCHWORD_REDIS_URL, and revocation that is"
            " not strict."
        )
    return settings.redis_url
