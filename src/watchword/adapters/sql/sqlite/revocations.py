"""Is my picture current? SQLite tells at once, and exactly, across all processes on one file.

``PRAGMA data_version`` changes when any other connection has committed anything; only then are
the rows of ``changes`` read on from the last number seen.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from time import perf_counter

from watchword.adapters.sql.sqlite.connections import explain
from watchword.ports import Change, Topic

_MOST = 1_000
_LONGEST_TURN = 0.001  # seconds
# With the last one seen: when that is gone, or is not there again, this is not its continuation.
_SINCE = f"SELECT seq, topic, subject FROM changes WHERE seq >= ? ORDER BY seq LIMIT {_MOST + 2}"  # noqa: S608
_NEWEST = "SELECT COALESCE(MAX(seq), 0) FROM changes"


class SqliteRevocations:
    """``connection`` only reads: its own commits would not show in its data version."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._version: int | None = None
        self._seen = 0
        self._asked_on: asyncio.AbstractEventLoop | None = None
        self._good_until = 0.0

    def news(self) -> Sequence[Change] | None:
        """One question serves all callers of one turn of the event loop. That is still exact: the
        loop runs a task in a later turn than it read the task's request in, so whatever was
        acknowledged before any of these requests was sent had been committed before the question.
        A caller that never lets the loop turn is answered anew after a millisecond.
        """
        loop = asyncio.get_running_loop()
        if self._asked_on is loop and perf_counter() < self._good_until:
            return ()
        news = self._ask()
        self._good_until = perf_counter() + _LONGEST_TURN
        self._asked_on = loop  # and not a mere flag: a loop that was stopped never ends its turn
        loop.call_soon(self._end_turn)
        return news

    def _end_turn(self) -> None:
        self._asked_on = None

    def _ask(self) -> Sequence[Change] | None:
        try:
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return ()
            return self._read_on(version)
        except sqlite3.Error as error:
            self._version = None
            raise explain(error) from error

    def _read_on(self, version: int) -> Sequence[Change] | None:
        """``version`` was read before the rows: a commit in between is read twice, never missed."""
        rows = self._connection.execute(_SINCE, (self._seen,)).fetchall()
        news = [Change(Topic(topic), subject) for seq, topic, subject in rows if seq > self._seen]
        continues = rows[0][0] == (self._seen or 1) if rows else self._seen == 0
        if self._version is None or not continues or len(news) > _MOST:
            self._seen = self._connection.execute(_NEWEST).fetchone()[0]
            self._version = version
            return None
        if rows:
            self._seen = rows[-1][0]
        self._version = version
        return news
