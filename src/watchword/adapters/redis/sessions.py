"""Sessions of which another store says which there are, and Redis how far they have come.

The other store has the row of a session, its proof and its end. Invariant: a session is alive only
if both say so, and its end is never Redis's alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from watchword.adapters.redis.failures import RedisFailed
from watchword.adapters.redis.movements import Movement, Movements
from watchword.domain.risk import Visit
from watchword.domain.sessions import EndReason, Session
from watchword.domain.time import Instant
from watchword.ports import Accounts, Sessions, Standing

_EVER: Instant = 0


def _to_keep(session: Session) -> Session:
    """What the other store has of it: the idle end is the absolute one. The salt is turned, so that
    without Redis, where every used token would look new, none of its tokens is genuine.
    """
    return replace(session, salt=_turned(session.salt), idle_expires_at=session.expires_at)


def _as_it_began(kept: Session) -> Session:
    idle_end = min(kept.last_seen_at + kept.idle_ttl, kept.idle_expires_at)
    return replace(kept, salt=_turned(kept.salt), idle_expires_at=idle_end)


def _turned(salt: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in salt)


def _as_it_stands(kept: Session, movement: Movement | None) -> Session:
    """A session whose hash is gone has ended, although nobody has written that down: there is no
    telling how far it had come.
    """
    session = _as_it_began(kept)
    if movement is None:
        return replace(session, ended_at=session.last_seen_at)
    return movement.of(session)


class Endings:
    """Which sessions end in a transaction, again if they had ended before: whoever commits makes
    Redis forget them, and may have failed to the last time.
    """

    __slots__ = ("are_due", "session_ids")

    def __init__(self) -> None:
        self.session_ids: set[str] = set()
        self.are_due = False

    def add(self, session_ids: Iterable[str]) -> None:
        """None of them, when those who end had all ended before."""
        self.session_ids.update(session_ids)
        self.are_due = True


class RedisSessions:
    """``kept`` and ``accounts`` are the other store's, in one transaction."""

    def __init__(
        self, kept: Sessions, accounts: Accounts, movements: Movements, endings: Endings
    ) -> None:
        self._kept = kept
        self._accounts = accounts
        self._movements = movements
        self._endings = endings

    async def open(
        self, session: Session, *, limit: int, evicts: bool, proven: str | None
    ) -> Sequence[str]:
        """Should the transaction fail, the hash stays for its time, of a session that is none."""
        await self._clear_away_the_dead(session, limit)
        evicted = await self._kept.open(
            _to_keep(session), limit=limit, evicts=evicts, proven=proven
        )
        if evicted:
            self._endings.add(evicted)
        await self._movements.begin(session)
        return evicted

    async def _clear_away_the_dead(self, session: Session, limit: int) -> None:
        """Where room is short: they look alive to the other store."""
        now = session.created_at
        kept = await self._kept.list_live(session.user_id, now)
        if len(kept) < limit:
            return
        alive = {other.id for other in await self._alive(kept, now)}
        for other in kept:
            if other.id not in alive:
                await self.end(other.id, EndReason.EVICTED, now=now)

    async def _alive(self, kept: Sequence[Session], now: Instant) -> list[Session]:
        movements = await self._movements.find_each([session.id for session in kept])
        standing = [_as_it_stands(session, movements.get(session.id)) for session in kept]
        return [session for session in standing if session.is_alive(now)]

    async def find(self, session_id: str) -> Standing | None:
        standing = await self._kept.find(session_id)
        if standing is None:
            return None
        if standing.session.ended_at is not None:
            return replace(standing, session=_as_it_began(standing.session))
        movement = await self._movements.find(session_id)
        return replace(standing, session=_as_it_stands(standing.session, movement))

    async def list_live(self, user_id: str, now: Instant) -> Sequence[Session]:
        return await self._alive(await self._kept.list_live(user_id, now), now)

    async def list_visits(self, user_id: str, *, at_most: int) -> Sequence[Visit]:
        return await self._kept.list_visits(user_id, at_most=at_most)

    async def rotate(
        self, session_id: str, generation: int, *, now: Instant, held: int | None = None
    ) -> bool:
        compared = generation if held is None else held
        return await self._movements.rotate(session_id, generation, held=compared, now=now)

    async def reprove(
        self, session: Session, amr: tuple[str, ...], *, now: Instant
    ) -> Session | None:
        """The other store compares and swaps the proof, for it writes down who has proven it."""
        movement = await self._movements.find(session.id)
        if movement is None or now >= movement.idle_expires_at:
            return None
        proven = await self._kept.reprove(session, amr, now=now)
        if proven is None:
            return None
        await self._movements.touch([(session.id, now)])
        movement = await self._movements.find(session.id)
        return None if movement is None else _as_it_stands(proven, movement)

    async def end(self, session_id: str, reason: EndReason, *, now: Instant) -> bool:
        self._endings.add([session_id])
        return await self._kept.end(session_id, reason, now=now)

    async def end_all(
        self, user_id: str, reason: EndReason, *, now: Instant, keep: str | None = None
    ) -> int:
        going = [s for s in await self._claim_all(user_id) if s.id != keep]
        ended = await self._kept.end_all(user_id, reason, now=now, keep=keep)
        self._endings.add(session.id for session in going)
        try:
            return len(await self._alive([s for s in going if s.is_alive(now)], now))
        except RedisFailed:  # which is no reason not to end them; nobody hears of the number
            return ended

    async def claim_all(self, user_id: str) -> None:
        """All of a user's end in this transaction, in whatever way."""
        self._endings.add([session.id for session in await self._claim_all(user_id)])

    async def _claim_all(self, user_id: str) -> Sequence[Session]:
        """Those that nobody has ended. Reading the account in a transaction keeps others from
        signing in until it is over.
        """
        await self._accounts.find(user_id)
        return await self._kept.list_live(user_id, _EVER)

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        await self._movements.touch(seen)
