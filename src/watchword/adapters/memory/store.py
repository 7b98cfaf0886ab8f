"""The store on dicts: a transaction works on a copy, and its commit puts the copy in place."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from watchword.adapters.memory.accounts import MemoryAccounts, MemoryAdministrators, MemoryDirectory
from watchword.adapters.memory.counters import MemoryLimits, MemoryLockouts
from watchword.adapters.memory.factors import MemoryRecoveryCodes, MemoryTotpFactors
from watchword.adapters.memory.feed import MemoryFeed
from watchword.adapters.memory.holdings import MemoryHoldings
from watchword.adapters.memory.identities import MemoryIdentities
from watchword.adapters.memory.mail import MemoryOutbox, MemoryOutboxReader, MemoryOwnership
from watchword.adapters.memory.passkeys import MemoryPasskeys
from watchword.adapters.memory.records import (
    MemoryAuditLog,
    MemoryAuditReader,
    MemoryDevices,
    MemoryKeys,
    MemoryLinks,
)
from watchword.adapters.memory.sessions import MemorySessions
from watchword.adapters.memory.tables import Place, drop
from watchword.adapters.memory.turns import Turns
from watchword.domain.attempts import FORGOTTEN_AFTER
from watchword.domain.devices import DEVICE_LIFETIME
from watchword.domain.sessions import Rotation, Step
from watchword.domain.time import Instant, Span
from watchword.ports import Change, Clock, Recorded, Unit


class MemoryReading:
    def __init__(self, place: Place) -> None:
        self.accounts = MemoryAccounts(place)
        self.administrators = MemoryAdministrators(place)
        self.passkeys = MemoryPasskeys(place)
        self.identities = MemoryIdentities(place)
        self.sessions = MemorySessions(place)
        self.outbox = MemoryOutboxReader(place)
        self.devices = MemoryDevices(place)
        self.keys = MemoryKeys(place)
        self.directory = MemoryDirectory(place)
        self.holdings = MemoryHoldings(place)
        self.audit = MemoryAuditReader(place)


class MemoryUnit:
    def __init__(self, place: Place) -> None:
        self.accounts = MemoryAccounts(place)
        self.administrators = MemoryAdministrators(place)
        self.passkeys = MemoryPasskeys(place)
        self.identities = MemoryIdentities(place)
        self.sessions = MemorySessions(place)
        self.ownership = MemoryOwnership(place)
        self.totp = MemoryTotpFactors(place)
        self.recovery_codes = MemoryRecoveryCodes(place)
        self.links = MemoryLinks(place)
        self.outbox = MemoryOutbox(place)
        self.devices = MemoryDevices(place)
        self.keys = MemoryKeys(place)
        self.audit = MemoryAuditLog(place)


class MemoryStore:
    """All ports of a store in one, as `SqliteStore` has them."""

    def __init__(self, *, clock: Clock, audit_retention: Span | None = None) -> None:
        self._clock = clock
        self._audit_retention = audit_retention
        self._turns = Turns()
        self._committed = Place()
        self.reading = MemoryReading(self._committed)
        self.limits = MemoryLimits(self._turns)
        self.lockouts = MemoryLockouts(self._turns)
        self.revocations = MemoryRevocations(self._committed)
        self.feed = MemoryFeed(self._committed)

    def transaction(self) -> AbstractAsyncContextManager[MemoryUnit]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[MemoryUnit]:
        async with self._turns.turn():
            draft = Place(self._committed.tables.copy())
            yield MemoryUnit(draft)
            self._note_time(draft.tables.changes)
            self._committed.tables = draft.tables
        self.feed.wake()

    def _note_time(self, changes: list[Recorded]) -> None:
        known = len(self._committed.tables.changes)
        now = self._clock.now()
        changes[known:] = [replace(change, at=now) for change in changes[known:]]

    async def rotate(
        self,
        session_id: str,
        generation: int,
        otherwise: Callable[[Unit], Awaitable[Step]],
        *,
        now: Instant,
    ) -> Step:
        async with self._transaction() as unit:
            if await unit.sessions.rotate(session_id, generation, now=now):
                return Step(Rotation.CURRENT, generation + 1)
            return await otherwise(unit)

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        async with self.transaction() as unit:
            await unit.sessions.touch(seen)

    async def gather(self, within: Span) -> None:
        """There is no commit to share."""

    async def purge(self, now: Instant, *, at_most: int) -> int:
        async with self._turns.turn():
            removed = self._purge_tables(now, at_most)
            removed += self.limits.purge(now, at_most=at_most - removed)
            return removed + self.lockouts.purge(now, at_most=at_most - removed)

    def _purge_tables(self, now: Instant, at_most: int) -> int:
        tables = self._committed.tables
        too_old = 0 if self._audit_retention is None else now - self._audit_retention
        removed = drop(
            tables.sessions,
            lambda _, s: (
                s.expires_at <= now
                or (s.ended_at is not None and s.ended_at <= now - FORGOTTEN_AFTER)
            ),
            at_most,
        )
        removed += drop(
            tables.devices, lambda _, seen: seen <= now - DEVICE_LIFETIME, at_most - removed
        )
        removed += drop(tables.links, lambda _, link: link.expires_at <= now, at_most - removed)
        removed += drop(
            tables.keys,
            lambda _, key: key.retires_at is not None and key.retires_at <= now,
            at_most - removed,
        )
        return removed + drop(tables.audit, lambda _, e: e.at < too_old, at_most - removed)

    async def count_live_sessions(self, now: Instant) -> int:
        return sum(s.is_alive(now) for s in self._committed.tables.sessions.values())

    async def check(self) -> None:
        self._turns.require_open()

    async def close(self) -> None:
        self.feed.close()
        await self._turns.close()


class MemoryRevocations:
    def __init__(self, committed: Place) -> None:
        self._committed = committed
        self._seen: int | None = None

    def news(self) -> Sequence[Change] | None:
        changes = self._committed.tables.changes
        seen, self._seen = self._seen, len(changes)
        return None if seen is None else [recorded.change for recorded in changes[seen:]]
