"""One request, as the pages see it: where it comes from, what it carries, and who is asking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from watchword.domain.devices import Origin, printable
from watchword.domain.errors import FieldError, Invalid, Malformed, TokenMissing
from watchword.domain.standing import Caller
from watchword.domain.time import Instant
from watchword.ports import RequestTrace
from watchword.web.bodies import read_pairs
from watchword.web.headers import Headers
from watchword.web.identity import Identity
from watchword.web.limiting import Limiter
from watchword.web.routing import RouteTable
from watchword.web.services import Services

_LONGEST_QUERY = 2_048


@lru_cache(maxsize=1_024)
def _shown(user_agent: bytes) -> str:
    return printable(user_agent.decode("utf-8", "replace"))


@dataclass(slots=True)
class Call:
    """``arrived`` is when its head was read, ``parameters`` are the named segments of the path,
    ``caller`` is None on public routes, ``posted`` what another site made the browser post.
    """

    services: Services
    scope: Mapping[str, Any]
    headers: Headers
    request_id: str
    arrived: Instant
    ip: str
    cookies: Mapping[bytes, str]
    identity: Identity
    limiter: Limiter
    table: RouteTable
    parameters: Mapping[str, str] = field(default_factory=dict)
    caller: Caller | None = None
    posted: Sequence[tuple[str, str]] = ()

    @property
    def user(self) -> Caller:
        """Who is asking, on a route whose policy has seen to it that somebody is."""
        if self.caller is None:
            raise TokenMissing
        return self.caller

    @property
    def user_agent(self) -> str:
        values = self.headers.all(b"user-agent")
        return _shown(values[0]) if values else ""

    @property
    def origin(self) -> Origin:
        return Origin(self.ip, self.user_agent)

    @property
    def trace(self) -> RequestTrace:
        language = self.services.by_mail.languages.chosen(self.accept_language)
        return RequestTrace(self.request_id, self.ip, self.user_agent, language)

    @property
    def accept_language(self) -> bytes | None:
        values = self.headers.all(b"accept-language")
        return values[0] if values else None

    def cookie(self, name: str) -> str | None:
        return self.cookies.get(name.encode())

    def query_pairs(self) -> Sequence[tuple[str, str]]:
        """The query's fields as they came, doubles included. Raise `Malformed`."""
        return read_pairs(self.scope.get("query_string", b""))

    def query(self, *allowed: str) -> dict[str, str]:
        """The query's fields. Raise `Invalid` for an unknown or repeated one (ASVS 15.3.7)."""
        raw: bytes = self.scope.get("query_string", b"")
        if len(raw) > _LONGEST_QUERY:
            raise Malformed("The query is too long.")
        try:
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:
            raise Malformed("The query cannot be read.") from None
        found: dict[str, str] = {}
        for name, value in pairs:
            if name not in allowed or name in found or "\0" in value:
                raise Invalid(FieldError(name[:64], "Not a parameter here, or given twice."))
            found[name] = value
        return found
