"""The floor of a refresh: the least that any server must do which signs and stores.

A raw ASGI application under the same server as Watchword: one SQLite ``UPDATE … RETURNING`` in
place, one Ed25519 signature, one answer of the same shape. No limits, no routing, no hashing, no
validation, no event, and with ``NORMAL`` no waiting for the disk.
Run it as ``python -m bench.floor PORT FOLDER NORMAL|FULL``.
"""

import json
import sqlite3
import sys
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from time import time
from typing import Any, Final

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROWS: Final = 1_000
BEFORE: Final = '{"refreshToken":"'
AFTER: Final = '"}'

_FIRST_TOKEN = "wwr_session-{:06d}.1"
_ROTATE = (
    "UPDATE sessions SET generation = generation + 1, rotated_at = ?"
    " WHERE id = ? RETURNING user_id, generation"
)
_ANSWER = (
    b'{"message":"The session goes on.","accessToken":"%b.%b","tokenType":"Bearer",'
    b'"expiresIn":300,"refreshToken":"%b.%d"}'
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def first_tokens(count: int) -> tuple[str, ...]:
    return tuple(_FIRST_TOKEN.format(number) for number in range(count))


def _open(folder: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL,"
        " generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL)"
    )
    connection.execute("BEGIN")
    for token in first_tokens(ROWS):
        row = (token.rpartition(".")[0], f"user of {token}")
        connection.execute("INSERT INTO sessions VALUES (?, ?, 1, 0)", row)
    connection.execute("COMMIT")
    return connection


class Floor:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sign = Ed25519PrivateKey.generate().sign
        self._header = _base64(b'{"typ":"at+jwt","alg":"EdDSA","kid":"floor"}')

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["method"] == "GET":
            await _reply(send, b"{}")
            return
        body: bytes = (await receive())["body"]
        await _reply(send, self._rotated(body[len(BEFORE) : -len(AFTER)]))

    def _rotated(self, token: bytes) -> bytes:
        session_id = token.rpartition(b".")[0]
        now = int(time())
        row = self._connection.execute(_ROTATE, (now, session_id.decode())).fetchone()
        claims = b'{"sub":"%b","sid":"%b","iat":%d,"exp":%d,"role":"user","gen":1,"amr":["pwd"]}'
        text = claims % (row[0].encode(), session_id, now, now + 300)
        signed = b"%b.%b" % (self._header, _base64(text))
        signature = _base64(self._sign(signed))
        return _ANSWER % (signed, signature, session_id, row[1])


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
    port, folder, synchronous = sys.argv[1:]
    if synchronous not in {"NORMAL", "FULL"}:
        sys.exit(json.dumps({"unknown": synchronous}))
    uvicorn.run(
        Floor(_open(Path(folder), synchronous)),
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
