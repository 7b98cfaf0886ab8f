"""The store on PostgreSQL: shared by any number of nodes, which come and go."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from watchword.adapters.sql.directory import SqlPurge
from watchword.adapters.sql.failures import Observe, unobserved
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.channel import Channel
from watchword.adapters.sql.postgres.counters import PostgresLimits, PostgresLockouts, patiently
from watchword.adapters.sql.postgres.estimates import count_live_sessions
from watchword.adapters.sql.postgres.feed import PostgresFeed
from watchword.adapters.sql.postgres.nodes import ByDatabase
from watchword.adapters.sql.postgres.polling import ByMessages, PolledRevocations
from watchword.adapters.sql.postgres.pool import Pool
from watchword.adapters.sql.postgres.revocations import PostgresRevocations
from watchword.adapters.sql.postgres.rotations import Rotations
from watchword.adapters.sql.postgres.running import Searches, Singles
from watchword.adapters.sql.postgres.transactions import InTransaction, Transactions
from watchword.adapters.sql.postgres.uses import Uses
from watchword.adapters.sql.statements import Claim
from watchword.adapters.sql.subscriptions import Subscriptions
from watchword.adapters.sql.unit import SqlReading, SqlUnit
from watchword.domain.sessions import Rotation, Step
from watchword.domain.time import Instant, Span
from watchword.ports import Clock, Randomness, Unit

__all__ = ["ByDatabase", "ByMessages", "PostgresStore"]

_NAME_BYTES: Final = 8
_HOLD_SESSION: Final = "SELECT 1 FROM sessions WHERE id = :id /*! FOR UPDATE */"
_LOOK: Final = "SELECT 1 FROM users LIMIT 1"
_PROBE: Final = "INSERT INTO limits (key, hits, resets_at) VALUES (:key, 0, 0)"
_END_PROBE: Final = "DELETE FROM limits WHERE key = :key"


class PostgresStore:
    """Nothing is opened before it is needed; `close` lets go of everything. ``clock`` tells when a
    change was noted.
    """

    def __init__(
        self,
        address: Address,
        nodes: ByDatabase | ByMessages,
        *,
        clock: Clock,
        randomness: Randomness,
        audit_retention: Span | None = None,
        observe: Observe = unobserved,
    ) -> None:
        self._pool = Pool(address, observe)
        self._singles = Singles(self._pool, holds=True)
        self._rotations = Rotations(self._singles)
        self._uses = Uses(self._singles)
        self._searches = Searches(self._pool, observe)
        self._probe_key = f"check {randomness.bytes(_NAME_BYTES).hex()}"
        subscriptions = Subscriptions()
        self.revocations: Channel
        if isinstance(nodes, ByDatabase):
            self.revocations = PostgresRevocations(
                address, nodes, subscriptions, randomness=randomness, others=self._pool
            )
        else:
            self.revocations = PolledRevocations(
                address, nodes, subscriptions, randomness=randomness, others=self._pool
            )
        self._transactions = Transactions(
            self._pool, clock=clock, channel=self.revocations, observe=observe
        )
        self._purge = SqlPurge(self._singles, audit_retention=audit_retention)
        points = Singles(self._pool, holds=False)
        self.reading = SqlReading(points, self._searches)
        self.feed = PostgresFeed(points, subscriptions, self.revocations.catch_up)
        self.limits = PostgresLimits(self._singles, self._transactions)
        self.lockouts = PostgresLockouts(self._singles, self._transactions)

    def transaction(self) -> AbstractAsyncContextManager[SqlUnit]:
        return self._transactions.begin(SqlUnit)

    async def rotate(
        self,
        session_id: str,
        generation: int,
        otherwise: Callable[[Unit], Awaitable[Step]],
        *,
        now: Instant,
    ) -> Step:
        if await self._rotations.rotate(session_id, generation, now=now):
            return Step(Rotation.CURRENT, generation + 1)

        async def look_again() -> Step:
            async with self._transactions.begin(_RotationUnit) as unit:
                if await unit.rotate_held(session_id, generation, now=now):
                    return Step(Rotation.CURRENT, generation + 1)
                return await otherwise(unit)

        return await patiently(look_again)

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        await self._uses.write(seen)

    async def gather(self, within: Span) -> None:
        """At once: the server lets commits of many connections share the disk by itself."""

    async def purge(self, now: Instant, *, at_most: int) -> int:
        return await self._purge.purge(now, at_most=at_most)

    async def count_live_sessions(self, now: Instant) -> int:
        return await count_live_sessions(self._searches, now)

    async def check(self) -> None:
        """Read, then commit a true change: a standby can be read as well."""
        await self._singles.row(_LOOK, {})
        async with self._transactions.begin(_itself) as statements:
            await statements.change(_PROBE, {"key": self._probe_key})
            await statements.change(_END_PROBE, {"key": self._probe_key})

    async def close(self) -> None:
        await self.revocations.close()
        await self._pool.close()


class _RotationUnit(SqlUnit):
    def __init__(self, statements: InTransaction) -> None:
        super().__init__(statements)
        self._statements = statements

    async def rotate_held(self, session_id: str, generation: int, *, now: Instant) -> bool:
        """Once more, with the session to itself: whoever moves it on waits from here on."""
        await self._statements.claim(Claim.OWNER_OF_SESSION, session_id)
        await self._statements.row(_HOLD_SESSION, {"id": session_id})
        return await self.sessions.rotate(session_id, generation, now=now)


def _itself(statements: InTransaction) -> InTransaction:
    return statements
