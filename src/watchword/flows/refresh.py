"""Refresh: one compare-and-swap, idempotent for a retry, deadly for a replay.

Invariant: no interleaving with a revoke, a sign-in or another refresh revives a session, and a
losing answer takes nothing from the winner.
"""

from dataclasses import dataclass
from functools import partial

from watchword.crypto.jws import InvalidToken
from watchword.crypto.opaque import Presented
from watchword.domain.errors import SessionRevoked, TokenInvalid, TokenReused, Unavailable
from watchword.domain.events import TokenReuseDetected
from watchword.domain.letters import Reason
from watchword.domain.sessions import EndReason, Rotation, Session, Step, judge_rotation
from watchword.domain.time import Instant, Span
from watchword.flows.grants import Grant, Grants
from watchword.flows.outbox import Postman
from watchword.flows.standings import Standings
from watchword.ports import Clock, Count, Meter, RequestTrace, Store, Unit


@dataclass(frozen=True, slots=True)
class Refresh:
    store: Store
    grants: Grants
    standings: Standings
    postman: Postman
    clock: Clock
    meter: Meter
    grace: Span

    async def __call__(
        self, token: str, trace: RequestTrace, *, arrived: Instant | None = None
    ) -> Grant:
        """The next access token and refresh token. ``arrived``: when the request did, if not now;
        until its turn comes, others may overtake it. Raise `TokenInvalid` for what is not ours,
        `SessionExpired`, `SessionRevoked`, or `TokenReused`, which has ended the session.
        """
        now = self.clock.now()
        try:
            presented = self.grants.refresh_tokens.read(token)
            session = await self.standings.find(presented.session_id)
            self.grants.refresh_tokens.require_genuine(presented, session.salt)
        except InvalidToken:
            self.meter.count(Count.REFRESHES, "invalid")
            raise TokenInvalid from None
        await self.standings.settle(presented.session_id, now)
        try:
            generation = await self._rotate(
                presented, now, trace, arrived=now if arrived is None else arrived
            )
        except SessionRevoked:  # perhaps elsewhere, and the news of it are still on their way
            self.standings.forget(presented.session_id)
            raise
        self.standings.catch_up()
        caller = await self.standings.admit(presented.session_id, now)
        self.standings.note_use(presented.session_id, now)
        return await self.grants.renew(caller, generation, now=now)

    async def _rotate(
        self, presented: Presented, now: Instant, trace: RequestTrace, *, arrived: Instant
    ) -> int:
        """The generation that ``presented`` leads to. Raise as above."""
        id_, generation = presented.session_id, presented.generation
        look = partial(self._second_look, presented, now, trace, arrived=arrived)
        step = await self.store.rotate(id_, generation, look, now=now)
        if step.verdict is Rotation.REUSED:
            self.meter.count(Count.REFRESHES, "reused")
            raise TokenReused
        if step.verdict is Rotation.REPEATED:
            self.meter.count(Count.REFRESHES, "repeated")
        else:
            self.meter.count(Count.REFRESHES, "rotated")
            self.standings.note_rotation(id_, now)
        return step.generation

    async def _second_look(
        self,
        presented: Presented,
        now: Instant,
        trace: RequestTrace,
        unit: Unit,
        *,
        arrived: Instant,
    ) -> Step:
        """What presenting it means, and the session's generation; a replay ends the session."""
        standing = await unit.sessions.find(presented.session_id)
        if standing is None:
            raise SessionRevoked
        session = standing.session
        session.require_alive(now)
        verdict = judge_rotation(session, presented.generation, at=arrived, grace=self.grace)
        if verdict is Rotation.CURRENT:
            raise Unavailable("A session changed while its token was looked at.")
        if verdict is Rotation.AHEAD:
            return await self._bring_forward(unit, session, presented.generation, now)
        if verdict is Rotation.REUSED:
            await unit.sessions.end(session.id, EndReason.REUSED, now=now)
            event = TokenReuseDetected(
                subject=session.user_id,
                session=session.id,
                generation=presented.generation,
                current=session.generation,
            )
            await unit.audit.append(event, at=now, trace=trace)
            await self.postman.tell(unit, Reason.TOKEN_REUSED, standing.account, trace)
        return Step(verdict, session.generation)

    async def _bring_forward(
        self, unit: Unit, session: Session, presented: int, now: Instant
    ) -> Step:
        """The store has lost what it had answered. Its holder is no thief, and goes on."""
        held = session.generation
        if not await unit.sessions.rotate(session.id, presented, now=now, held=held):
            raise Unavailable("A session changed while its token was looked at.")
        return Step(Rotation.CURRENT, presented + 1)
