"""A client for what is not measured: making accounts, signing in, and looking closely at answers.

Invariant: an answer that is not the expected one stops the run.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from bench.figures import BenchFailed
from bench.load import USER_AGENT

Json = Any  # an answer as it comes
PASSWORD = "seven quiet lanterns by the river"

_CLIENTS = 4
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """``size``: bytes on the wire, head and body, of an HTTP/1.1 answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def content(self) -> Json:
        return json.loads(self.body)

    def require(self, status: int, request: str) -> None:
        """Raise `BenchFailed` that says how ``request`` was answered otherwise."""
        if self.status != status:
            shown = self.body[:500].decode("utf-8", "replace")
            raise BenchFailed(f"{request} answered {self.status}: {shown}")

    @property
    def worker(self) -> str:
        """Which process has answered: a request's id begins with a word of its own."""
        return dict(self.headers)["x-request-id"][:8]

    @property
    def size(self) -> int:
        status_line = len(f"HTTP/1.1 {self.status} OK\r\n")
        fields = sum(len(f"{name}: {text}\r\n") for name, text in self.headers)
        return status_line + fields + len("\r\n") + len(self.body)


class Client:
    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str, *, token: str | None = None) -> Reply:
        """Raise `BenchFailed` unless the answer is 200."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self._ask("GET", path, headers=headers)

    def post(self, path: str, content: Mapping[str, object], *, expect: int = 200) -> Json:
        body = json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        return self._ask("POST", path, headers=headers, body=body, expect=expect).content

    def register(self, emails: Sequence[str]) -> None:
        with ThreadPoolExecutor(_CLIENTS) as pool:
            list(pool.map(self._register, emails))

    def sign_in(self, email: str) -> Json:
        """The answer of a sign-in whose refresh token comes in the body."""
        content = {"email": email, "password": PASSWORD, "transport": "body"}
        return self.post("/auth/login", content)

    def sign_ins(self, emails: Sequence[str]) -> list[Json]:
        """A new session for each of ``emails``, which may repeat."""
        with ThreadPoolExecutor(_CLIENTS) as pool:
            return list(pool.map(self.sign_in, emails))

    def refresh_tokens(self, emails: Sequence[str]) -> tuple[str, ...]:
        return tuple(str(grant["refreshToken"]) for grant in self.sign_ins(emails))

    def _register(self, email: str) -> None:
        content = {"email": email, "password": PASSWORD, "name": "Bench Mark"}
        self.post("/auth/register", content, expect=201)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        expect: int = 200,
    ) -> Reply:
        shared = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        try:
            connection.request(method, path, body, {**shared, **headers})
            response = connection.getresponse()
            reply = Reply(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
        reply.require(expect, f"{method} {path}")
        return reply
