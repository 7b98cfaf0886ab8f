"""Sessions in SQL. Invariant: no verb here turns an ended session into a live one."""

from collections.abc import Sequence

from watchword.adapters.sql.accounts import COLUMNS as ACCOUNT_COLUMNS
from watchword.adapters.sql.accounts import WIDTH as ACCOUNT_WIDTH
from watchword.adapters.sql.accounts import account_of
from watchword.adapters.sql.changes import note
from watchword.adapters.sql.statements import HELD, Claim, Parameters, Row, Statements
from watchword.domain.devices import Origin
from watchword.domain.errors import AccountDisabled, InvalidCredentials, SessionLimitReached
from watchword.domain.risk import Visit
from watchword.domain.sessions import REMEMBERED_ROTATIONS, EndReason, Session, Transport
from watchword.domain.time import Instant
from watchword.ports import Standing, Topic

COLUMNS = (
    "id, user_id, transport, generation, proof, salt, rotated_at, created_at, last_seen_at,"
    " idle_ttl, idle_expires_at, expires_at, authenticated_at, amr, ip, user_agent, remembered,"
    " rotated_before, ended_at, ended_reason"
)
_OPEN = f"""
INSERT INTO sessions ({COLUMNS})
SELECT :id, u.id, :transport, :generation, :proof, :salt, :rotated_at, :created_at, :last_seen_at,
       :idle_ttl, :idle_expires_at, :expires_at, :authenticated_at, :amr, :ip, :user_agent,
       :remembered, '', NULL, NULL
FROM users u
WHERE u.id = :user_id AND u.status = 'active'
  AND (:proven = '' OR u.password_hash = :proven)
{HELD}
"""  # noqa: S608  constant text
ALIVE = "ended_at IS NULL AND idle_expires_at > :now AND expires_at > :now"
_TOO_MANY = f"""
SELECT id FROM sessions WHERE user_id = :user_id AND id <> :id AND {ALIVE}
ORDER BY created_at DESC, id DESC LIMIT 1000000 OFFSET :others
"""  # noqa: S608  constant text
_TAKE_BACK = "DELETE FROM sessions WHERE id = :id"
_FIND = f"""
SELECT {ACCOUNT_COLUMNS}, {", ".join("s." + name.strip() for name in COLUMNS.split(","))}
FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = :id
"""  # noqa: S608  constant text
_LIST_LIVE = f"""
SELECT {COLUMNS} FROM sessions WHERE user_id = :user_id AND {ALIVE}
ORDER BY created_at DESC, id DESC
"""  # noqa: S608  constant text
# Each half reads its end of the index `sessions_by_user`, however many sessions there are.
LIST_VISITS = """
SELECT ip, created_at FROM (
    SELECT ip, created_at FROM sessions WHERE user_id = :user_id AND ended_at IS NULL
    ORDER BY created_at DESC LIMIT :at_most) live
UNION ALL
SELECT ip, created_at FROM (
    SELECT ip, created_at FROM sessions WHERE user_id = :user_id AND ended_at IS NOT NULL
    ORDER BY ended_at DESC, created_at DESC LIMIT :at_most) ended
"""
SLIDE = """
last_seen_at = CASE WHEN last_seen_at < :now THEN :now ELSE last_seen_at END,
idle_expires_at = CASE WHEN last_seen_at < :now AND idle_expires_at < :now + idle_ttl
    THEN :now + idle_ttl ELSE idle_expires_at END
"""
# A moment has 13 digits until the year 2286, and a space follows; one that is cut is too early.
_MOMENTS = 14 * REMEMBERED_ROTATIONS
ROTATED = f"""generation = :next, rotated_at = :now, {SLIDE},
    rotated_before = substr(CAST(rotated_at AS TEXT) || ' ' || rotated_before, 1, {_MOMENTS})"""
_ROTATE = f"""
UPDATE sessions SET {ROTATED}
WHERE id = :id AND generation = :held AND {ALIVE}
"""  # noqa: S608  constant text
_REPROVE = f"""
UPDATE sessions SET authenticated_at = :now, amr = :amr, proof = proof + 1, {SLIDE},
    generation = generation + :step, rotated_at = CASE WHEN :step = 1 THEN :now ELSE rotated_at END
WHERE id = :id AND proof = :proof AND {ALIVE}
RETURNING {COLUMNS}
"""  # noqa: S608  constant text
_END = """
UPDATE sessions SET ended_at = :now, ended_reason = :reason WHERE id = :id AND ended_at IS NULL
"""
# Those past their end as well: by the clock of another node they may still have a moment to live.
_END_ALL = """
UPDATE sessions SET ended_at = :now, ended_reason = :reason
WHERE user_id = :user_id AND id <> :keep AND ended_at IS NULL
RETURNING id, CASE WHEN idle_expires_at > :now AND expires_at > :now THEN 1 ELSE 0 END
"""
TOUCHED = f"last_seen_at < :now AND {ALIVE}"
TOUCH = f"UPDATE sessions SET {SLIDE} WHERE id = :id AND {TOUCHED}"  # noqa: S608  constant text


def session_of(row: Row) -> Session:
    (
        id_, user_id, transport, generation, proof, salt, rotated, created, seen,
        idle_ttl, idle_end, end, authenticated, amr, ip, agent, remembered, before, ended, reason,
    ) = row  # fmt: skip
    assert isinstance(salt, bytes)
    return Session(
        id=str(id_),
        user_id=str(user_id),
        transport=Transport(str(transport)),
        generation=int(generation or 0),
        proof=int(proof or 0),
        salt=salt,
        rotated_at=int(rotated or 0),
        created_at=int(created or 0),
        last_seen_at=int(seen or 0),
        idle_ttl=int(idle_ttl or 0),
        idle_expires_at=int(idle_end or 0),
        expires_at=int(end or 0),
        authenticated_at=int(authenticated or 0),
        amr=tuple(str(amr).split()),
        origin=Origin(str(ip), str(agent)),
        remembered=bool(remembered),
        rotated_before=tuple(int(moment) for moment in str(before).split()),
        ended_at=None if ended is None else int(ended),
        ended_reason=None if reason is None else EndReason(str(reason)),
    )


class SqlSessions:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def open(
        self, session: Session, *, limit: int, evicts: bool, proven: str | None
    ) -> Sequence[str]:
        opened = await self._statements.change(
            _OPEN,
            {
                "id": session.id,
                "user_id": session.user_id,
                "transport": session.transport.value,
                "generation": session.generation,
                "proof": session.proof,
                "salt": session.salt,
                "rotated_at": session.rotated_at,
                "created_at": session.created_at,
                "last_seen_at": session.last_seen_at,
                "idle_ttl": session.idle_ttl,
                "idle_expires_at": session.idle_expires_at,
                "expires_at": session.expires_at,
                "authenticated_at": session.authenticated_at,
                "amr": " ".join(session.amr),
                "ip": session.origin.ip,
                "user_agent": session.origin.user_agent,
                "remembered": int(session.remembered),
                "proven": proven or "",
            },
        )
        if not opened:
            raise await self._why_not_opened(session)
        return await self._make_room(session, limit=limit, evicts=evicts)

    async def _why_not_opened(self, session: Session) -> AccountDisabled | InvalidCredentials:
        row = await self._statements.row(
            "SELECT status FROM users WHERE id = :id", {"id": session.user_id}
        )
        is_disabled = row is not None and row[0] != "active"
        return AccountDisabled() if is_disabled else InvalidCredentials()

    async def _make_room(self, session: Session, *, limit: int, evicts: bool) -> Sequence[str]:
        now = session.created_at
        rows = await self._statements.rows(
            _TOO_MANY,
            {"user_id": session.user_id, "id": session.id, "others": limit - 1, "now": now},
        )
        if rows and not evicts:
            await self._statements.change(_TAKE_BACK, {"id": session.id})
            raise SessionLimitReached
        if rows:
            await self._statements.claim(Claim.SESSIONS_OF_USER, session.user_id)
        too_many = [str(row[0]) for row in rows]
        for session_id in too_many:
            await self._end(session_id, EndReason.EVICTED, now=now)
        return too_many

    async def find(self, session_id: str) -> Standing | None:
        await self._statements.claim(Claim.OWNER_OF_SESSION, session_id)
        row = await self._statements.row(_FIND, {"id": session_id})
        if row is None:
            return None
        return Standing(account_of(row), session_of(row[ACCOUNT_WIDTH:]))

    async def list_live(self, user_id: str, now: Instant) -> Sequence[Session]:
        rows = await self._statements.rows(_LIST_LIVE, {"user_id": user_id, "now": now})
        return [session_of(row) for row in rows]

    async def list_visits(self, user_id: str, *, at_most: int) -> Sequence[Visit]:
        rows = await self._statements.rows(LIST_VISITS, {"user_id": user_id, "at_most": at_most})
        visits = [Visit(str(ip), int(at or 0)) for ip, at in rows]
        return sorted(visits, key=lambda visit: visit.at, reverse=True)[:at_most]

    async def rotate(
        self, session_id: str, generation: int, *, now: Instant, held: int | None = None
    ) -> bool:
        compared = generation if held is None else held
        rotated = await self._statements.change(
            _ROTATE, {"id": session_id, "held": compared, "next": generation + 1, "now": now}
        )
        return rotated == 1

    async def reprove(
        self, session: Session, amr: tuple[str, ...], *, now: Instant
    ) -> Session | None:
        rows = await self._statements.rows(
            _REPROVE,
            {
                "id": session.id,
                "proof": session.proof,
                "amr": " ".join(amr),
                "step": int(session.transport is Transport.SESSION),
                "now": now,
            },
        )
        if not rows:
            return None
        proven = session_of(rows[0])
        await note(self._statements, Topic.SESSION, session.id, proof=proven.proof)
        return proven

    async def end(self, session_id: str, reason: EndReason, *, now: Instant) -> bool:
        await self._statements.claim(Claim.OWNER_OF_SESSION, session_id)
        ended = await self._end(session_id, reason, now=now)
        if not ended:
            self._statements.note_again(Topic.SESSION, session_id)
        return ended

    async def _end(self, session_id: str, reason: EndReason, *, now: Instant) -> bool:
        ended = await self._statements.change(
            _END, {"id": session_id, "reason": reason.value, "now": now}
        )
        if ended:
            await note(self._statements, Topic.SESSION, session_id)
        return bool(ended)

    async def end_all(
        self, user_id: str, reason: EndReason, *, now: Instant, keep: str | None = None
    ) -> int:
        await self._statements.claim(Claim.USER, user_id)
        await self._statements.claim(Claim.SESSIONS_OF_USER, user_id)
        rows = await self._statements.rows(
            _END_ALL,
            {"user_id": user_id, "reason": reason.value, "now": now, "keep": keep or ""},
        )
        for session_id in sorted(str(row[0]) for row in rows):
            await note(self._statements, Topic.SESSION, session_id)
        self._statements.note_again(Topic.USER, user_id)
        return sum(row[1] == 1 for row in rows)

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        uses: list[Parameters] = [{"id": session_id, "now": at} for session_id, at in sorted(seen)]
        await self._statements.change_each(TOUCH, uses)
