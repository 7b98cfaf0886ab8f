"""A service of somebody else behind the guard, and a look at what the guard has heard."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2
import msgspec

from watchword.client.answers import Receive, Scope, Send
from watchword.client.events import Revocation
from watchword.client.guard import Guard, Options
from watchword.domain.time import Instant

TOKEN = "a-token-of-the-services-0123456789abcdef"
PATIENCE = 20.0
Heard = TypeVar("Heard")


class StoppedTime:
    """Both clocks stand still until they are moved; they may be moved apart."""

    def __init__(self, now: Instant) -> None:
        self.wall = now
        self.steady = 1_000.0

    def now(self) -> Instant:
        return self.wall

    def seconds(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += int(seconds * 1_000)
        self.steady += seconds


async def greet(scope: Scope, receive: Receive, send: Send) -> None:
    """Says who is asking; it knows no lifespan."""
    if scope["type"] != "http":
        raise RuntimeError("not a request")
    caller = scope.get("watchword")
    body = msgspec.json.encode(None if caller is None else msgspec.to_builtins(caller))
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Watched:
    """A guard, a client of it, and whoever waits for what it hears."""

    def __init__(self, issuer: str, options: Options, **more: Any) -> None:
        self.guard = Guard(greet, issuer=issuer, service_token=TOKEN, options=options, **more)
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.guard), base_url="http://service.test"
        )
        self.revocations: list[Revocation] = []
        self.beats: list[float] = []
        self._news = asyncio.Event()
        self._watch(self.guard._revoked, "note", self.revocations)
        self._watch(self.guard._follower, "_prolong", self.beats)

    def _watch(self, who: object, name: str, kept: list[Heard]) -> None:
        doing: Callable[[Heard], None] = getattr(who, name)

        def watched(heard: Heard) -> None:
            doing(heard)
            kept.append(heard)
            self._news.set()

        setattr(who, name, watched)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    async def hears_of(self, topic: str, id_: str) -> None:
        await self.until(lambda: any(r.topic == topic and r.id == id_ for r in self.revocations))

    async def hears_a_beat(self) -> None:
        """One that comes from now on, after everything that is under way."""
        before = len(self.beats)
        await self.until(lambda: len(self.beats) > before)

    async def ask(self, token: str | None, path: str = "/") -> httpx2.Response:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await self.client.get(path, headers=headers)

    async def verdict(self, token: str | None) -> tuple[int, str | None]:
        return verdict(await self.ask(token))


def verdict(answer: httpx2.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else None


ADMITTED = (200, None)
REVOKED, EXPIRED = (401, "SESSION_REVOKED"), (401, "TOKEN_EXPIRED")
INVALID, UNAVAILABLE = (401, "TOKEN_INVALID"), (503, "UNAVAILABLE")
