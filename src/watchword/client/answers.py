"""Refusals as problem+json (RFC 9457), in the shape in which Watchword itself refuses."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

from watchword.client.revoked import JustChanged
from watchword.domain.errors import NotAuthenticated, Refusal, Unavailable
from watchword.domain.time import SECOND

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_POLICY_VIOLATION: Final = 1008
_MALFORMED: Final = (400, "Malformed request")
_NOT_AUTHENTICATED: Final = (401, "Not authenticated")
_NOT_AVAILABLE: Final = (503, "Not available")


class Problem(msgspec.Struct, frozen=True):
    type: str
    title: str
    status: int
    detail: str
    message: str
    code: str


async def refuse(refusal: Refusal, issuer: str, scope: Scope, send: Send) -> None:
    """A web socket that is not open yet is closed, which its server tells by a 403."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    status, title = _status(refusal)
    anchor = refusal.code.lower().replace("_", "-")
    detail = refusal.detail
    body = msgspec.json.encode(
        Problem(f"{issuer}/docs#{anchor}", title, status, detail, detail, refusal.code)
    )
    headers = [
        (b"content-type", b"application/problem+json; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        *_more_headers(refusal),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    is_head = scope["method"] == "HEAD"
    await send({"type": "http.response.body", "body": b"" if is_head else body})


def _status(refusal: Refusal) -> tuple[int, str]:
    if isinstance(refusal, NotAuthenticated):
        return _NOT_AUTHENTICATED
    return _NOT_AVAILABLE if isinstance(refusal, Unavailable) else _MALFORMED


def _more_headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """RFC 6750 section 3: without a token no error code, with a bad one ``invalid_token``."""
    if isinstance(refusal, NotAuthenticated):
        challenge = 'Bearer realm="watchword"'
        if refusal.code != "TOKEN_MISSING":
            challenge += f', error="invalid_token", error_description="{refusal.detail}"'
        headers = [(b"www-authenticate", challenge.encode())]
        return [*headers, *_later(refusal)] if isinstance(refusal, JustChanged) else headers
    return _later(refusal) if isinstance(refusal, Unavailable) else []


def _later(refusal: JustChanged | Unavailable) -> list[tuple[bytes, bytes]]:
    return [(b"retry-after", b"%d" % max(1, refusal.retry_after // SECOND))]
