"""Limits and lockouts in SQL: counted and judged in one step, committed on their own."""

from watchword.adapters.sql.statements import Row, Statements
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.time import Instant, Span
from watchword.ports import Allowance, Tally

# Whoever counts a hit, or clears failures, does not wait for the disk of the server; when its power
# goes, the newest hits are lost, or there is one failure too many.
_UNWAITED = "set_config('synchronous_commit', 'off', true)"
COUNTED = f"""
ON CONFLICT (key) DO UPDATE SET
    hits = excluded.hits + CASE WHEN limits.resets_at <= :now THEN 0 ELSE limits.hits END,
    resets_at = CASE WHEN limits.resets_at <= :now THEN excluded.resets_at
                     ELSE limits.resets_at END
RETURNING hits, resets_at, key /*!, {_UNWAITED} */
"""
_HIT = f"""
INSERT INTO limits (key, hits, resets_at) VALUES (:key, :hits, :resets_at) {COUNTED}
"""  # noqa: S608  constant text
_PEEK = "SELECT hits, resets_at FROM limits WHERE key = :key AND resets_at > :now"
# The share goes with its window: one that began before the window of the key counts for nothing.
_HIT_SHARE = """
INSERT INTO limits (key, hits, resets_at) VALUES (:share, 1, :resets_at)
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN limits.resets_at <> excluded.resets_at THEN 1 ELSE limits.hits + 1 END,
    resets_at = excluded.resets_at
"""
_FORGIVE = """
UPDATE limits SET hits = hits - COALESCE((
    SELECT s.hits FROM limits s WHERE s.key = :share AND s.resets_at = limits.resets_at), 0)
WHERE key = :key
"""
_TAKE_BACK_OF_KEY = """
UPDATE limits SET hits = hits - 1
WHERE key = :key AND EXISTS (
    SELECT 1 FROM limits s
    WHERE s.key = :share AND s.resets_at = limits.resets_at AND s.hits > 0)
"""
_TAKE_BACK_OF_SHARE = "UPDATE limits SET hits = hits - 1 WHERE key = :share AND hits > 0"
_FORGET = "DELETE FROM limits WHERE key = :key"

# Claims the row before it is read, so that two attempts at once count as two on every database.
_CLAIM = """
INSERT INTO lockouts (key, failures, locks, consecutive, locked_until, last_at)
VALUES (:key, 0, 0, 0, 0, :now)
ON CONFLICT (key) DO UPDATE SET last_at = lockouts.last_at
RETURNING failures, locks, consecutive, locked_until, last_at
"""
_COUNT = """
UPDATE lockouts SET failures = :failures, locks = :locks, consecutive = :consecutive,
    locked_until = :locked_until, last_at = :last_at
WHERE key = :key
"""
_RECLAIM = """
UPDATE lockouts SET last_at = last_at WHERE key = :key
RETURNING failures, locks, consecutive, locked_until, last_at
"""
_SUCCEED = f"DELETE FROM lockouts WHERE key = :key /*! RETURNING {_UNWAITED} */"  # noqa: S608
_FORGET_ALL = "DELETE FROM lockouts WHERE key = :key OR (key >= :below AND key < :above)"


def tally_of(hits: int, resets_at: Instant, allowance: Allowance) -> Tally:
    return Tally(max(0, allowance.count - hits), resets_at, hits > allowance.count)


class SqlLimits:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        hits, resets_at = await self.count(key, allowance.period, now=now)
        if share is not None:
            await self._statements.change(
                _HIT_SHARE, {"share": f"{key} {share}", "resets_at": resets_at}
            )
        return tally_of(hits, resets_at, allowance)

    async def count(
        self, key: str, period: Span, *, now: Instant, hits: int = 1
    ) -> tuple[int, Instant]:
        """``hits`` more: how many there are now, and until when they count."""
        rows = await self._statements.rows(
            _HIT, {"key": key, "hits": hits, "now": now, "resets_at": now + period}
        )
        return int(rows[0][0] or 0), int(rows[0][1] or 0)

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        row = await self._statements.row(_PEEK, {"key": key, "now": now})
        hits, resets_at = (0, now) if row is None else (int(row[0] or 0), int(row[1] or 0))
        return Tally(max(0, allowance.count - hits), resets_at, hits >= allowance.count)

    async def take_back(self, key: str, share: str) -> None:
        await self._statements.change(_TAKE_BACK_OF_KEY, {"key": key, "share": f"{key} {share}"})
        await self._statements.change(_TAKE_BACK_OF_SHARE, {"share": f"{key} {share}"})

    async def forgive(self, key: str, share: str) -> None:
        row = f"{key} {share}"
        if await self._statements.change(_FORGIVE, {"key": key, "share": row}):
            await self._statements.change(_FORGET, {"key": row})


class SqlLockouts:
    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        rows = await self._statements.rows(_CLAIM, {"key": key, "now": now})
        before = _attempts_of(rows[0])
        before.require_open(now)
        counted = before.with_one_more(now, policy)
        await self._write(key, counted)
        return counted

    async def _write(self, key: str, attempts: Attempts) -> None:
        await self._statements.change(
            _COUNT,
            {
                "key": key,
                "failures": attempts.failures,
                "locks": attempts.locks,
                "consecutive": attempts.consecutive,
                "locked_until": attempts.locked_until,
                "last_at": attempts.last_at,
            },
        )

    async def take_back(self, key: str, policy: LockoutPolicy) -> None:
        rows = await self._statements.rows(_RECLAIM, {"key": key})
        if rows:
            await self._write(key, _attempts_of(rows[0]).without_one(policy))

    async def succeed(self, key: str) -> None:
        await self._statements.change(_SUCCEED, {"key": key})

    async def forget(self, key: str) -> None:
        """Keys are compared byte by byte: a semicolon comes next after a colon."""
        await self._statements.change(
            _FORGET_ALL, {"key": key, "below": f"{key}:", "above": f"{key};"}
        )


def _attempts_of(row: Row) -> Attempts:
    return Attempts(*(int(value or 0) for value in row))
