"""Sessions on dicts. Invariant: no verb here turns an ended session into a live one."""

from collections.abc import Sequence
from dataclasses import replace

from watchword.adapters.memory.tables import Place
from watchword.domain.errors import AccountDisabled, InvalidCredentials, SessionLimitReached
from watchword.domain.risk import Visit
from watchword.domain.sessions import REMEMBERED_ROTATIONS, EndReason, Session, Transport
from watchword.domain.time import Instant
from watchword.ports import Standing, Topic


class MemorySessions:
    def __init__(self, place: Place) -> None:
        self._place = place

    async def open(
        self, session: Session, *, limit: int, evicts: bool, proven: str | None
    ) -> Sequence[str]:
        account = self._place.tables.accounts.get(session.user_id)
        if account is not None and not account.is_active:
            raise AccountDisabled
        if account is None or proven not in {None, account.password_hash}:
            raise InvalidCredentials
        now = session.created_at
        too_many = (await self.list_live(session.user_id, now))[limit - 1 :]
        if too_many and not evicts:
            raise SessionLimitReached
        for other in too_many:
            await self.end(other.id, EndReason.EVICTED, now=now)
        self._store(session)
        return [other.id for other in too_many]

    async def find(self, session_id: str) -> Standing | None:
        session = self._place.tables.sessions.get(session_id)
        if session is None:
            return None
        return Standing(self._place.tables.accounts[session.user_id], session)

    async def list_live(self, user_id: str, now: Instant) -> Sequence[Session]:
        live = [s for s in self._of(user_id) if s.is_alive(now)]
        return sorted(live, key=lambda s: (s.created_at, s.id), reverse=True)

    async def list_visits(self, user_id: str, *, at_most: int) -> Sequence[Visit]:
        own = sorted(self._of(user_id), key=lambda s: s.created_at, reverse=True)
        live = [s for s in own if s.ended_at is None]
        ended = sorted(
            (s for s in own if s.ended_at is not None), key=lambda s: s.ended_at or 0, reverse=True
        )
        newest = sorted(live[:at_most] + ended[:at_most], key=lambda s: s.created_at, reverse=True)
        return [Visit(s.origin.ip, s.created_at) for s in newest[:at_most]]

    async def rotate(
        self, session_id: str, generation: int, *, now: Instant, held: int | None = None
    ) -> bool:
        session = self._alive(session_id, now)
        if session is None or session.generation != (generation if held is None else held):
            return False
        before = (session.rotated_at, *session.rotated_before)[:REMEMBERED_ROTATIONS]
        slid = session.seen_at(now)
        self._store(replace(slid, generation=generation + 1, rotated_at=now, rotated_before=before))
        return True

    async def reprove(
        self, session: Session, amr: tuple[str, ...], *, now: Instant
    ) -> Session | None:
        stored = self._alive(session.id, now)
        if stored is None or stored.proof != session.proof:
            return None
        proven = replace(stored.seen_at(now), authenticated_at=now, amr=amr, proof=stored.proof + 1)
        if stored.transport is Transport.SESSION:
            proven = replace(proven, generation=stored.generation + 1, rotated_at=now)
        self._place.tables.note(Topic.SESSION, session.id, proof=proven.proof)
        return self._store(proven)

    async def end(self, session_id: str, reason: EndReason, *, now: Instant) -> bool:
        session = self._place.tables.sessions.get(session_id)
        if session is None or session.ended_at is not None:
            return False
        self._store(replace(session, ended_at=now, ended_reason=reason))
        self._place.tables.note(Topic.SESSION, session_id)
        return True

    async def end_all(
        self, user_id: str, reason: EndReason, *, now: Instant, keep: str | None = None
    ) -> int:
        going = [s for s in self._of(user_id) if s.ended_at is None and s.id != keep]
        for session in going:
            self._store(replace(session, ended_at=now, ended_reason=reason))
        for session_id in sorted(session.id for session in going):
            self._place.tables.note(Topic.SESSION, session_id)
        return sum(session.is_alive(now) for session in going)

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        for session_id, at in seen:
            session = self._alive(session_id, at)
            if session is not None:
                self._store(session.seen_at(at))

    def _of(self, user_id: str) -> list[Session]:
        return [s for s in self._place.tables.sessions.values() if s.user_id == user_id]

    def _alive(self, session_id: str, now: Instant) -> Session | None:
        session = self._place.tables.sessions.get(session_id)
        return session if session is not None and session.is_alive(now) else None

    def _store(self, session: Session) -> Session:
        self._place.tables.sessions[session.id] = session
        return session
