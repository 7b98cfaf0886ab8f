"""One connection that is kept, as lean as can be: what is timed is the server, not its client."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Final, Self

from bench.client import Reply
from bench.figures import BenchFailed
from bench.load import USER_AGENT

_SECONDS: Final = 30
_CONNECTIONS: Final = 200  # among which every worker is to have one
_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Timed(Reply):
    """``seconds`` from sending the request to the last byte of its answer."""

    seconds: float


class Caller:
    """``headers`` go with each request."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shared = {"Host": f"127.0.0.1:{port}", "User-Agent": USER_AGENT}
        self._shared = {**shared, "Accept": "application/json", **(headers or {})}
        self._request = ""
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        content: Mapping[str, object] | None = None,
        expect: int = 200,
    ) -> Timed:
        """Raise `BenchFailed` for another status than is expected."""
        self.send(method, path, token=token, content=content)
        reply = self.receive()
        reply.require(expect, self._request)
        return reply

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        content: Mapping[str, object] | None = None,
    ) -> None:
        headers, body = dict(self._shared), b""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if content is not None:
            body = json.dumps(content).encode()
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = [f"{name}: {text}\r\n" for name, text in headers.items()]
        self._request = f"{method} {path}"
        head = f"{self._request} HTTP/1.1\r\n{''.join(lines)}\r\n"
        self._began = perf_counter()
        self._socket.sendall(head.encode() + body)

    def receive(self) -> Timed:
        """The answer to what was sent last, whatever its status."""
        received, length = b"", -1
        while length < 0 or len(received) < length:
            received += self._piece()
            if length < 0 and (end := received.find(b"\r\n\r\n")) >= 0:
                length = end + 4 + _content_length(received[:end])
        seconds = perf_counter() - self._began
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        fields = [line.partition(": ") for line in lines]
        headers = [(name.lower(), text) for name, _, text in fields]
        return Timed(int(status[9:12]), headers, body, seconds)

    def _piece(self) -> bytes:
        try:
            piece = self._socket.recv(_PIECE)
        except OSError as error:
            raise BenchFailed(f"{self._request} was not answered: {error}") from None
        if not piece:
            raise BenchFailed(f"{self._request} was not answered: the connection was closed.")
        return piece


def _content_length(head: bytes) -> int:
    found = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return int(found or b"0")


@contextmanager
def one_at_each(port: int, workers: int) -> Iterator[list[Caller]]:
    """A connection to each worker; it stays with the process that has taken it."""
    found: dict[str, Caller] = {}
    with ExitStack() as stack:
        for _ in range(_CONNECTIONS):
            caller = stack.enter_context(Caller(port))
            found.setdefault(caller.ask("GET", "/health/live").worker, caller)
            if len(found) == workers:
                yield list(found.values())
                return
    raise BenchFailed(f"Of {workers} workers, {len(found)} take connections.")
