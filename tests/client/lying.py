"""A Watchword that says what a test wants it to say, byte by byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.client.service import PATIENCE
from watchword.crypto.access_tokens import AccessClaims, AccessTokens
from watchword.crypto.keys import Algorithm, SigningKey
from watchword.domain.time import SECOND, Instant

ISSUER = "https://auth.example.com"
HELLO = b'event: hello\ndata: {"version":1,"heartbeat":0.25,"retention":1200}\n\n'
EVENTS = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n"
KEY = SigningKey.generate(Algorithm.EDDSA, "key-1")


def key_set(*keys: SigningKey) -> bytes:
    return json.dumps({"keys": [key.public_jwk() for key in keys]}).encode()


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def claims(now: Instant, **changes: Any) -> AccessClaims:
    issued = now // SECOND
    good = AccessClaims(
        iss=ISSUER,
        aud=ISSUER,
        sub="u-ada",
        sid="s-1",
        jti="j",
        iat=issued,
        exp=issued + 300,
        role="user",
        gen=1,
        amr=("pwd",),
    )
    return msgspec.structs.replace(good, **changes)


def token(now: Instant, *, key: SigningKey = KEY, **changes: Any) -> str:
    made = claims(now, **changes)
    return AccessTokens(made.iss, made.aud).issue(made, key)


def event(topic: str, id_: str, at: Instant, *, seq: int = 1, gen: int = 0) -> bytes:
    data = {"id": id_, "at": at} | ({"gen": gen} if gen else {})
    return f"id: {seq}\nevent: {topic}\ndata: {json.dumps(data)}\n\n".encode()


def beat(at: int) -> bytes:
    return b": %d\n\n" % at


@dataclass
class LyingWatchword:
    """``keys`` answers a question for the key set, None never; ``stream`` is how every stream
    begins. ``asked`` are the heads of all requests.
    """

    keys: bytes | None = field(default_factory=lambda: answer(key_set(KEY)))
    stream: bytes = EVENTS.encode() + HELLO + beat(0)
    address: str = ""
    asked: list[str] = field(default_factory=list)
    _streams: list[asyncio.StreamWriter] = field(default_factory=list)
    _question: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def is_asked_for(self, path: str, times: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.asked_for(path) < times:
                self._question.clear()
                await self._question.wait()

    def asked_for(self, path: str) -> int:
        return sum(head.startswith(f"GET {path} ") for head in self.asked)

    async def say(self, words: bytes) -> None:
        for writer in self._streams:
            writer.write(words)

    async def cut(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()
        self._streams.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.asked.append(head)
                self._question.set()
                if "/auth/revocations" in head:
                    writer.write(self.stream)
                    self._streams.append(writer)
                elif self.keys is not None:
                    writer.write(self.keys)
        self._open.discard(writer)
        writer.close()


@asynccontextmanager
async def lying(**changes: Any) -> AsyncIterator[LyingWatchword]:
    liar = LyingWatchword(**changes)
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    liar.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield liar
    finally:
        server.close()
        await liar.cut()
        await server.wait_closed()
