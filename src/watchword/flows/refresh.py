"""Refresh: one compare-and-swap, idempotent for a retry, deadly for a replay.

Invariant: no interleaving with a revoke, a sign-in or another refresh revives a session, and a
losing answer takes nothing from the winner.
"""

from dataclasses import dataclass

from watchword.crypto.jws import InvalidToken
from watchword.crypto.opaque import Presented
from watchword.domain.errors import SessionRevoked, TokenInvalid, TokenReused
from watchword.domain.events import TokenReuseDetected
from watchword.domain.sessions import EndReason, Rotation, Session, judge_rotation
from watchword.domain.time import Instant, Span
from watchword.flows.grants import Grant, Grants
from watchword.flows.standings import Standings
from watchword.ports import Clock, Count, Meter, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class Refresh:
    store: Store
    grants: Grants
    standings: Standings
    clock: Clock
    meter: Meter
    grace: Span

    async def __call__(self, token: str, trace: RequestTrace) -> Grant:
        """The next access token and refresh token. Raise `TokenInvalid` for what is not ours,
        `SessionExpired`, `SessionRevoked`, or `TokenReused`, which has ended the session.
        """
        now = self.clock.now()
        try:
            presented = self.grants.refresh_tokens.read(token)
            await self.standings.settle(presented.session_id, now)
            session = await self._rotate(presented, now, trace)
        except InvalidToken:
            self.meter.count(Count.REFRESHES, "invalid")
            raise TokenInvalid from None
        if session is None:
            self.meter.count(Count.REFRESHES, "reused")
            raise TokenReused
        self.standings.catch_up()
        caller = await self.standings.admit(session.id, now)
        return await self.grants.give(caller.account, session, now=now)

    async def _rotate(
        self, presented: Presented, now: Instant, trace: RequestTrace
    ) -> Session | None:
        """The session after the step that ``presented`` earns it; None when it was a replay."""
        async with self.store.transaction() as unit:
            session = await unit.sessions.rotate(
                presented.session_id, presented.generation, now=now
            )
            if session is None:
                return await self._second_look(unit, presented, now, trace)
            self.grants.refresh_tokens.require_genuine(presented, session.salt)
        self.meter.count(Count.REFRESHES, "rotated")
        return session

    async def _second_look(
        self, unit: Unit, presented: Presented, now: Instant, trace: RequestTrace
    ) -> Session | None:
        standing = await unit.sessions.find(presented.session_id)
        if standing is None:
            raise SessionRevoked
        session = standing.session
        self.grants.refresh_tokens.require_genuine(presented, session.salt)
        session.require_alive(now)
        verdict = judge_rotation(session, presented.generation, now=now, grace=self.grace)
        if verdict is Rotation.REPEATED:
            self.meter.count(Count.REFRESHES, "repeated")
            return session
        await unit.sessions.end(session.id, EndReason.REUSED, now=now)
        event = TokenReuseDetected(
            subject=session.user_id,
            session=session.id,
            generation=presented.generation,
            current=session.generation,
        )
        await unit.audit.append(event, at=now, trace=trace)
        return None
