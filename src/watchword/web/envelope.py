"""What every answer carries, whatever it says: the headers that keep it from being misused."""

from collections.abc import Collection
from http import HTTPStatus

from watchword.web.answers import Answer, Header
from watchword.web.services import WebPolicy
from watchword.web.streaming import Send, Stream, begin

_DOCUMENT_HEADERS = frozenset({b"content-security-policy", b"cache-control", b"referrer-policy"})


class Envelope:
    """ASVS 3.4, 14.3.2. An answer may bring its own of the headers that suit pages."""

    def __init__(self, policy: WebPolicy) -> None:
        self._headers: list[Header] = [
            (b"cache-control", b"no-store"),
            (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]
        if policy.is_https:
            hsts = b"max-age=31536000; includeSubDomains"
            self._headers.append((b"strict-transport-security", hsts))

    async def send(self, answer: Answer, send: Send, request_id: str, *, is_head: bool) -> None:
        """All of ``answer``; of a stream its head."""
        own = [name for name, _ in answer.headers if name in _DOCUMENT_HEADERS]
        shared = self._without(own) if own else self._headers
        headers = [*answer.headers, (b"x-request-id", request_id.encode()), *shared]
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        if isinstance(answer, Stream):
            await begin(answer, send, start)
            return
        if answer.status != HTTPStatus.NO_CONTENT:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        await send(start)
        body = b"" if is_head else answer.body
        await send({"type": "http.response.body", "body": body})

    def _without(self, own: Collection[bytes]) -> list[Header]:
        return [header for header in self._headers if header[0] not in own]
