"""What lies in the database of a test's server, past everything that is kept in memory.

A folder's database is a file in it, unless the folder names one on a server; it may name a Redis
too, in which sessions move. Invariant: looked at by a connection of its own, as another program
would.
"""

import asyncio
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

from watchword.adapters.redis import Connections, Names
from watchword.adapters.redis.movements import Movement, Movements
from watchword.adapters.sql.postgres.dialect import Dialect
from watchword.settings import ServerUrl, SessionStore, Settings
from watchword.settings.stores import database_url, redis_url

Database = Path | ServerUrl
Parameters = Mapping[str, Any]
_NAMED, _NAMED_REDIS = "database_url", "redis_url"


def name_database(folder: Path, url: str) -> None:
    """From now on ``folder`` is kept there."""
    (folder / _NAMED).write_text(url)


def named_database(folder: Path) -> ServerUrl | None:
    if not (folder / _NAMED).exists():
        return None
    named = database_url().parse((folder / _NAMED).read_text())
    assert isinstance(named, ServerUrl)
    return named


def name_redis(folder: Path, url: str) -> None:
    """From now on the sessions of ``folder`` move there."""
    (folder / _NAMED_REDIS).write_text(url)


def moving_sessions(folder: Path) -> dict[str, Any]:
    """The settings that say so, if they do."""
    if not (folder / _NAMED_REDIS).exists():
        return {}
    named = redis_url().parse((folder / _NAMED_REDIS).read_text())
    return {"redis_url": named, "session_store": SessionStore.REDIS}


def moved(settings: Settings, session_id: str) -> dict[str, int]:
    """How far a session has come, by the names of its columns, where that is not in its row."""
    if settings.session_store is not SessionStore.REDIS or settings.redis_url is None:
        return {}
    connections = Connections(settings.redis_url.url)

    async def ask() -> Movement | None:
        try:
            return await Movements(connections, Names(), lambda _: None).find(session_id)
        finally:
            await connections.close()

    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(asyncio.run, ask()).result()
    return {} if found is None else columns_of(found)


def columns_of(movement: Movement) -> dict[str, int]:
    return {
        "generation": movement.generation,
        "rotated_at": movement.rotated_at,
        "last_seen_at": movement.last_seen_at,
        "idle_expires_at": movement.idle_expires_at,
    }


def rows(database: Database, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """With parameters as ``:name``. It blocks the event loop, which must not hold what it waits
    for.
    """
    if isinstance(database, ServerUrl):
        return _asked(database, sql, parameters)
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, parameters)]


async def change_rows(database: Database, sql: str, **parameters: Any) -> None:
    """What a backup, another process or an operator with a shell may do."""
    await asyncio.to_thread(_change, database, sql, parameters)  # a commit may have to end first


def _change(database: Database, sql: str, parameters: Parameters) -> None:
    if isinstance(database, ServerUrl):
        _asked(database, sql, parameters)
    else:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(sql, parameters)


def _asked(database: ServerUrl, sql: str, parameters: Parameters) -> list[dict[str, Any]]:
    """On a thread of its own, for the event loop of this one may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_ask, database, sql, parameters).result()


def _ask(database: ServerUrl, sql: str, parameters: Parameters) -> list[dict[str, Any]]:
    text, values = Dialect(holds=True).translate(sql, parameters)

    async def ask() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(database.url.reveal().decode())
        try:
            return [dict(row) for row in await connection.fetch(text, *values)]
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(ask())
