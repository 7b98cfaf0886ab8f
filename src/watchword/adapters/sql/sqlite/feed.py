"""What was revoked, for others: as long as somebody listens, the file is asked 200 times a second.

On SQLite the order of the numbers is the order of the commits, because one process writes at a
time, so reading on from the last number misses nothing.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from watchword.adapters.sql.changes import (
    COLUMNS,
    find_change,
    list_changes_since,
    recorded_of,
)
from watchword.adapters.sql.sqlite.connections import explain
from watchword.adapters.sql.statements import Queries
from watchword.adapters.sql.subscriptions import QueuedSubscription, Subscriptions
from watchword.domain.errors import Unavailable
from watchword.domain.time import Instant
from watchword.ports import Recorded

_PAUSE: Final = 0.005  # seconds; one question takes two microseconds
_MOST: Final = 1_000
# With the last one seen: when that is not there, this is not its continuation.
_SINCE = f"SELECT {COLUMNS} FROM changes WHERE seq >= ? ORDER BY seq LIMIT {_MOST + 1}"  # noqa: S608
_NEWEST = "SELECT COALESCE(MAX(seq), 0) FROM changes"


class SqliteFeed:
    """``connection`` only reads: its own commits would not show in its data version."""

    def __init__(self, connection: sqlite3.Connection, slow: Queries) -> None:
        self._connection = connection
        self._slow = slow
        self._subscriptions = Subscriptions()
        self._version = 0
        self._seen = 0
        self._next: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[QueuedSubscription]:
        if not self._subscriptions:
            self._begin()
        subscription = self._subscriptions.add(self._catch_up)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            if not self._subscriptions:
                self._rest()

    async def find(self, seq: int) -> Recorded | None:
        return await find_change(self._slow, seq)

    async def list_since(self, moment: Instant, *, after: int, at_most: int) -> Sequence[Recorded]:
        return await list_changes_since(self._slow, moment, after=after, at_most=at_most)

    def look(self) -> None:
        """Hand out what was committed since. Raise `Unavailable`."""
        try:
            version = self._ask()
            if version != self._version:
                self._read_on()
                self._version = version
        except sqlite3.Error as error:
            raise explain(error) from error

    async def _catch_up(self) -> None:
        self.look()

    def close(self) -> None:
        """Every reader hears that it is over, and can go to another node."""
        self._rest()
        self._subscriptions.end()

    def _begin(self) -> None:
        try:
            self._version = self._ask()
            self._seen = self._connection.execute(_NEWEST).fetchone()[0]
        except sqlite3.Error as error:
            raise explain(error) from error
        self._wait(asyncio.get_running_loop())

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next = loop.call_later(_PAUSE, self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(Unavailable):  # whoever asks next hears of it
            self.look()
        self._wait(loop)

    def _rest(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _ask(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _read_on(self) -> None:
        """The version was read before the rows: a commit in between is looked at once more."""
        while True:
            rows = self._connection.execute(_SINCE, (self._seen,)).fetchall()
            continues = rows[0][0] == (self._seen or 1) if rows else self._seen == 0
            if not continues:
                self._lose_count()
                return
            news = [recorded_of(row) for row in rows if row[0] > self._seen]
            if not news:
                return
            self._seen = news[-1].seq
            self._subscriptions.put(news)

    def _lose_count(self) -> None:
        """Another file lies in its place, such as a backup."""
        self._seen = self._connection.execute(_NEWEST).fetchone()[0]
        self._subscriptions.end()
