"""The audit log in SQL: only ever appended to, in the transaction of what it tells of."""

import json
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from watchword.adapters.sql.statements import Queries, Row, Statements, Value, all_of
from watchword.domain.events import Event
from watchword.domain.time import Instant, Span
from watchword.ports import AuditQuery, AuditRecord, Page, PageRequest, RequestTrace

_APPEND = """
INSERT INTO audit_events (at, type, subject, actor, session, request_id, ip, user_agent, details)
VALUES (:at, :type, :subject, :actor, :session, :request_id, :ip, :user_agent, :details)
"""
_SELECT = """
SELECT seq, at, type, subject, actor, session, request_id, ip, user_agent, details
FROM audit_events
"""
# Each event is looked at once, in the index by time alone. A subquery has one value, so the counts
# of a step are one text.
_COUNT_EACH = """
WITH RECURSIVE steps (n) AS (
    SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM steps WHERE n + 1 < :steps)
SELECT n, (
    SELECT {counts} FROM audit_events
    WHERE at >= :since + n * :step AND at < :since + (n + 1) * :step)
FROM steps ORDER BY n
"""
_COUNT = "COUNT(CASE WHEN type = :{name} THEN 1 END)"
# What somebody did to themselves is found by its subject alone; the index by actor leaves it out.
_OF_USER = (
    "subject = :user",
    "actor = :user AND (subject IS NULL OR actor <> subject)",
)
_NEWEST = "ORDER BY seq DESC LIMIT :limit"
_JSON = json.JSONEncoder(separators=(",", ":"))
_LONGEST_NUMBER = 18  # digits that always fit in 64 bits


class SqlAuditLog:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def append(self, event: Event, *, at: Instant, trace: RequestTrace) -> None:
        await self._statements.change(
            _APPEND,
            {
                "at": at,
                "type": event.type,
                "subject": event.subject,
                "actor": event.actor,
                "session": event.session,
                "request_id": trace.request_id,
                "ip": trace.ip,
                "user_agent": trace.user_agent,
                "details": _JSON.encode(event.details()),
            },
        )


class SqlAuditReader:
    """``slow`` runs off the event loop: a filter may have to read far."""

    def __init__(self, slow: Queries) -> None:
        self._slow = slow

    async def list_events(self, query: AuditQuery, page: PageRequest) -> Page[AuditRecord]:
        sql, parameters = newest(query, page.after)
        rows = await self._slow.rows(sql, {**parameters, "limit": page.limit + 1})
        shown = [_record_of(row) for row in rows[: page.limit]]
        return Page(shown, shown[-1].id if len(rows) > page.limit else None)

    async def count_events(
        self, types: Sequence[str], *, since: Instant, step: Span, steps: int
    ) -> Mapping[str, Sequence[int]]:
        names = [f"type_{letter}" for letter, _ in zip(ascii_lowercase, types, strict=False)]
        spans: dict[str, Value] = {"since": since, "step": step, "steps": steps}
        named: dict[str, Value] = dict(zip(names, types, strict=True))
        rows = await self._slow.rows(count_each(names), {**spans, **named})
        counts = [[int(count) for count in str(row[1]).split(",")] for row in rows]
        return dict(zip(types, map(list, zip(*counts, strict=True)), strict=True))


def newest(query: AuditQuery, after: str | None) -> tuple[str, dict[str, Value]]:
    """The statement and its parameters, but for the ``limit``. What concerns somebody comes out of
    two indexes, of each as much as fits on the page: however long somebody has been here, no more
    is read.
    """
    pieces: list[str] = []
    known: dict[str, Value] = {}
    for whose in _OF_USER if query.user is not None else _OF_USER[:1]:
        where, known = all_of(
            (whose, "user", query.user),
            ("type = :type", "type", query.type),
            ("at >= :since", "since", query.since),
            ("at < :until", "until", query.until),
            ("seq < :after", "after", _number(after)),
        )
        pieces.append(f"{_SELECT} {where} {_NEWEST}")
    if len(pieces) == 1:
        return pieces[0], known
    found = (f"SELECT * FROM ({piece}) AS of_{n}" for n, piece in enumerate(pieces))  # noqa: S608
    return f"{' UNION ALL '.join(found)} {_NEWEST}", known


def count_each(names: Sequence[str]) -> str:
    """The statement; ``names`` are those of its parameters."""
    counts = " || ',' || ".join(_COUNT.format(name=name) for name in names)
    return _COUNT_EACH.format(counts=counts)


def _number(after: str | None) -> int | None:
    """Nothing comes after a key that was never given."""
    if after is None:
        return None
    return int(after) if after.isdecimal() and len(after) <= _LONGEST_NUMBER else 0


def _record_of(row: Row) -> AuditRecord:
    seq, at, type_, subject, actor, session, request_id, ip, user_agent, details = row
    return AuditRecord(
        id=str(seq),
        at=int(at or 0),
        type=str(type_),
        subject=None if subject is None else str(subject),
        actor=None if actor is None else str(actor),
        session=None if session is None else str(session),
        trace=RequestTrace(request_id=str(request_id), ip=str(ip), user_agent=str(user_agent)),
        details=str(details),
    )
