"""The embedded store: one file, one writer, reads in place."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from watchword.adapters.sql.accounts import SqlAccounts, SqlAdministrators
from watchword.adapters.sql.audit import SqlAuditLog, SqlAuditReader
from watchword.adapters.sql.directory import SqlDirectory, SqlPurge, count_live_sessions
from watchword.adapters.sql.limits import SqlLimits, SqlLockouts
from watchword.adapters.sql.records import SqlDevices, SqlKeys, SqlLinks
from watchword.adapters.sql.sessions import SqlSessions
from watchword.adapters.sql.sqlite.connections import Observe, connect, explain, unobserved
from watchword.adapters.sql.sqlite.group_commit import GroupCommit
from watchword.adapters.sql.sqlite.revocations import SqliteRevocations
from watchword.adapters.sql.sqlite.running import InPlace, InTransaction, OnThread
from watchword.adapters.sql.statements import Queries, Statements
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.sessions import Rotation, Step
from watchword.domain.time import SECOND, Instant, Span
from watchword.ports import Allowance, Tally, Unit

# A row that comes and goes: it dirties a page, so its commit is a true one.
_PROBE = "INSERT INTO limits (key, hits, resets_at) VALUES ('check', 0, 0)"
_END_PROBE = "DELETE FROM limits WHERE key = 'check'"


class SqlReading:
    def __init__(self, point: Statements, slow: Queries) -> None:
        self.accounts = SqlAccounts(point)
        self.administrators = SqlAdministrators(point)
        self.sessions = SqlSessions(point)
        self.devices = SqlDevices(point)
        self.keys = SqlKeys(point)
        self.directory = SqlDirectory(slow)
        self.audit = SqlAuditReader(slow)


class SqlUnit:
    def __init__(self, statements: Statements) -> None:
        self.accounts = SqlAccounts(statements)
        self.administrators = SqlAdministrators(statements)
        self.sessions = SqlSessions(statements)
        self.links = SqlLinks(statements)
        self.devices = SqlDevices(statements)
        self.keys = SqlKeys(statements)
        self.audit = SqlAuditLog(statements)


class SqliteStore:
    """Open it on the event loop that uses it; `close` finishes what was begun.

    ``lock_wait``: how many ms a transaction waits for another process that is writing.
    """

    def __init__(
        self,
        path: Path,
        *,
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
        self._statements = InTransaction(connection)
        self._unit = SqlUnit(self._statements)
        self._purge = SqlPurge(self._statements, audit_retention=audit_retention)
        self.reading = SqlReading(InPlace(self._reader), self._slow)
        self.limits = SqliteLimits(self._writer)
        self.lockouts = SqliteLockouts(self._writer)
        self.revocations = SqliteRevocations(self._reader)

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
        async with self._writer.turn(self._unit, is_single=True) as unit:
            if await unit.sessions.rotate(session_id, generation, now=now):
                return Step(Rotation.CURRENT, generation + 1)
            with self._writer.savepoint():
                return await otherwise(unit)

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
        await self._writer.close()
        await self._slow.close()
        self._reader.close()


class SqliteLimits:
    """Counters do not wait for the disk: when the power goes or the disk fills up, a few are
    lost; after a failed commit they wait as well, so that a broken disk is not an open door.
    """

    def __init__(self, writer: GroupCommit) -> None:
        limits = SqlLimits(InTransaction(writer.connection))
        self._turn = partial(writer.turn, limits, durable=False)

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        async with self._turn(is_single=share is None) as limits:
            return await limits.hit(key, allowance, now=now, share=share)

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        async with self._turn(is_single=True) as limits:
            return await limits.peek(key, allowance, now=now)

    async def take_back(self, key: str, share: str) -> None:
        async with self._turn() as limits:
            await limits.take_back(key, share)

    async def forgive(self, key: str, share: str) -> None:
        async with self._turn() as limits:
            await limits.forgive(key, share)


class SqliteLockouts:
    """A failure is on the disk before its attempt is made. A success need not be: when the power
    goes before its commit, there is one failure too many, and none too few.
    """

    def __init__(self, writer: GroupCommit) -> None:
        lockouts = SqlLockouts(InTransaction(writer.connection))
        self._turn = partial(writer.turn, lockouts)

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        async with self._turn() as lockouts:
            return await lockouts.begin(key, policy, now=now)

    async def succeed(self, key: str) -> None:
        async with self._turn(durable=False, is_single=True) as lockouts:
            await lockouts.succeed(key)

    async def take_back(self, key: str, policy: LockoutPolicy) -> None:
        async with self._turn() as lockouts:
            await lockouts.take_back(key, policy)

    async def forget(self, key: str) -> None:
        async with self._turn() as lockouts:
            await lockouts.forget(key)
