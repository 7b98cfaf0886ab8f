"""The operator's console: what happened, and to whom."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from watchword.domain.devices import printable
from watchword.domain.errors import FieldError, Invalid, Refusal, Unavailable
from watchword.domain.events import all_types
from watchword.domain.roles import Permission
from watchword.domain.time import DAY, SECOND, Instant
from watchword.flows.exports import AskedFor
from watchword.ports import AuditQuery
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.visits import show
from watchword.web.paging import cursor_of, page_of
from watchword.web.shapes import EventShape, event_shape
from watchword.web.streaming import Stream
from watchword.web.tables import Format, each_page, head, lines

_NARROWING: Final = ("user", "type", "from", "to")
_LONGEST_NOTED: Final = 64
_TYPES: Final = {
    Format.CSV: b"text/csv; charset=utf-8",
    Format.NDJSON: b"application/x-ndjson; charset=utf-8",
}


class _CutShort(msgspec.Struct, frozen=True):
    """The last line of an export that could not be finished."""

    error: str


_STORE_DOWN: Final = _CutShort(
    "This is not all of it: the store did not answer. Export it once more."
)
_TURNED_AWAY: Final = _CutShort(
    "This is not all of it: whoever asked for it was signed out, or may not read it any more."
)


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
    pieces = _written(call, asked, form)
    await anext(pieces)  # what can be refused is refused before the answer begins
    name = f'attachment; filename="audit.{form}"'.encode()
    headers = [(b"content-type", _TYPES[form]), (b"content-disposition", name)]
    return Stream(200, headers=headers, pieces=pieces)


async def _written(
    call: Call, asked: Mapping[str, str], form: Format
) -> AsyncGenerator[bytes, None]:
    """First nothing, once there is something to write and it is written down who takes it; last,
    that it is not all, if it is not.
    """
    read = partial(call.services.audit.list_events, _wanted(asked))
    async with aclosing(each_page(read)) as pages:
        first = await anext(pages)
        if call.scope["method"] != "HEAD":  # of which nothing is taken away
            await call.services.exports.begin_audit(call.user, _asked_for(asked, form), call.trace)
        yield b""
        yield head(EventShape, form) + lines(list(map(event_shape, first)), EventShape, form)
        try:
            async for records in pages:
                await _require_still(call)
                yield lines(list(map(event_shape, records)), EventShape, form)
        except Refusal as refusal:
            why = _STORE_DOWN if isinstance(refusal, Unavailable) else _TURNED_AWAY
            yield lines([why], _CutShort, form)
            raise


async def _require_still(call: Call) -> None:
    """An export may take longer than a role lasts, or a session. Raise what refuses the next."""
    caller = await call.services.exports.admit(call.user)
    caller.require(Permission.AUDIT_READ)


def _asked_for(asked: Mapping[str, str], form: Format) -> AskedFor:
    """Cut to what is an id, a type or a day: what is longer finds nothing."""
    user, type_, since, until = (
        printable(asked[name], _LONGEST_NOTED) if name in asked else None for name in _NARROWING
    )
    return AskedFor(user, type_, since, until, form.value)


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
