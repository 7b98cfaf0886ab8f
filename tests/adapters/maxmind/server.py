"""A server that offers databases on a real socket, and can be told to do it badly."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from tests.adapters.maxmind.archives import offered

MODIFIED = "Tue, 17 Nov 2026 16:05:11 GMT"
ARCHIVE = "/geoip/databases/GeoLite2-City/download?suffix=tar.gz"
SUM = f"{ARCHIVE}.sha256"

_HANGS = b"\0"  # before an answer whose end never comes

# What is sent to one request; None: nothing, until the caller has had enough.
Answer = Callable[[str], bytes | None]


def http(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def refusing(status: str, headers: str = "") -> Answer:
    return lambda _: http(status=status, headers=headers)


def cut_off(content: bytes, at: int) -> Answer:
    """The connection ends in the middle."""
    return lambda _: http(content)[: at - len(content)]


def hanging(content: bytes, at: int, began: Callable[[], object]) -> Answer:
    """The rest never comes; ``began`` is called once the beginning is on its way."""

    def answer(_: str) -> bytes:
        began()
        return _HANGS + http(content)[: at - len(content)]

    return answer


def silent(_: str) -> None:
    return None


@dataclass
class ArchiveServer:
    """``requests`` are the heads as they came. ``answers`` are given first, one after another, each
    to one request for its address; after that it does as it should.
    """

    url: str = ""
    content: bytes = field(default_factory=offered)
    digest: str | None = None
    modified: str = MODIFIED
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def paths(self) -> list[str]:
        return [head.split()[1] for head in self.requests]

    @property
    def archive_url(self) -> str:
        return self.url + ARCHIVE

    def answer(self, head: str) -> bytes | None:
        path = head.split()[1]
        if self.answers.get(path):
            return self.answers[path].pop(0)(head)
        if path.endswith(".sha256"):
            digest = self.digest or sha256(self.content).hexdigest()
            return http(f"{digest}  GeoLite2-City_20261117.tar.gz\n".encode())
        if f"if-modified-since: {self.modified}".lower() in head.lower():
            return http(status="304 Not Modified")
        return http(self.content, headers=f"Last-Modified: {self.modified}\r\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(head)
                content = self.answer(head)
                self.asked.set()
                if content is None:
                    await reader.read()
                    return
                writer.write(content.removeprefix(_HANGS))
                await writer.drain()
                if content.startswith(_HANGS):
                    await reader.read()
                if _is_cut(content):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def _is_cut(content: bytes) -> bool:
    head, _, body = content.partition(b"\r\n\r\n")
    return f"Content-Length: {len(body)}\r\n".encode() not in head + b"\r\n"


@asynccontextmanager
async def archive_server(**how: object) -> AsyncIterator[ArchiveServer]:
    server = ArchiveServer()
    for name, value in how.items():
        setattr(server, name, value)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        yield server
