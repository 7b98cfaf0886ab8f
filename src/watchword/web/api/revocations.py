"""What was revoked, as server-sent events (WHATWG HTML section 9.2), for other services.

Invariant: nothing in an event can end its line: numbers, words of ours, and JSON.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec

from watchword.domain.revocations import RETENTION
from watchword.domain.time import SECOND
from watchword.flows.revocation_stream import HEARTBEAT, Beat, Told
from watchword.ports import Recorded
from watchword.web.answers import Answer, encode
from watchword.web.call import Call
from watchword.web.headers import Headers
from watchword.web.streaming import Stream

VERSION: Final = 1

# The first keeps proxies such as nginx from collecting what should go out at once.
_HEADERS: Final = (
    (b"x-accel-buffering", b"no"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
)
_MOST_DIGITS: Final = 18


class Hello(msgspec.Struct, frozen=True):
    """``heartbeat`` and ``retention`` are in seconds."""

    version: int
    heartbeat: float
    retention: int


class Revoked(msgspec.Struct, frozen=True, omit_defaults=True):
    """``at`` is in ms since the epoch. ``gen``: the session goes on, by tokens of that ``gen`` or a
    later one.
    """

    id: str
    at: int
    gen: int = 0


async def stream(call: Call) -> Answer:
    pieces = _written(call.services.revocations.follow(last_event_id(call.headers)))
    await anext(pieces)  # what can be refused is refused before the answer begins
    return Stream(200, headers=list(_HEADERS), pieces=pieces)


def last_event_id(headers: Headers) -> int | None:
    """None for what is no number of ours: then everything is told."""
    value = headers.one(b"last-event-id") or b""
    return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else None


async def _written(told: AsyncGenerator[Told, None]) -> AsyncGenerator[bytes, None]:
    """First nothing, once the stream has begun."""
    hello = Hello(VERSION, HEARTBEAT / SECOND, RETENTION // SECOND)
    async with aclosing(told):
        await anext(told)
        yield b""
        yield b"event: hello\ndata: %b\n\n" % encode(hello)
        async for some in told:
            if isinstance(some, Beat):
                yield b": %d\n\n" % some.at
            else:
                yield b"".join(map(event_of, some))


def event_of(recorded: Recorded) -> bytes:
    change = recorded.change
    data = encode(Revoked(change.id, recorded.at, recorded.proof))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (recorded.seq, change.topic.encode(), data)
