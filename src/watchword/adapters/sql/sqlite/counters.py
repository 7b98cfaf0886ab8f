"""Limits and lockouts on SQLite: counted in transactions that others share.

While a transaction is open nobody else writes, so what it has counted for a key is known without
asking again: of many requests of one client, the first and the sum are written.
"""

import sqlite3
from functools import partial

from watchword.adapters.sql.limits import SqlLimits, SqlLockouts, tally_of
from watchword.adapters.sql.sqlite.connections import explain
from watchword.adapters.sql.sqlite.group_commit import GroupCommit
from watchword.adapters.sql.sqlite.running import InTransaction
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.time import Instant
from watchword.ports import Allowance, Clock, Tally

_WRITE_DOWN = "UPDATE limits SET hits = ? WHERE key = ? AND resets_at = ?"


class _Window:
    """What the open transaction has counted for a key; ``is_ahead`` of the row."""

    __slots__ = ("hits", "is_ahead", "resets_at")

    def __init__(self, hits: int, resets_at: Instant) -> None:
        self.hits = hits
        self.resets_at = resets_at
        self.is_ahead = False


class SqliteLimits:
    """Counters do not wait for the disk: when the power goes or the disk fills up, a few are
    lost; after a failed commit they wait as well, so that a broken disk is not an open door.
    """

    def __init__(self, writer: GroupCommit, clock: Clock) -> None:
        self._connection = writer.connection
        self._windows: dict[str, _Window] = {}
        limits = SqlLimits(InTransaction(writer.connection, clock))
        self._turn = partial(writer.turn, limits, durable=False)
        writer.at_the_end(self._write_down, self._windows.clear)

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        async with self._turn(stays=share is None) as limits:
            window = self._windows.get(key)
            if share is None and window is not None and now < window.resets_at:
                window.hits += 1
                window.is_ahead = True
                return tally_of(window.hits, window.resets_at, allowance)
            self._settle(key)
            if share is not None:
                return await limits.hit(key, allowance, now=now, share=share)
            hits, resets_at = await limits.count(key, allowance.period, now=now)
            self._windows[key] = _Window(hits, resets_at)
            return tally_of(hits, resets_at, allowance)

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        async with self._turn(stays=True) as limits:
            self._settle(key)
            return await limits.peek(key, allowance, now=now)

    async def take_back(self, key: str, share: str) -> None:
        async with self._turn() as limits:
            self._settle(key)
            await limits.take_back(key, share)

    async def forgive(self, key: str, share: str) -> None:
        async with self._turn() as limits:
            self._settle(key)
            await limits.forgive(key, share)

    def _settle(self, key: str) -> None:
        """From here on the row is right. Raise `StoreFailed`."""
        window = self._windows.pop(key, None)
        if window is not None and window.is_ahead:
            try:
                self._connection.execute(_WRITE_DOWN, (window.hits, key, window.resets_at))
            except sqlite3.Error as error:
                raise explain(error) from error

    def _write_down(self) -> None:
        for key in tuple(self._windows):
            self._settle(key)


class SqliteLockouts:
    """A failure is on the disk before its attempt is made. A success need not be: when the power
    goes before its commit, there is one failure too many, and none too few.
    """

    def __init__(self, writer: GroupCommit, clock: Clock) -> None:
        lockouts = SqlLockouts(InTransaction(writer.connection, clock))
        self._turn = partial(writer.turn, lockouts)

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        async with self._turn(stays=True) as lockouts:
            return await lockouts.begin(key, policy, now=now)

    async def succeed(self, key: str) -> None:
        async with self._turn(durable=False, stays=True) as lockouts:
            await lockouts.succeed(key)

    async def take_back(self, key: str, policy: LockoutPolicy) -> None:
        async with self._turn() as lockouts:
            await lockouts.take_back(key, policy)

    async def forget(self, key: str) -> None:
        async with self._turn() as lockouts:
            await lockouts.forget(key)
