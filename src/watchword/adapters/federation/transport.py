"""One request, one bounded answer: no redirect, no cookie, no proxy, no compression (attack O12).

A redirect would let a provider choose which machine we call next, with our secret in hand; a cookie
would tie one person's sign-in to the next. How long all of it may take is for `providers` to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx2

from watchword.crypto import strict_json
from watchword.domain.errors import FederationFailed, ProviderUnavailable

MAX_ANSWER: Final = 512 * 1024  # bytes

_OK: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity"}
_USER_AGENT: Final = "watchword"  # GitHub refuses requests without one


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """An answer below 300 or a refusal of 400 to 499, with its body."""

    status: int
    body: bytes

    @property
    def is_ok(self) -> bool:
        return self.status in _OK

    def document(self, what: str) -> dict[str, object]:
        """The JSON object of the body; ``what`` is its name in a refusal."""
        try:
            return strict_json.decode(self.body)
        except ValueError:
            raise FederationFailed(f"{what}: not JSON") from None


class Transport:
    """Requests to providers, over connections that are kept for the next one."""

    def __init__(self, connections: httpx2.AsyncBaseTransport) -> None:
        self._connections = connections

    async def get(self, url: str, what: str, *, bearer: str | None = None) -> Reply:
        headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        return await self._send("GET", url, what, self._headers(headers), None)

    async def post(
        self, url: str, what: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> Reply:
        typed = {**headers, "content-type": "application/x-www-form-urlencoded"}
        content = urlencode(form).encode("ascii")
        return await self._send("POST", url, what, self._headers(typed), content)

    async def document(
        self, url: str, what: str, *, bearer: str | None = None
    ) -> dict[str, object]:
        """The JSON object at ``url``; anything but success is a `FederationFailed`."""
        reply = await self.get(url, what, bearer=bearer)
        if not reply.is_ok:
            raise FederationFailed(f"{what}: refused")
        return reply.document(what)

    async def close(self) -> None:
        await self._connections.aclose()

    @staticmethod
    def _headers(more: Mapping[str, str]) -> dict[str, str]:
        return {**_HEADERS, "user-agent": _USER_AGENT, **more}

    async def _send(  # noqa: PLR0917  the parts of a request
        self, method: str, url: str, what: str, headers: dict[str, str], content: bytes | None
    ) -> Reply:
        request = httpx2.Request(method, url, headers=headers, content=content)
        try:
            response = await self._connections.handle_async_request(request)
            try:
                return await _read(response, what)
            finally:
                await response.aclose()
        except httpx2.TransportError:
            # From None: the library's exceptions hold the request, and that our secret.
            raise ProviderUnavailable(f"{what}: no connection") from None


async def _read(response: httpx2.Response, what: str) -> Reply:
    status = response.status_code
    if status >= _SERVER_ERRORS or status == _TOO_MANY:
        raise ProviderUnavailable(f"{what}: status {status}")
    if status in _REDIRECTS:
        raise FederationFailed(f"{what}: a redirect")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FederationFailed(f"{what}: compressed")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MAX_ANSWER:
            raise FederationFailed(f"{what}: too large")
    return Reply(status, bytes(body))
