"""The audit log in SQL: only ever appended to, in the transaction of what it tells of."""

import json
from collections.abc import Sequence

from watchword.adapters.sql.statements import Row, Statements, Value
from watchword.domain.events import Event
from watchword.domain.time import Instant
from watchword.ports import AuditQuery, AuditRecord, Page, PageRequest, RequestTrace

_APPEND = """
INSERT INTO audit_events (at, type, subject, actor, session, request_id, ip, user_agent, details)
VALUES (:at, :type, :subject, :actor, :session, :request_id, :ip, :user_agent, :details)
"""
_SELECT = """
SELECT seq, at, type, subject, actor, session, request_id, ip, user_agent, details
FROM audit_events
"""


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
                "details": json.dumps(event.details(), separators=(",", ":")),
            },
        )


class SqlAuditReader:
    """``slow`` runs off the event loop: a filter may have to read far."""

    def __init__(self, slow: Statements) -> None:
        self._slow = slow

    async def list_events(self, query: AuditQuery, page: PageRequest) -> Page[AuditRecord]:
        parameters: dict[str, Value] = {"limit": page.limit + 1}
        where = [
            *_filter(parameters, "(subject = :user OR actor = :user)", "user", query.user),
            *_filter(parameters, "type = :type", "type", query.type),
            *_filter(parameters, "at >= :since", "since", query.since),
            *_filter(parameters, "at < :until", "until", query.until),
            *_filter(parameters, "seq < :after", "after", _number(page.after)),
        ]
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        sql = f"{_SELECT} {condition} ORDER BY seq DESC LIMIT :limit"
        records = [_record_of(row) for row in await self._slow.rows(sql, parameters)]
        shown = records[: page.limit]
        return Page(shown, shown[-1].id if len(records) > page.limit else None)


def _number(after: str | None) -> int | None:
    return int(after) if after is not None and after.isdecimal() else None


def _filter(parameters: dict[str, Value], condition: str, name: str, value: Value) -> Sequence[str]:
    if value is None:
        return ()
    parameters[name] = value
    return (condition,)


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
