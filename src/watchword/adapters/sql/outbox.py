"""Letters that wait in SQL: a claim pushes the moment at which a letter is due behind its lease."""

from collections.abc import Sequence

from watchword.adapters.sql.statements import UNCLAIMED, Claim, Queries, Row, Statements
from watchword.domain.letters import WITH_LINK, Letter, Reason
from watchword.domain.time import Instant, Span

_COLUMNS = "id, reason, address, user_id, ip, user_agent, language, detail, created_at, attempts"
_PUT = f"""
INSERT INTO letters ({_COLUMNS}, due_at)
VALUES (:id, :reason, :address, :user_id, :ip, :user_agent, :language, :detail, :created_at,
        :attempts, :due_at)
"""  # noqa: S608  constant text
_CLAIM = f"""
UPDATE letters SET due_at = :until, attempts = attempts + 1
WHERE due_at <= :now AND id IN (
    WITH due AS (
        SELECT id FROM letters WHERE due_at <= :now ORDER BY due_at LIMIT :at_most {UNCLAIMED})
    SELECT id FROM due)
RETURNING {_COLUMNS}
"""  # noqa: S608  constant text
_HOLD = "UPDATE letters SET due_at = :until WHERE id = :id AND attempts = :attempts"
_POSTPONE = "UPDATE letters SET due_at = :due_at WHERE id = :id"
_REMOVE = "DELETE FROM letters WHERE id = :id"
_LINKS = ", ".join(f"'{reason.value}'" for reason in sorted(WITH_LINK))
_RECALL = f"DELETE FROM letters WHERE user_id = :user_id AND reason IN ({_LINKS})"  # noqa: S608
_COUNT = "SELECT COUNT(*) FROM letters"
COUNT_DUE = "SELECT COUNT(*) FROM letters WHERE due_at <= :due"


class SqlOutboxReader:
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def count(self, *, due: Instant | None = None) -> int:
        if due is None:
            row = await self._queries.row(_COUNT, {})
        else:
            row = await self._queries.row(COUNT_DUE, {"due": due})
        return int(row[0] or 0) if row else 0


class SqlOutbox:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def put(self, letter: Letter, *, due: Instant) -> None:
        await self._statements.change(
            _PUT,
            {
                "id": letter.id,
                "reason": letter.reason.value,
                "address": letter.address,
                "user_id": letter.user_id or "",
                "ip": letter.ip,
                "user_agent": letter.user_agent,
                "language": letter.language,
                "detail": letter.detail,
                "created_at": letter.created_at,
                "attempts": letter.attempts,
                "due_at": due,
            },
        )

    async def claim(self, *, now: Instant, lease: Span, at_most: int) -> Sequence[Letter]:
        rows = await self._statements.rows(
            _CLAIM, {"now": now, "until": now + lease, "at_most": at_most}
        )
        return sorted(map(_letter_of, rows), key=lambda letter: (letter.created_at, letter.id))

    async def hold(self, letter: Letter, *, until: Instant) -> bool:
        if letter.user_id is not None:
            await self._statements.claim(Claim.USER, letter.user_id)
        changed = await self._statements.change(
            _HOLD, {"id": letter.id, "attempts": letter.attempts, "until": until}
        )
        return bool(changed)

    async def postpone(self, letter_id: str, *, due: Instant) -> None:
        await self._statements.change(_POSTPONE, {"id": letter_id, "due_at": due})

    async def remove(self, letter_id: str) -> None:
        await self._statements.change(_REMOVE, {"id": letter_id})

    async def recall(self, user_id: str) -> None:
        await self._statements.change(_RECALL, {"user_id": user_id})


def _letter_of(row: Row) -> Letter:
    id_, reason, address, user_id, ip, agent, language, detail, created, attempts = row
    return Letter(
        id=str(id_),
        reason=Reason(str(reason)),
        address=str(address),
        user_id=str(user_id) or None,
        ip=str(ip),
        user_agent=str(agent),
        language=str(language),
        detail=str(detail),
        created_at=int(created or 0),
        attempts=int(attempts or 0),
    )
