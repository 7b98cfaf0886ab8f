"""What the proofs share: the rows as they lie in the file, and requests that overlap by design."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from tests.driving import Holder, Server, serving
from tests.kept import rows
from watchword.testing import FakeClock

Result = TypeVar("Result")
UNLIMITED: dict[str, Any] = {"limit_auth": None, "limit_sign_in": None, "lockout_policy": None}


def session_row(server: Server, session_id: str) -> dict[str, Any]:
    database = server.core.settings.database
    (row,) = rows(database, "SELECT * FROM sessions WHERE id = :id", id=session_id)
    return row


def events(server: Server, kind: str) -> list[dict[str, Any]]:
    sql = "SELECT * FROM audit_events WHERE type = :type ORDER BY seq"
    return rows(server.core.settings.database, sql, type=kind)


async def later(turns: int, work: Coroutine[Any, Any, Result]) -> Result:
    """Begin ``work`` that many turns of the event loop from now."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return await work


async def present(client: httpx2.AsyncClient, token: str | None = None) -> httpx2.Response:
    """By the cookie when no ``token`` is given."""
    body = {} if token is None else {"refreshToken": token}
    return await client.post("/auth/refresh", json=body)


async def require_out(holder: Holder, *tokens: str) -> None:
    """Neither the access token held nor any of ``tokens`` lets anybody in or goes on."""
    answer = await holder.get("/profile")
    assert answer.status_code == 401, answer.text
    for token in tokens:
        answer = await holder.client.post("/auth/refresh", json={"refreshToken": token})
        assert answer.status_code == 401, answer.text


@asynccontextmanager
async def two_serving(folder: Path, **settings: Any) -> AsyncIterator[tuple[Server, Server]]:
    """Two processes, as far as they know, on one file and by one clock."""
    clock = FakeClock()
    async with (
        serving(folder, clock=clock, **settings) as one,
        serving(folder, clock=clock, seed=1, **settings) as other,
    ):
        yield one, other
