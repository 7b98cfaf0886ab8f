"""An ASGI middleware that lets in who holds a good access token, and nobody whose session ended.

    app = Guard(app, issuer="https://auth.example.com", service_token=TOKEN)

Invariant: a token that is known costs no I/O and no turn of the event loop; and while it cannot be
known what was revoked, nobody gets in (unless `Options.goes_on_alone`).
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx2

from watchword.client.answers import Receive, Scope, Send, refuse
from watchword.client.follower import Follower
from watchword.client.keys import PublishedKeys
from watchword.client.machine import MachineTime, Time
from watchword.client.revoked import Revoked
from watchword.client.source import Source
from watchword.client.tokens import VerifiedTokens
from watchword.crypto.access_tokens import AccessClaims, AccessTokens
from watchword.crypto.secret import Secret
from watchword.domain.errors import Malformed, Refusal, TokenInvalid, TokenMissing, Unavailable
from watchword.domain.time import SECOND, Span

CALLER: Final = "watchword"
LEAST_BOUND: Final[Span] = 500  # Watchword's word comes four times a second

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_VISIBLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``address``: where Watchword is reached, if not at the issuer's own. ``bound``: for how many
    ms a revocation may stay unknown when the connection is cut; then the answer is 503, or with
    ``goes_on_alone`` tokens are good until they expire, revoked or not. ``tokens`` and ``revoked``:
    how many are remembered at a time.
    """

    address: str | None = None
    bound: Span = SECOND
    goes_on_alone: bool = False
    tokens: int = 50_000
    revoked: int = 200_000
    connections: httpx2.AsyncBaseTransport | None = None
    time: Time = field(default_factory=MachineTime)

    def __post_init__(self) -> None:
        if self.bound < LEAST_BOUND:
            raise ValueError(f"bound is {LEAST_BOUND} ms at least")


_STANDARD: Final = Options()


def nothing(_: Scope) -> bool:
    """No path is public."""
    return False


class Guard:
    """Around ``app``: puts the claims of a good token (`AccessClaims`) into ``scope["watchword"]``,
    and answers 401 to everybody else, 503 while it cannot know. What ``is_public`` says yes to is
    let through unseen; ValueError for a kind of connection that is neither HTTP nor a web socket.
    The stream is followed from the start of the lifespan to its end, or, where the host sends none,
    from the first request on.

    ``issuer`` is Watchword's public URL, ``audience`` its `WATCHWORD_AUDIENCE` if that is set,
    ``service_token`` one of its `WATCHWORD_SERVICE_TOKENS`. ValueError for what cannot be one.
    """

    def __init__(
        self,
        app: App,
        *,
        issuer: str,
        service_token: str,
        audience: str | None = None,
        is_public: Callable[[Scope], bool] = nothing,
        options: Options = _STANDARD,
    ) -> None:
        address = options.address or issuer
        if any(urlsplit(url).scheme not in {"http", "https"} for url in (issuer, address)):
            raise ValueError("issuer and address are http or https URLs")
        if not _VISIBLE.fullmatch(service_token):
            raise ValueError("service_token is visible ASCII")
        self._app = app
        self._issuer = issuer
        self._is_public = is_public
        self._goes_on_alone = options.goes_on_alone
        self._source = Source(
            address.rstrip("/"),
            Secret(service_token.encode()),
            options.bound,
            options.connections,
        )
        keys = PublishedKeys(self._source.key_set, options.time)
        self._revoked = Revoked(options.time, capacity=options.revoked)
        self._follower = Follower(
            self._source, self._revoked, keys, options.time, bound=options.bound
        )
        self._tokens = VerifiedTokens(
            AccessTokens(issuer, audience or issuer), keys, options.time, capacity=options.tokens
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            async with self.running():
                await self._app(scope, receive, send)
            return
        if scope["type"] not in {"http", "websocket"}:
            raise ValueError("This is no connection that the guard can look at.")
        if not self._is_public(scope):
            try:
                claims = await self._admit(scope["headers"])
            except Refusal as refusal:
                await refuse(refusal, self._issuer, scope, send)
                return
            scope = {**scope, CALLER: claims}
        await self._app(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Guard"]:
        """For a host that keeps its lifespan to itself."""
        self._follower.start()
        try:
            yield self
        finally:
            await self._follower.stop()
            await self._source.close()

    async def _admit(self, headers: Iterable[tuple[bytes, bytes]]) -> AccessClaims:
        """What is looked at last is what may have changed while something else was waited for."""
        text = _bearer_token(headers)
        claims = self._tokens.find(text) if self._follower.is_running else None
        if claims is None:
            self._follower.start()
            await self._follower.wait()
            claims = await self._tokens.verify(text)
        if not (self._follower.has_lease or self._goes_on_alone):
            raise Unavailable
        self._revoked.require_good(claims)
        return claims


def _bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """RFC 6750 section 2.1, and no other place. Raise `Malformed` when it is sent twice."""
    values = [value for name, value in headers if name == b"authorization"]
    if not values:
        raise TokenMissing("This needs an access token.")
    if len(values) > 1:
        raise Malformed("The header authorization was sent twice.")
    scheme, _, token = values[0].partition(b" ")
    if scheme.lower() != b"bearer":
        raise TokenInvalid("Authorization must be a Bearer token.")
    return token.decode("latin-1")
