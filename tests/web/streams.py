"""A follower of `GET /auth/revocations`, piece by piece, as an ASGI server drives it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.driving import Server
from tests.web.raw import bearer
from watchword.crypto.secret import Secret

TOKEN = "a-token-of-the-services-0123456789abcdef"
TOKENS = (Secret(TOKEN.encode()),)
PATIENCE = 20.0
PATH = "/auth/revocations"


@dataclass(frozen=True)
class Event:
    """As a browser would hand it out."""

    topic: str
    data: dict[str, Any]
    id: str = ""


@dataclass
class Follower:
    """``takes``: whether it reads at all what is sent to it."""

    takes: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 0
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    is_over: bool = False
    _leaves: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _has_asked: bool = False

    async def receive(self) -> dict[str, Any]:
        if not self._has_asked:
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            await self.takes.wait()
            self.pieces.append(message["body"])
            self.is_over = not message.get("more_body", False)
        self._news.set()

    def leave(self) -> None:
        self._leaves.set()

    @property
    def text(self) -> str:
        return b"".join(self.pieces).decode()

    @property
    def events(self) -> list[Event]:
        found = []
        for block in self.text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
            if "data" in lines:
                data = json.loads(lines["data"])
                found.append(Event(lines["event"], data, lines.get("id", "")))
        return found

    @property
    def beats(self) -> list[int]:
        return [int(line[2:]) for line in self.text.splitlines() if line.startswith(": ")]

    async def until_events(self, count: int) -> list[Event]:
        async with asyncio.timeout(PATIENCE):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()
        return self.events

    async def until_beats(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.beats) < count:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def following(
    server: Server,
    *headers: tuple[str, str],
    token: str | None = TOKEN,
    method: str = "GET",
    takes: bool = True,
    kind: type[Follower] = Follower,
) -> AsyncIterator[tuple[Follower, "asyncio.Task[None]"]]:
    """The follower, and the task of its request; it leaves at the end of the block."""
    follower = kind()
    if takes:
        follower.takes.set()
    own: Sequence[tuple[str, str]] = () if token is None else (bearer(token),)
    scope = {
        "type": "http",
        "method": method,
        "path": PATH,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in (*own, *headers)],
        "client": ("198.51.100.7", 40_000),
    }
    request = asyncio.create_task(server.app(scope, follower.receive, follower.send))
    try:
        yield follower, request
    finally:
        follower.leave()
        follower.takes.set()
        await request
