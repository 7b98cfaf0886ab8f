"""The operator's console: what happened, and to whom."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from watchword.domain.errors import FieldError, Invalid, Unavailable
from watchword.domain.events import all_types
from watchword.domain.time import DAY, SECOND, Instant
from watchword.ports import AuditQuery
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.visits import show
from watchword.web.paging import cursor_of, page_of
from watchword.web.shapes import EventShape, event_shape
from watchword.web.streaming import Stream
from watchword.web.tables import Format, each_page, head, lines

_NARROWING: Final = ("user", "type", "from", "to")
_TYPES: Final = {
    Format.CSV: b"text/csv; charset=utf-8",
    Format.NDJSON: b"application/x-ndjson; charset=utf-8",
}


class _CutShort(msgspec.Struct, frozen=True):
    """The last line of an export that could not be finished."""

    error: str = "This is not all of it: the store did not answer. Export it once more."


async def search(call: Call) -> Answer:
    """By whom, what, and which days: the last one is within."""
    asked = _asked(call, "cursor")
    page = page_of(call, asked, "console audit")
    found = await call.services.audit.list_events(_wanted(asked), page)
    facts = {
        "events": [event_shape(record) for record in found.rows],
        "cursor": cursor_of(call, found.following, "console audit"),
        "types": all_types(),
        "query": asked,
        "narrowed": {name: text for name, text in asked.items() if name in _NARROWING},
    }
    return show(call, "console_audit", facts)


async def export(call: Call) -> Answer:
    """All that `search` would find, newest first, as a file."""
    asked = _asked(call, "format")
    if asked.get("format") not in set(Format):
        raise Invalid(FieldError("format", "Use csv or ndjson."))
    form = Format(asked["format"])
    pieces = _written(call, _wanted(asked), form)
    await anext(pieces)  # what can be refused is refused before the answer begins
    name = f'attachment; filename="audit.{form}"'.encode()
    headers = [(b"content-type", _TYPES[form]), (b"content-disposition", name)]
    return Stream(200, headers=headers, pieces=pieces)


async def _written(call: Call, wanted: AuditQuery, form: Format) -> AsyncGenerator[bytes, None]:
    """First nothing, once there is something to write; last, that it is not all, if it is not."""
    async with aclosing(each_page(partial(call.services.audit.list_events, wanted))) as pages:
        first = await anext(pages)
        yield b""
        yield head(EventShape, form) + lines(list(map(event_shape, first)), EventShape, form)
        try:
            async for records in pages:
                yield lines(list(map(event_shape, records)), EventShape, form)
        except Unavailable:
            yield lines([_CutShort()], _CutShort, form)
            raise


def _asked(call: Call, also: str) -> dict[str, str]:
    return {name: text for name, text in call.query(*_NARROWING, also).items() if text}


def _wanted(asked: Mapping[str, str]) -> AuditQuery:
    until = _day(asked, "to")
    return AuditQuery(
        user=asked.get("user"),
        type=asked.get("type"),
        since=_day(asked, "from"),
        until=None if until is None else until + DAY,
    )


def _day(asked: Mapping[str, str], name: str) -> Instant | None:
    """The moment at which it begins, in UTC."""
    text = asked.get(name)
    if text is None:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(FieldError(name, "Write a day like 2026-11-20.")) from None
    return int(day.timestamp()) * SECOND
