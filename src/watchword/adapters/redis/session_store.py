"""A store whose sessions move in Redis; everything else is the other store's, as it was.

Invariant: what has ended is committed first, then gone from Redis, and only then answered.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType

from watchword.adapters.redis.connections import Connections
from watchword.adapters.redis.failures import RedisFailed
from watchword.adapters.redis.movements import Movements
from watchword.adapters.redis.names import Names
from watchword.adapters.redis.session_unit import MovingReading, MovingUnit
from watchword.adapters.redis.sessions import Endings, RedisSessions
from watchword.domain.sessions import Rotation, Step
from watchword.domain.time import Instant, Span
from watchword.ports import Change, OpenStore, Revocations, Topic, Unit


class RedisSessionStore:
    """``store`` is opened for this one alone, which closes it; ``connections`` are others' too."""

    def __init__(self, store: OpenStore, connections: Connections, names: Names) -> None:
        self._store = store
        self.revocations = _WithLosses(store.revocations)
        self._movements = Movements(connections, names, self.revocations.note)
        self._owed: set[str] = set()
        sessions = RedisSessions(
            store.reading.sessions, store.reading.accounts, self._movements, Endings()
        )
        self.reading = MovingReading(store.reading, sessions)
        self.limits = store.limits
        self.lockouts = store.lockouts
        self.feed = store.feed

    def transaction(self) -> "_Transaction":
        return _Transaction(self._store.transaction(), self._movements, self._forget)

    async def rotate(
        self,
        session_id: str,
        generation: int,
        otherwise: Callable[[Unit], Awaitable[Step]],
        *,
        now: Instant,
    ) -> Step:
        """What is looked at afterwards is one picture: others may move the session on meanwhile,
        and the verdict is as of that moment.
        """
        if await self._movements.rotate(session_id, generation, held=generation, now=now):
            return Step(Rotation.CURRENT, generation + 1)
        async with self.transaction() as unit:
            return await otherwise(unit)

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        await self._movements.touch(seen)

    async def gather(self, within: Span) -> None:
        await self._store.gather(within)

    async def purge(self, now: Instant, *, at_most: int) -> int:
        """What is over goes from Redis by itself."""
        return await self._store.purge(now, at_most=at_most)

    async def count_live_sessions(self, now: Instant) -> int:
        """Those that are idle for too long among them: to tell, each would have to be asked."""
        return await self._store.count_live_sessions(now)

    async def check(self) -> None:
        await self._store.check()

    async def close(self) -> None:
        await self._store.close()

    async def _forget(self, ended: set[str]) -> None:
        """With what could not be forgotten before: of whom all sessions are ended once more, the
        other store has none to name any more. Raise `RedisFailed`: the end holds, but a node that
        has not heard of it could still rotate.
        """
        self._owed |= ended
        going = sorted(self._owed)
        await self._movements.end(going)
        self._owed.difference_update(going)


class _Transaction:
    __slots__ = ("_endings", "_forget", "_kept", "_movements")

    def __init__(
        self,
        kept: AbstractAsyncContextManager[Unit],
        movements: Movements,
        forget: Callable[[set[str]], Awaitable[None]],
    ) -> None:
        self._kept = kept
        self._movements = movements
        self._forget = forget
        self._endings = Endings()

    async def __aenter__(self) -> MovingUnit:
        return MovingUnit(await self._kept.__aenter__(), self._movements, self._endings)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """A commit that fails may have been done all the same, so what ended in it is forgotten."""
        if kind is not None:
            await self._kept.__aexit__(kind, error, trace)
            return
        try:
            await self._kept.__aexit__(None, None, None)
        except BaseException:
            with suppress(RedisFailed):
                await self._forget_the_ended()
            raise
        await self._forget_the_ended()

    async def _forget_the_ended(self) -> None:
        if self._endings.are_due:
            await self._forget(self._endings.session_ids)


class _WithLosses:
    """The news, and which sessions were found to be gone: a node that has a picture of one, and
    need ask nobody, would else go on by it.
    """

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations
        self._lost: list[Change] = []

    def note(self, session_id: str) -> None:
        self._lost.append(Change(Topic.SESSION, session_id))

    def news(self) -> Sequence[Change] | None:
        told = self._revocations.news()
        lost, self._lost = self._lost, []
        return told if told is None or not lost else [*told, *lost]
