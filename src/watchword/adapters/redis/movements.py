"""What moves in a session while it lives, as one hash of Redis: one script on one key each.

``generation``; ``rotated``, when that last moved on, and ``before``, by how much each of a few
rotations came before the next, the last one first: mostly in 64 bytes, up to which Redis keeps a
hash in half the room. ``seen``, ``idle_ttl`` and ``idle_ends``; ``ends``, which never moves. Times
are ms by the clocks of the nodes. Nothing there is secret, or tells whose it is.

Invariant: a sign-in makes a hash, and nothing else does; what is gone does not come back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from operator import sub
from typing import Final, TypeVar

from watchword.adapters.redis.connections import Connections, Reply
from watchword.adapters.redis.failures import RedisFailed
from watchword.adapters.redis.names import Names
from watchword.adapters.redis.scripts import Script
from watchword.domain.sessions import REMEMBERED_ROTATIONS, Session, Transport
from watchword.domain.time import MINUTE, Instant, Span

Answer = TypeVar("Answer")
# Told as a span, see decision 0015; by this much the clocks of two nodes may differ. Past its idle
# end a session stays until its absolute one: a use that is not written down yet may wake it.
_MARGIN: Final[Span] = MINUTE
_AT_ONCE: Final = 8  # of many, so that others find a connection
_GONE: Final = -1
_FOREIGN: Final = "Something else writes to the keys of sessions: give it other keys."

_BEGIN = Script("""
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'rotated', ARGV[2], 'before', ARGV[3],
    'seen', ARGV[4], 'idle_ttl', ARGV[5], 'idle_ends', ARGV[6], 'ends', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
""")
_SLIDE = """
local function slide(now)
    local seen, ttl, idle_ends = unpack(
        redis.call('HMGET', KEYS[1], 'seen', 'idle_ttl', 'idle_ends'))
    if tonumber(seen) < now then
        local ends = math.max(tonumber(idle_ends), now + tonumber(ttl))
        redis.call('HSET', KEYS[1], 'seen', string.format('%.0f', now),
            'idle_ends', string.format('%.0f', ends))
    end
end
local function is_alive(now)
    local ends = redis.call('HMGET', KEYS[1], 'idle_ends', 'ends')
    return tonumber(ends[1]) > now and tonumber(ends[2]) > now
end
"""
_ROTATE = Script(
    _SLIDE
    + """
local held, next, now, remembered = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local generation, rotated, before = unpack(
    redis.call('HMGET', KEYS[1], 'generation', 'rotated', 'before'))
if not generation then return -1 end
if generation ~= held or not is_alive(now) then return 0 end
local gaps = {string.format('%.0f', now - tonumber(rotated))}
for gap in string.gmatch(before, '%S+') do
    if #gaps < remembered then table.insert(gaps, gap) end
end
redis.call('HSET', KEYS[1], 'generation', next, 'rotated', ARGV[3],
    'before', table.concat(gaps, ' '))
slide(now)
return 1
"""
)
_TOUCH = Script(
    _SLIDE
    + """
local now = tonumber(ARGV[1])
if not redis.call('HGET', KEYS[1], 'seen') then return -1 end
if is_alive(now) then slide(now) end
return 0
"""
)
_FIELDS: Final = ("generation", "rotated", "before", "seen", "idle_ends")


@dataclass(frozen=True, slots=True)
class Movement:
    """How far a session has come."""

    generation: int
    rotated_at: Instant
    rotated_before: tuple[Instant, ...]
    last_seen_at: Instant
    idle_expires_at: Instant

    def of(self, session: Session) -> Session:
        """``session`` as it stands. The token of the ``session`` transport moves on with a new
        proof alone, which is the other store's to decide.
        """
        seen = replace(
            session, last_seen_at=self.last_seen_at, idle_expires_at=self.idle_expires_at
        )
        if session.transport is Transport.SESSION:
            return seen
        return replace(
            seen,
            generation=self.generation,
            rotated_at=self.rotated_at,
            rotated_before=self.rotated_before,
        )


def _gaps(session: Session) -> str:
    moments = (session.rotated_at, *session.rotated_before)
    return " ".join(str(later - earlier) for later, earlier in pairwise(moments))


def _moments(rotated: Instant, gaps: bytes) -> tuple[Instant, ...]:
    """What `_gaps` has written."""
    moments = accumulate(map(int, gaps.split()), sub, initial=rotated)
    return tuple(moments)[1:]


def _read(reply: Reply) -> Movement | None:
    """None when it is gone. Raise `RedisFailed` for what we have not written."""
    assert isinstance(reply, list)
    generation, rotated, before, seen, idle_ends = (
        part if isinstance(part, bytes) else b"" for part in reply
    )
    if not generation:
        return None
    try:
        return Movement(
            int(generation),
            int(rotated),
            _moments(int(rotated), before),
            int(seen),
            int(idle_ends),
        )
    except ValueError:
        pass
    raise RedisFailed(_FOREIGN)


class Movements:
    """``gone`` hears of each session that was to move and is not there any more: evicted, flushed,
    or past its end. Every verb raises `RedisFailed` when Redis cannot be reached.
    """

    def __init__(self, connections: Connections, names: Names, gone: Callable[[str], None]) -> None:
        self._connections = connections
        self._names = names
        self._gone = gone

    async def begin(self, session: Session) -> None:
        await self._connections.run(
            _BEGIN,
            self._names.session(session.id),
            session.generation,
            session.rotated_at,
            _gaps(session),
            session.last_seen_at,
            session.idle_ttl,
            session.idle_expires_at,
            session.expires_at,
            max(0, session.expires_at - session.created_at) + _MARGIN,
        )

    async def find(self, session_id: str) -> Movement | None:
        key = self._names.session(session_id)
        return _read(await self._connections.command("HMGET", key, *_FIELDS))

    async def find_each(self, session_ids: Sequence[str]) -> Mapping[str, Movement]:
        """Of those that are there, by id."""
        found = await _each(self.find, session_ids)
        pairs = zip(session_ids, found, strict=True)
        return {session_id: movement for session_id, movement in pairs if movement is not None}

    async def rotate(self, session_id: str, generation: int, *, held: int, now: Instant) -> bool:
        """As `Sessions.rotate`."""
        key = self._names.session(session_id)
        moved = await self._connections.run(
            _ROTATE, key, held, generation + 1, now, REMEMBERED_ROTATIONS
        )
        return self._heed(session_id, moved) == 1

    async def touch(self, seen: Iterable[tuple[str, Instant]]) -> None:
        """As `Sessions.touch`."""

        async def touch(use: tuple[str, Instant]) -> None:
            session_id, at = use
            key = self._names.session(session_id)
            self._heed(session_id, await self._connections.run(_TOUCH, key, at))

        await _each(touch, list(seen))

    async def end(self, session_ids: Iterable[str]) -> None:
        async def delete(session_id: str) -> Reply:
            return await self._connections.command("DEL", self._names.session(session_id))

        await _each(delete, list(session_ids))

    def _heed(self, session_id: str, moved: Reply) -> Reply:
        if moved == _GONE:
            self._gone(session_id)
        return moved


Asked = TypeVar("Asked")


async def _each(ask: Callable[[Asked], Awaitable[Answer]], those: Sequence[Asked]) -> list[Answer]:
    """A few at once. Raise what the first of them raises, when none of those few goes on."""
    answers: list[Answer] = []
    for start in range(0, len(those), _AT_ONCE):
        some = those[start : start + _AT_ONCE]
        for answer in await asyncio.gather(*map(ask, some), return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
            answers.append(answer)
    return answers
