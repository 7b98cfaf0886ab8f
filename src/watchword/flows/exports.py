"""What leaves as a file, page by page: that it did is written down, and who asked for it is looked
at again before each.
"""

from dataclasses import dataclass

from watchword.domain.events import AuditExported, Event, OwnDataExported
from watchword.domain.standing import Caller
from watchword.domain.time import Instant
from watchword.flows.standings import Standings
from watchword.ports import Clock, Holdings, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class KeptFactor:
    """An app that makes codes; ``confirmed_at`` is None while it guards nothing."""

    created_at: Instant
    confirmed_at: Instant | None
    recovery_codes: int


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What of the audit log an operator wanted, in their own words; None: no such filter."""

    user: str | None
    type: str | None
    since: str | None
    until: str | None
    format: str


@dataclass(frozen=True, slots=True)
class Exports:
    store: Store
    standings: Standings
    clock: Clock

    @property
    def holdings(self) -> Holdings:
        return self.store.reading.holdings

    async def begin_own(self, caller: Caller, trace: RequestTrace) -> KeptFactor | None:
        """Write down that ``caller`` takes a copy of their data. What no reading shows of it."""
        own = caller.account.id
        async with self.store.transaction() as unit:
            event = OwnDataExported(subject=own, actor=own, session=caller.session.id)
            await self._note(unit, event, trace)
            app = await unit.totp.find(own)
            left = await unit.recovery_codes.count(own)
        return None if app is None else KeptFactor(app.created_at, app.confirmed_at, left)

    async def begin_audit(self, caller: Caller, asked: AskedFor, trace: RequestTrace) -> None:
        """Write down that ``caller`` takes away what the audit log holds of it."""
        event = AuditExported(
            subject=None,
            actor=caller.account.id,
            session=caller.session.id,
            of_user=asked.user,
            of_type=asked.type,
            since=asked.since,
            until=asked.until,
            format=asked.format,
        )
        async with self.store.transaction() as unit:
            await self._note(unit, event, trace)

    async def admit(self, caller: Caller) -> Caller:
        """``caller`` as they stand by now; the store is asked only where the pictures do not say.
        No use of their session. Raise as `Standings.admit`.
        """
        self.standings.catch_up()
        return await self.standings.admit(caller.session.id, self.clock.now())

    async def _note(self, unit: Unit, event: Event, trace: RequestTrace) -> None:
        await unit.audit.append(event, at=self.clock.now(), trace=trace)
