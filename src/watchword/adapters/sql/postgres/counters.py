"""Limits and lockouts on PostgreSQL: one statement where one will do, else a transaction."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from watchword.adapters.sql.limits import SqlLimits, SqlLockouts
from watchword.adapters.sql.postgres.failures import Clashed
from watchword.adapters.sql.postgres.running import Singles
from watchword.adapters.sql.postgres.transactions import Transactions
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.time import Instant
from watchword.ports import Allowance, Tally

Result = TypeVar("Result")
_ATTEMPTS: Final = 4


async def patiently(do: Callable[[], Awaitable[Result]]) -> Result:
    """Again when others were in the way: nothing of it has happened then."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await do()
        except Clashed:
            continue
    return await do()


class PostgresLimits:
    def __init__(self, singles: Singles, transactions: Transactions) -> None:
        self._alone = SqlLimits(singles)
        self._transactions = transactions

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        if share is None:
            return await self._alone.hit(key, allowance, now=now)
        return await self._together(lambda s: s.hit(key, allowance, now=now, share=share))

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        return await self._alone.peek(key, allowance, now=now)

    async def take_back(self, key: str, share: str) -> None:
        await self._together(lambda limits: limits.take_back(key, share))

    async def forgive(self, key: str, share: str) -> None:
        await self._together(lambda limits: limits.forgive(key, share))

    async def _together(self, verb: Callable[[SqlLimits], Awaitable[Result]]) -> Result:
        async def once() -> Result:
            async with self._transactions.begin(SqlLimits) as limits:
                return await verb(limits)

        return await patiently(once)


class PostgresLockouts:
    """A failure is committed before its attempt is made."""

    def __init__(self, singles: Singles, transactions: Transactions) -> None:
        self._alone = SqlLockouts(singles)
        self._transactions = transactions

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        return await self._together(lambda lockouts: lockouts.begin(key, policy, now=now))

    async def succeed(self, key: str) -> None:
        await self._alone.succeed(key)

    async def take_back(self, key: str, policy: LockoutPolicy) -> None:
        await self._together(lambda lockouts: lockouts.take_back(key, policy))

    async def forget(self, key: str) -> None:
        await self._alone.forget(key)

    async def _together(self, verb: Callable[[SqlLockouts], Awaitable[Result]]) -> Result:
        async def once() -> Result:
            async with self._transactions.begin(SqlLockouts) as lockouts:
                return await verb(lockouts)

        return await patiently(once)
