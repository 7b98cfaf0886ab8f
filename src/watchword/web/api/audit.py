"""What happened, newest first, for those who may read it."""

from datetime import datetime

from watchword.domain.errors import FieldError, Invalid
from watchword.domain.time import SECOND, Instant
from watchword.ports import AuditQuery
from watchword.web.answers import Answer, as_json
from watchword.web.call import Call
from watchword.web.paging import cursor_of, page_of
from watchword.web.shapes import AuditAnswer, event_shape


async def list_events(call: Call) -> Answer:
    query = call.query("user", "type", "from", "to", "limit", "cursor")
    page = page_of(call, query, "audit")
    wanted = AuditQuery(
        user=query.get("user"),
        type=query.get("type"),
        since=_moment(query, "from"),
        until=_moment(query, "to"),
    )
    found = await call.services.audit.list_events(wanted, page)
    events = [event_shape(record) for record in found.rows]
    return as_json(AuditAnswer(events, cursor_of(call, found.following, "audit")))


def _moment(query: dict[str, str], name: str) -> Instant | None:
    """Without an offset nobody could tell which moment is meant."""
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        seconds = None if moment.tzinfo is None else int(moment.timestamp())
    except (ValueError, OverflowError):
        seconds = None
    if seconds is None:
        raise Invalid(FieldError(name, "Write a time like 2026-11-20T12:00:00Z."))
    return seconds * SECOND
