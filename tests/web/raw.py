"""Requests byte by byte, as no client library would send them, and what they cost the server."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.driving import Server

Text = str | bytes

_WORK = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE)\b", re.IGNORECASE)
_LITERAL = re.compile(r"[xX]?'(?:[^']|'')*'|\bNULL\b|-?\b\d+\b")


@dataclass(frozen=True)
class Reply:
    """An answer as it left the application, header lines in their order."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def all(self, name: str) -> list[str]:
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self.headers if key == wanted]

    def one(self, name: str) -> str | None:
        """The only header of this name; two of them fail the test."""
        values = self.all(name)
        assert len(values) < 2, f"{name}: {values}"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a refusal, None for any other answer, and for one to HEAD."""
        if self.one("content-type") != "application/problem+json; charset=utf-8" or not self.body:
            return None
        return str(self.json()["code"])

    @property
    def verdict(self) -> tuple[int, str | None]:
        return self.status, self.code


async def ask(
    server: Server,
    method: str,
    path: str,
    *,
    headers: Sequence[tuple[Text, Text]] = (),
    body: bytes | Sequence[bytes] = b"",
    query: bytes = b"",
    ip: str | None = "198.51.100.7",
    **scope: Any,
) -> Reply:
    """One request exactly as written: nothing is added, put in order, or encoded. A ``body`` of
    several parts arrives in as many messages.
    """
    parts = [body] if isinstance(body, bytes) else list(body)
    sent: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        part = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await server.app(
        {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(_bytes(name), _bytes(value)) for name, value in headers],
            "client": None if ip is None else (ip, 40_000),
            **scope,
        },
        receive,
        send,
    )
    start, *bodies = sent
    return Reply(start["status"], start["headers"], b"".join(part["body"] for part in bodies))


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


AS_JSON = ("content-type", "application/json")


@contextmanager
def statements(server: Server) -> Iterator[list[str]]:
    """The reads and writes that requests make meanwhile, without the values in them. Left out: the
    question whether anything was revoked, which is one look at shared memory, and the reading on
    that follows a commit, whoever comes next.
    """
    store = server.sqlite
    found: list[str] = []

    def note(sql: str) -> None:
        if _WORK.match(sql) and "FROM changes" not in sql:
            found.append(" ".join(_LITERAL.sub("?", sql).split()))

    connections = (store._reader, store._writer.connection)
    for connection in connections:
        connection.set_trace_callback(note)
    try:
        yield found
    finally:
        for connection in connections:
            connection.set_trace_callback(None)


def hashes(server: Server) -> int:
    """How many passwords have had a hashing thread so far, matched or not."""
    return int(figure(server, "watchword_hashing_wait_seconds_count"))


def figure(server: Server, name: str) -> float:
    """A figure of ``GET /metrics``; 0 for one that is not there yet."""
    text = server.core.services.meter.render().decode()
    found = re.search(rf"^{re.escape(name)} ([0-9.e+-]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
