"""Limits and lockouts on PostgreSQL: one statement where one will do, else a transaction."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from watchword.adapters.sql.limits import COUNTED, SqlLimits, SqlLockouts, tally_of
from watchword.adapters.sql.postgres.batches import Batches
from watchword.adapters.sql.postgres.failures import Clashed
from watchword.adapters.sql.postgres.running import Singles
from watchword.adapters.sql.postgres.transactions import Transactions
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.time import Instant, Span
from watchword.ports import Allowance, Tally

Result = TypeVar("Result")
_ATTEMPTS: Final = 4
# In one order on every node, so that no two wait for each other.
_COUNT_EACH: Final = f"""
INSERT INTO limits (key, hits, resets_at)
SELECT client, times, until
FROM unnest(CAST(:keys AS text[]), CAST(:hits AS int8[]), CAST(:ends AS int8[]))
    AS counted(client, times, until)
ORDER BY client COLLATE "C" {COUNTED}
"""  # noqa: S608  constant text


async def patiently(do: Callable[[], Awaitable[Result]]) -> Result:
    """Again when others were in the way: nothing of it has happened then."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await do()
        except Clashed:
            continue
    return await do()


class _Hit(NamedTuple):
    key: str
    period: Span
    now: Instant


class PostgresLimits:
    """Hits that come together are counted together, and each is told its own number."""

    def __init__(self, singles: Singles, transactions: Transactions) -> None:
        self._singles = singles
        self._alone = SqlLimits(singles)
        self._transactions = transactions
        self._batches = Batches(self._count)

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        if share is None:
            hits, resets_at = await self._batches.ask(_Hit(key, allowance.period, now))
            return tally_of(hits, resets_at, allowance)
        return await self._together(lambda s: s.hit(key, allowance, now=now, share=share))

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        return await self._alone.peek(key, allowance, now=now)

    async def take_back(self, key: str, share: str) -> None:
        await self._together(lambda limits: limits.take_back(key, share))

    async def forgive(self, key: str, share: str) -> None:
        await self._together(lambda limits: limits.forgive(key, share))

    async def _count(self, hits: Sequence[_Hit]) -> Sequence[tuple[int, Instant]]:
        times = Counter(hit.key for hit in hits)
        last = {hit.key: hit for hit in hits}
        counted = await self._count_each(times, last)
        left = Counter(times)
        answers = []
        for hit in hits:
            left[hit.key] -= 1
            sum_, resets_at = counted[hit.key]
            answers.append((sum_ - left[hit.key], resets_at))
        return answers

    async def _count_each(
        self, times: Mapping[str, int], last: Mapping[str, _Hit]
    ) -> Mapping[str, tuple[int, Instant]]:
        now = max(hit.now for hit in last.values())
        if len(last) == 1:
            [(key, hit)] = last.items()
            return {key: await self._alone.count(key, hit.period, now=now, hits=times[key])}
        rows = await self._singles.rows(
            _COUNT_EACH,
            {
                "keys": list(last),
                "hits": [times[key] for key in last],
                "ends": [now + hit.period for hit in last.values()],
                "now": now,
            },
        )
        return {str(key): (int(sum_ or 0), int(end or 0)) for sum_, end, key, _ in rows}

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
