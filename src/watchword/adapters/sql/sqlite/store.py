"""The embedded store: one file, one writer, reads in place."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from watchword.adapters.sql.accounts import SqlAccounts
from watchword.adapters.sql.audit import SqlAuditLog, SqlAuditReader
from watchword.adapters.sql.directory import SqlDirectory, SqlPurge, count_live_sessions
from watchword.adapters.sql.limits import SqlLimits, SqlLockouts
from watchword.adapters.sql.records import SqlDevices, SqlKeys, SqlLinks
from watchword.adapters.sql.sessions import SqlSessions
from watchword.adapters.sql.sqlite.connections import connect
from watchword.adapters.sql.sqlite.group_commit import GroupCommit
from watchword.adapters.sql.sqlite.revocations import SqliteRevocations
from watchword.adapters.sql.sqlite.running import InPlace, OnThread
from watchword.adapters.sql.statements import Statements
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.time import Instant, Span
from watchword.ports import Allowance, Tally


class SqlReading:
    def __init__(self, point: Statements, slow: Statements) -> None:
        self.accounts = SqlAccounts(point)
        self.sessions = SqlSessions(point)
        self.devices = SqlDevices(point)
        self.keys = SqlKeys(point)
        self.directory = SqlDirectory(slow)
        self.audit = SqlAuditReader(slow)


class SqlUnit:
    def __init__(self, statements: Statements) -> None:
        self.accounts = SqlAccounts(statements)
        self.sessions = SqlSessions(statements)
        self.links = SqlLinks(statements)
        self.devices = SqlDevices(statements)
        self.keys = SqlKeys(statements)
        self.audit = SqlAuditLog(statements)


class SqliteStore:
    """Open it on the event loop that uses it; `close` finishes what was begun."""

    def __init__(self, path: Path, *, audit_retention: Span | None = None) -> None:
        self._reader = connect(path, read_only=True)
        self._writer = GroupCommit(connect(path))
        self._slow = OnThread(path)
        self._unit = SqlUnit(InPlace(self._writer.connection))
        self._purge = SqlPurge(InPlace(self._writer.connection), audit_retention=audit_retention)
        self.reading = SqlReading(InPlace(self._reader), self._slow)
        self.limits = SqliteLimits(self._writer)
        self.lockouts = SqliteLockouts(self._writer)
        self.revocations = SqliteRevocations(self._reader)

    def transaction(self) -> AbstractAsyncContextManager[SqlUnit]:
        return self._writer.turn(self._unit)

    async def purge(self, now: Instant, *, at_most: int) -> int:
        async with self._writer.turn(self._purge) as purge:
            return await purge.purge(now, at_most=at_most)

    async def count_live_sessions(self, now: Instant) -> int:
        return await count_live_sessions(self._slow, now)

    async def check(self) -> None:
        """Take the write lock and give it back; a commit that failed last is still a failure."""
        async with self._writer.turn(None, durable=False):
            pass
        if self._writer.last_failure is not None:
            raise self._writer.last_failure

    async def close(self) -> None:
        await self._writer.close()
        self._slow.close()
        self._reader.close()


class SqliteLimits:
    """Counters do not wait for the disk: with the power, and with nothing less, a few are lost."""

    def __init__(self, writer: GroupCommit) -> None:
        self._limits = SqlLimits(InPlace(writer.connection))
        self._turn = partial(writer.turn, self._limits, durable=False)

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        async with self._turn() as limits:
            return await limits.hit(key, allowance, now=now, share=share)

    async def forgive(self, key: str, share: str) -> None:
        async with self._turn() as limits:
            await limits.forgive(key, share)


class SqliteLockouts:
    """A failure is on the disk before its attempt is made."""

    def __init__(self, writer: GroupCommit) -> None:
        self._lockouts = SqlLockouts(InPlace(writer.connection))
        self._turn = partial(writer.turn, self._lockouts)

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        async with self._turn() as lockouts:
            return await lockouts.begin(key, policy, now=now)

    async def succeed(self, key: str) -> None:
        async with self._turn() as lockouts:
            await lockouts.succeed(key)
