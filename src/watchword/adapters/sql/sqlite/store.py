"""The embedded store: one file, one writer, reads in place."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from watchword.adapters.sql.directory import SqlPurge, count_live_sessions
from watchword.adapters.sql.failures import Observe, unobserved
from watchword.adapters.sql.sqlite.connections import connect, explain
from watchword.adapters.sql.sqlite.counters import SqliteLimits, SqliteLockouts
from watchword.adapters.sql.sqlite.feed import SqliteFeed
from watchword.adapters.sql.sqlite.group_commit import GroupCommit
from watchword.adapters.sql.sqlite.revocations import SqliteRevocations
from watchword.adapters.sql.sqlite.running import InPlace, InTransaction, OnThread
from watchword.adapters.sql.unit import SqlReading, SqlUnit
from watchword.domain.sessions import Rotation, Step
from watchword.domain.time import SECOND, Instant, Span
from watchword.ports import Clock, Unit

# A row that comes and goes: it dirties a page, so its commit is a true one.
_PROBE = "INSERT INTO limits (key, hits, resets_at) VALUES ('check', 0, 0)"
_END_PROBE = "DELETE FROM limits WHERE key = 'check'"


class SqliteStore:
    """Open it on the event loop that uses it; `close` finishes what was begun.

    ``clock`` tells when a change was noted; ``lock_wait``: how many ms a transaction waits for
    another process that is writing.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        audit_retention: Span | None = None,
        lock_wait: Span = 5 * SECOND,
        observe: Observe = unobserved,
    ) -> None:
        self._reader = connect(path, read_only=True)
        try:
            connection = connect(path)
        except BaseException:
            self._reader.close()
            raise
        self._writer = GroupCommit(connection, lock_wait=lock_wait, observe=observe)
        self._slow = OnThread(path, observe)
        self._statements = InTransaction(connection, clock)
        self._unit = SqlUnit(self._statements)
        self._purge = SqlPurge(self._statements, audit_retention=audit_retention)
        self.reading = SqlReading(InPlace(self._reader, clock), self._slow)
        self.limits = SqliteLimits(self._writer, clock)
        self.lockouts = SqliteLockouts(self._writer, clock)
        self.revocations = SqliteRevocations(self._reader)
        self.feed = SqliteFeed(self._reader, self._slow)

    def transaction(self) -> AbstractAsyncContextManager[SqlUnit]:
        return self._writer.turn(self._unit)

    async def rotate(
        self,
        session_id: str,
        generation: int,
        otherwise: Callable[[Unit], Awaitable[Step]],
        *,
        now: Instant,
    ) -> Step:
        async with self._writer.turn(self._unit, stays=True) as unit:
            if await unit.sessions.rotate(session_id, generation, now=now):
                return Step(Rotation.CURRENT, generation + 1)
            with self._writer.savepoint():
                return await otherwise(unit)

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        async with self.transaction() as unit:
            await unit.sessions.touch(seen)

    async def gather(self, within: Span) -> None:
        await self._writer.gather(within)

    async def purge(self, now: Instant, *, at_most: int) -> int:
        async with self._writer.turn(self._purge) as purge:
            return await purge.purge(now, at_most=at_most)

    async def count_live_sessions(self, now: Instant) -> int:
        return await count_live_sessions(self._slow, now)

    async def check(self) -> None:
        """Read, then commit a true change: a full disk still takes an empty one."""
        try:
            self._reader.execute("SELECT 1 FROM users LIMIT 1").fetchall()
        except sqlite3.Error as error:
            raise explain(error) from error
        async with self._writer.turn(self._statements) as statements:
            await statements.change(_PROBE, {})
            await statements.change(_END_PROBE, {})

    async def close(self) -> None:
        self.feed.close()
        await self._writer.close()
        await self._slow.close()
        self._reader.close()
