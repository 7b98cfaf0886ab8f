"""Cross-origin reads, for the exact origins that the operator named and no other (attack S11)."""

from collections.abc import Sequence

from watchword.web.answers import Answer
from watchword.web.headers import Headers

_VARY = (b"vary", b"Origin")
_CREDENTIALS = (b"access-control-allow-credentials", b"true")
_EXPOSED = (
    b"access-control-expose-headers",
    b"X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset",
)


class Cors:
    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def _origin(self, headers: Headers) -> bytes | None:
        values = headers.all(b"origin")
        return values[0] if len(values) == 1 and values[0] in self._origins else None

    def mark(self, answer: Answer, headers: Headers) -> None:
        if not self._origins:
            return
        answer.headers.append(_VARY)
        origin = self._origin(headers)
        if origin is not None:
            allow = (b"access-control-allow-origin", origin)
            answer.headers.extend((allow, _CREDENTIALS, _EXPOSED))

    def preflight(self, headers: Headers, methods: Sequence[str]) -> Answer | None:
        """None when it is no preflight, or not from an origin that may ask."""
        asks = bool(headers.all(b"access-control-request-method"))
        if not asks or not methods or self._origin(headers) is None:
            return None
        return Answer(
            204,
            headers=[
                (b"access-control-allow-methods", ", ".join(methods).encode()),
                (b"access-control-allow-headers", b"Authorization, Content-Type, X-CSRF-Token"),
                (b"access-control-max-age", b"600"),
            ],
        )
