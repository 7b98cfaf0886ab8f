"""What lies in the database of a test's server, past everything that is kept in memory.

A folder's database is a file in it, unless the folder names one on a server. Invariant: looked at
by a connection of its own, as another program would.
"""

import asyncio
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

from watchword.adapters.sql.postgres.dialect import Dialect
from watchword.settings import ServerUrl
from watchword.settings.stores import database_url

Database = Path | ServerUrl
Parameters = Mapping[str, Any]
_NAMED = "database_url"


def name_database(folder: Path, url: str) -> None:
    """From now on ``folder`` is kept there."""
    (folder / _NAMED).write_text(url)


def named_database(folder: Path) -> ServerUrl | None:
    if not (folder / _NAMED).exists():
        return None
    named = database_url().parse((folder / _NAMED).read_text())
    assert isinstance(named, ServerUrl)
    return named


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
