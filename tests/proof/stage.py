"""What the proofs share: the rows as they lie in the file, and requests that overlap by design."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from tests.driving import Holder, Server, serving
from tests.kept import moved, rows
from watchword.adapters.redis import RedisSessionStore
from watchword.adapters.sql.postgres.revocations import PostgresRevocations
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.time import SECOND
from watchword.ports import Change, Topic
from watchword.testing import FakeClock

Result = TypeVar("Result")
UNLIMITED: dict[str, Any] = {"limit_auth": None, "limit_sign_in": None, "lockout_policy": None}


def session_row(server: Server, session_id: str) -> dict[str, Any]:
    database = server.core.settings.database
    (row,) = rows(database, "SELECT * FROM sessions WHERE id = :id", id=session_id)
    return row | moved(server.core.settings, session_id)


def events(server: Server, kind: str) -> list[dict[str, Any]]:
    sql = "SELECT * FROM audit_events WHERE type = :type ORDER BY seq"
    return rows(server.core.settings.database, sql, type=kind)


async def later(
    turns: int,
    work: Coroutine[Any, Any, Result],
    turn: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0),
) -> Result:
    """Begin ``work`` that many turns from now."""
    for _ in range(turns):
        await turn()
    return await work


async def present(client: httpx2.AsyncClient, token: str | None = None) -> httpx2.Response:
    """By the cookie when no ``token`` is given."""
    body = {} if token is None else {"refreshToken": token}
    return await client.post("/auth/refresh", json=body)


def require_turns(server: Server) -> None:
    """For tests of those who wait for theirs, before anything is begun."""
    if isinstance(server.core.store, RedisSessionStore):
        pytest.skip("Nobody waits for a turn to rotate.")


async def until_it_waits(server: Server) -> None:
    """For its turn to write, which somebody else has."""
    waiting = "SELECT 1 AS waits FROM pg_locks WHERE NOT granted"
    store = server.core.store
    async with asyncio.timeout(5):
        if isinstance(store, SqliteStore):
            while store._writer._state.value != "opening":  # noqa: ASYNC110
                await asyncio.sleep(0)
        else:
            while not await asyncio.to_thread(rows, server.core.settings.database, waiting):
                pass


class Ears:
    """For the hook of a server's clients: before each request it has been told of all that was
    committed before. A connection delivers in order, so what is called out now comes last.
    """

    def __init__(self, server: Server) -> None:
        store = server.core.store
        assert isinstance(store, PostgresStore)
        assert isinstance(store.revocations, PostgresRevocations)
        self._database = server.core.settings.database
        self._revocations = store.revocations
        self._note, store.revocations._note = store.revocations._note, self._listen  # type: ignore[method-assign]
        self._waited_for: dict[Change, asyncio.Event] = {}

    def _listen(self, changes: Sequence[Change]) -> None:
        self._note(changes)
        for change in changes:
            if change in self._waited_for:
                self._waited_for[change].set()

    async def __call__(self, _: object) -> None:
        await self._revocations.ready(5 * SECOND)
        last = Change(Topic.SESSION, f"none-{len(self._waited_for)}")
        self._waited_for[last] = asyncio.Event()
        call_out = "SELECT pg_notify('watchword_changes', :told)"
        told = f"nobody 1 0 0 0 {last.topic.value} {last.id}"
        await asyncio.to_thread(rows, self._database, call_out, told=told)
        async with asyncio.timeout(5):
            await self._waited_for[last].wait()


def let_hear(server: Server) -> None:
    """Where news take a moment, requests wait for them; how long that is, is not told here."""
    if isinstance(server.core.store, PostgresStore):
        server.before_requests.append(Ears(server))


def turn_of(server: Server) -> Callable[[], Awaitable[object]]:
    """What another request may come in between: a turn of the event loop, or a round trip."""
    store = server.core.store
    if isinstance(store, SqliteStore):
        return lambda: asyncio.sleep(0)
    if isinstance(store, RedisSessionStore):
        return lambda: store.touch([("nobody", 0)])
    return lambda: store.reading.accounts.find("nobody")


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


@asynccontextmanager
async def two_hearing(folder: Path, **settings: Any) -> AsyncIterator[tuple[Server, Server]]:
    async with two_serving(folder, **settings) as both:
        for server in both:
            let_hear(server)
        yield both
