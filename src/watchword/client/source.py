"""What the guard asks Watchword for: its public keys, and what is revoked.

Invariant: one request, one answer; no redirect, cookie, proxy or compression, and nothing without
an end. No exception here holds the request, which carries the service's token.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import httpx2

from watchword.crypto.secret import Secret
from watchword.domain.time import SECOND, Span

LARGEST_KEY_SET: Final = 64 * 1024  # bytes

_OK: Final = 200
_PATIENCE: Final = 2.0  # seconds for the key set, all in all
_CONNECT: Final = 2.0
_EVENTS: Final = "text/event-stream"
_HEADERS: Final = {
    "accept-encoding": "identity",
    "cache-control": "no-cache",  # a key that was withdrawn may lie in a cache on the way
    "user-agent": "watchword-guard",
}


class SourceFailed(Exception):
    """Watchword did not answer, or not as it should. ``reason`` is a phrase of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Source:
    """``address`` is where Watchword is reached; ``silence`` is how many ms of it are too many."""

    def __init__(
        self,
        address: str,
        token: Secret,
        silence: Span,
        connections: httpx2.AsyncBaseTransport | None,
    ) -> None:
        self._address = address
        self._token = token
        self._silence = silence
        self._given = connections
        self._own: httpx2.AsyncHTTPTransport | None = None

    async def key_set(self) -> bytes:
        """The JWKS (RFC 7517), not looked at yet. Raise `SourceFailed`."""
        try:
            async with asyncio.timeout(_PATIENCE):
                response = await self._ask("/.well-known/jwks.json", {}, _PATIENCE)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise SourceFailed("keys: too slow") from None

    async def revocations(self, last: int | None) -> AsyncGenerator[bytes, None]:
        """The stream from behind the event ``last`` on, as it comes. Raise `SourceFailed`."""
        headers = {
            "accept": _EVENTS,
            "authorization": f"Bearer {self._token.reveal().decode('ascii')}",
        }
        if last is not None:
            headers["last-event-id"] = str(last)
        response = await self._ask("/auth/revocations", headers, self._silence / SECOND)
        try:
            if not response.headers.get("content-type", "").startswith(_EVENTS):
                raise SourceFailed("revocations: no stream")
            async for piece in response.aiter_raw():
                yield piece
        except httpx2.TransportError:
            raise SourceFailed("revocations: cut off") from None
        finally:
            await response.aclose()

    async def _ask(self, path: str, headers: dict[str, str], silence: float) -> httpx2.Response:
        patience = {"connect": _CONNECT, "write": _CONNECT, "pool": _CONNECT, "read": silence}
        request = httpx2.Request(
            "GET",
            f"{self._address}{path}",
            headers={**_HEADERS, **headers},
            extensions={"timeout": patience},
        )
        try:
            response = await self._connections().handle_async_request(request)
        except httpx2.TransportError:
            # From None: the library's exceptions hold the request, and that our token.
            raise SourceFailed("no connection") from None
        encoding = response.headers.get("content-encoding", "identity")
        if response.status_code != _OK or encoding != "identity":
            await response.aclose()
            raise SourceFailed(f"{path}: status {response.status_code}, {_plain(encoding)}")
        return response

    def _connections(self) -> httpx2.AsyncBaseTransport:
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = httpx2.AsyncHTTPTransport(trust_env=False)
        return self._own

    async def close(self) -> None:
        """It can be asked again after that."""
        own, self._own = self._own, None
        if own is not None:
            await own.aclose()


def _plain(encoding: str) -> str:
    return "plain" if encoding == "identity" else "compressed"


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    try:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > LARGEST_KEY_SET:
                raise SourceFailed("keys: too large")
    except httpx2.TransportError:
        raise SourceFailed("keys: cut off") from None
    return bytes(body)
