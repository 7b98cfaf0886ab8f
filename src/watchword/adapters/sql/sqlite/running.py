"""Statements on SQLite: in place where they take microseconds, on a thread where they may not."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from watchword.adapters.sql.sqlite.connections import connect, translate
from watchword.adapters.sql.statements import Parameters, Row


class InPlace:
    """Runs on the event loop: for point reads and for the statements of a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise translate(error) from error

    async def row(self, sql: str, parameters: Parameters) -> Row | None:
        try:
            rows: list[Row] = self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise translate(error) from error
        return rows[0] if rows else None

    async def change(self, sql: str, parameters: Parameters) -> int:
        try:
            return self._connection.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise translate(error) from error


class OnThread:
    """Runs on a thread of its own with a read-only connection: for searches and counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watchword-read")
        self._connections: list[sqlite3.Connection] = []

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        return await self._run(lambda: self._connection().execute(sql, parameters).fetchall())

    async def row(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await self.rows(sql, parameters)
        return rows[0] if rows else None

    async def _run(self, work: Callable[[], list[Row]]) -> list[Row]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except sqlite3.Error as error:
            raise translate(error) from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self._path, read_only=True, wait=5.0)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
