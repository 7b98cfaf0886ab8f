"""Statements on SQLite: in place where they take microseconds, on a thread where they may not."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from watchword.adapters.sql.changes import NOTE
from watchword.adapters.sql.failures import Observe, StoreFailed
from watchword.adapters.sql.sqlite.connections import connect, translate
from watchword.adapters.sql.statements import Claim, Parameters, Row
from watchword.domain.time import SECOND, Span
from watchword.ports import Clock, Topic

_SLOW_WAIT: Span = 5 * SECOND


class InPlace:
    """Runs on the event loop: for point reads and for the statements of a transaction."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        try:
            return self._execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise translate(error) from error

    async def row(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await self.rows(sql, parameters)
        return rows[0] if rows else None

    async def change(self, sql: str, parameters: Parameters) -> int:
        try:
            return self._execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise translate(error) from error

    async def change_each(self, sql: str, each: Iterable[Parameters]) -> None:
        for parameters in each:
            await self.change(sql, parameters)

    async def claim(self, what: Claim, key: str | bytes = "") -> None:
        """There is one writer, who has everything."""

    async def note(self, topic: Topic, subject: str, proof: int) -> None:
        noted = {"at": self._clock.now(), "topic": topic.value, "subject": subject, "proof": proof}
        await self.change(NOTE, noted)

    def note_again(self, topic: Topic, subject: str) -> None:
        """Whoever reads the file sees what is committed."""

    def _execute(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)


class InTransaction(InPlace):
    """Nothing is committed by itself: not after a failed write has rolled the transaction back,
    not when the block that had its turn has been left.
    """

    def _execute(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        if not self._connection.in_transaction:
            raise StoreFailed("The transaction is over.")
        return self._connection.execute(sql, parameters)


class OnThread:
    """Runs on a thread of its own with a read-only connection: for searches and counts."""

    def __init__(self, path: Path, observe: Observe) -> None:
        self._path = path
        self._observe = observe
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watchword-read")
        self._opened: sqlite3.Connection | None = None
        self._is_closed = False

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        if self._is_closed:
            raise StoreFailed("The store is closed.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._fetch, sql, parameters)

    async def row(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await self.rows(sql, parameters)
        return rows[0] if rows else None

    async def close(self) -> None:
        self._is_closed = True
        await asyncio.to_thread(self._thread.shutdown)
        if self._opened is not None:
            self._opened.close()

    def _fetch(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        started = perf_counter()
        try:
            return self._connection().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise translate(error) from error
        finally:
            self._observe("search", perf_counter() - started)

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            connection = connect(self._path, read_only=True, wait=_SLOW_WAIT)
            # SQLite's own lower() knows ASCII alone; PostgreSQL's knows all letters.
            connection.create_function("lower", 1, str.lower, deterministic=True)
            self._opened = connection
        return self._opened
