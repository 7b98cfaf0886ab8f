"""The operator's console: what happened, and to whom."""

from datetime import UTC, datetime

from watchword.domain.errors import FieldError, Invalid
from watchword.domain.events import Event
from watchword.domain.time import DAY, SECOND, Instant
from watchword.ports import AuditQuery
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.visits import show
from watchword.web.paging import cursor_of, page_of
from watchword.web.shapes import event_shape


async def search(call: Call) -> Answer:
    """By whom, what, and which days: the last one is within."""
    asked = {name: text for name, text in _query(call).items() if text}
    until = _day(asked, "to")
    wanted = AuditQuery(
        user=asked.get("user"),
        type=asked.get("type"),
        since=_day(asked, "from"),
        until=None if until is None else until + DAY,
    )
    page = page_of(call, asked, "console audit")
    found = await call.services.audit.list_events(wanted, page)
    facts = {
        "events": [event_shape(record) for record in found.rows],
        "cursor": cursor_of(call, found.following, "console audit"),
        "types": sorted(kind.type for kind in Event.__subclasses__()),
        "device_of": call.services.origins.user_agents.parse,
        "query": asked,
    }
    return show(call, "console_audit", facts)


def _query(call: Call) -> dict[str, str]:
    return call.query("user", "type", "from", "to", "cursor")


def _day(asked: dict[str, str], name: str) -> Instant | None:
    """The moment at which it begins, in UTC."""
    text = asked.get(name)
    if text is None:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(FieldError(name, "Write a day like 2026-11-20.")) from None
    return int(day.timestamp()) * SECOND
