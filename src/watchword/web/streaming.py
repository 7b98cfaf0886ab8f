"""An answer that goes on: it ends when there is no more, when the client goes, or when the server
is about to end.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from watchword.web.answers import Answer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Stream(Answer):
    """``pieces`` stand in for the body; each is sent when it is there."""

    pieces: AsyncGenerator[bytes, None]


async def begin(stream: Stream, send: Send, head: MutableMapping[str, Any]) -> None:
    """Send its ``head``; ``pieces`` end if that cannot be done."""
    try:
        await send(head)
    except BaseException:
        await stream.pieces.aclose()
        raise


async def pour(
    stream: Stream, receive: Receive, send: Send, *, is_head: bool, is_read: bool = False
) -> None:
    """Send what comes, after the head of the answer; raise what ``pieces`` raise. The answer has
    its end on the wire even then. ``is_read``: the request was received to its end before.
    """
    pouring = asyncio.create_task(_pour(stream.pieces, send, is_head=is_head))
    leaving = asyncio.create_task(_left(receive, is_read=is_read))
    try:
        await asyncio.wait((pouring, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        pouring.cancel()
        leaving.cancel()
        _, failure = await asyncio.gather(leaving, pouring, return_exceptions=True)
        await stream.pieces.aclose()  # who is cancelled at once has not begun with them
    await send({"type": "http.response.body", "body": b""})
    if isinstance(failure, Exception):
        raise failure


async def _pour(pieces: AsyncGenerator[bytes, None], send: Send, *, is_head: bool) -> None:
    async with aclosing(pieces):
        async for piece in pieces:
            if is_head:
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _left(receive: Receive, *, is_read: bool) -> None:
    """First comes the request, in as many messages as it takes. The next one is that the client is
    gone; or the server says so that it wants to end, see `watchword.cli.protocol`.
    """
    while not is_read and (await receive()).get("more_body", False):
        pass
    await receive()
