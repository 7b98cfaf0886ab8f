"""An answer that goes on, as an ASGI server drives it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from watchword.web.streaming import Stream, pour

PATIENCE = 10.0


@dataclass
class Wire:
    """``left`` are the messages that a client, or a server that wants to end, has still to send."""

    left: list[dict[str, Any]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    async def receive(self) -> Mapping[str, Any]:
        if not self.left:
            await asyncio.Event().wait()
        return self.left.pop(0)

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message["body"])


async def endless() -> AsyncGenerator[bytes, None]:
    yield b"first"
    await asyncio.Event().wait()


REQUEST = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize("last", [REQUEST, GONE], ids=["the server ends", "the client goes"])
@pytest.mark.parametrize("is_read", [False, True])
async def test_ends_with_the_first_message_after_the_request(
    last: dict[str, Any], *, is_read: bool
) -> None:
    """Which is the very first for a request whose body was read."""
    wire = Wire([last] if is_read else [REQUEST, last])
    pieces = endless()
    stream = Stream(200, headers=[], pieces=pieces)
    async with asyncio.timeout(PATIENCE):
        await pour(stream, wire.receive, wire.send, is_head=False, is_read=is_read)
    assert wire.sent[-1] == b""
    assert wire.left == []
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)


async def test_goes_on_while_the_request_is_all_that_has_come() -> None:
    wire = Wire([{**REQUEST, "more_body": True}, REQUEST])
    stream = Stream(200, headers=[], pieces=endless())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await pour(stream, wire.receive, wire.send, is_head=False)
    assert b"" not in wire.sent
