"""The floor of a refresh: the least that any server must do which signs and stores.

A raw ASGI application under the same server as Watchword: one ``UPDATE … RETURNING`` in place, one
Ed25519 signature, one answer of the same shape. No limits, no routing, no hashing, no validation,
no event, and with ``NORMAL`` no waiting for the disk.
Run it as ``python -m bench.floor PORT FOLDER NORMAL|FULL``, or on PostgreSQL as
``python -m bench.floor PORT URL CONNECTIONS``.
"""

import asyncio
import json
import sqlite3
import sys
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from time import time
from typing import Any, Final, Protocol

import asyncpg
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROWS: Final = 1_000
BEFORE: Final = '{"refreshToken":"'
AFTER: Final = '"}'

_FIRST_TOKEN = "wwr_session-{:06d}.1"
_ROTATE = (
    "UPDATE sessions SET generation = generation + 1, rotated_at = $1"
    " WHERE id = $2 RETURNING user_id, generation"
)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL,"
    " generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL)"
)
_INSERT = "INSERT INTO sessions VALUES ($1, $2, 1, 0) ON CONFLICT DO NOTHING"
_ANSWER = (
    b'{"message":"The session goes on.","accessToken":"%b.%b","tokenType":"Bearer",'
    b'"expiresIn":300,"refreshToken":"%b.%d"}'
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def first_tokens(count: int) -> tuple[str, ...]:
    return tuple(_FIRST_TOKEN.format(number) for number in range(count))


def _rows() -> list[tuple[str, str]]:
    return [(token.rpartition(".")[0], f"user of {token}") for token in first_tokens(ROWS)]


class Kept(Protocol):
    async def open(self) -> None: ...

    async def rotate(self, session_id: str, now: int) -> tuple[str, int]:
        """Whose it is, and its new generation."""
        ...


class OnSqlite:
    def __init__(self, folder: Path, synchronous: str) -> None:
        self._connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
        self._synchronous = synchronous
        self._insert, self._rotate = (
            sql.replace("$1", "?").replace("$2", "?") for sql in (_INSERT, _ROTATE)
        )

    async def open(self) -> None:
        run = self._connection.execute
        for pragma in ("journal_mode = WAL", f"synchronous = {self._synchronous}"):
            run(f"PRAGMA {pragma}")
        for statement in (_TABLE, "BEGIN"):
            run(statement)
        self._connection.executemany(self._insert, _rows())
        run("COMMIT")

    async def rotate(self, session_id: str, now: int) -> tuple[str, int]:
        row: tuple[str, int] = self._connection.execute(self._rotate, (now, session_id)).fetchone()
        return row


class OnPostgres:
    """With ``count`` connections, each for one statement at a time. Several processes may share a
    database: they start one after another.
    """

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self._free = asyncio.Semaphore(count)
        self._count = count
        self._idle: list[Any] = []

    async def open(self) -> None:
        for _ in range(self._count):
            self._idle.append(await asyncpg.connect(self._url))
        await self._idle[0].execute(_TABLE)
        await self._idle[0].executemany(_INSERT, _rows())

    async def rotate(self, session_id: str, now: int) -> tuple[str, int]:
        async with self._free:
            connection = self._idle.pop()
            ((user_id, generation),) = await connection.fetch(_ROTATE, now, session_id)
            self._idle.append(connection)
        return user_id, generation


class Floor:
    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._sign = Ed25519PrivateKey.generate().sign
        self._header = _base64(b'{"typ":"at+jwt","alg":"EdDSA","kid":"floor"}')

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._kept.open()
            await _live(receive, send)
            return
        if scope["method"] == "GET":
            await _reply(send, b"{}")
            return
        body: bytes = (await receive())["body"]
        await _reply(send, await self._rotated(body[len(BEFORE) : -len(AFTER)]))

    async def _rotated(self, token: bytes) -> bytes:
        session_id = token.rpartition(b".")[0]
        now = int(time())
        user_id, generation = await self._kept.rotate(session_id.decode(), now)
        claims = b'{"sub":"%b","sid":"%b","iat":%d,"exp":%d,"role":"user","gen":1,"amr":["pwd"]}'
        text = claims % (user_id.encode(), session_id, now, now + 300)
        signed = b"%b.%b" % (self._header, _base64(text))
        signature = _base64(self._sign(signed))
        return _ANSWER % (signed, signature, session_id, generation)


def _base64(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


async def _reply(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def main() -> None:
    port, place, how = sys.argv[1:]
    if place.startswith("postgresql://"):
        kept: Kept = OnPostgres(place, int(how))
    elif how in {"NORMAL", "FULL"}:
        kept = OnSqlite(Path(place), how)
    else:
        sys.exit(json.dumps({"unknown": how}))
    uvicorn.run(
        Floor(kept),
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
    )


if __name__ == "__main__":
    main()
