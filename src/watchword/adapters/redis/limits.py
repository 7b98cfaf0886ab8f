"""Limits on Redis: each window is one hash, counted and judged by one script.

``ends`` is when the window is over, in ms, by the clock of whoever began it; ``hits`` counts, and
``of:<share>`` how many of them are a share's. Shares end with their window, being in it.
"""

from typing import Final

from watchword.adapters.redis.connections import Connections, Reply
from watchword.adapters.redis.names import Names
from watchword.adapters.redis.scripts import Script
from watchword.domain.time import MINUTE, Instant, Span
from watchword.ports import Allowance, Tally

# Redis forgets a window by its own clock, which may run ahead of ours: an expiry at a moment of our
# clock could lie in its past, and then nothing would be counted. So it is told a span, and this on
# top of it, by which the clocks of two nodes may differ.
_MARGIN: Final[Span] = MINUTE

_HIT = Script("""
local now, period, share, margin = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends'))
if not ends or ends <= now then
    if ends then redis.call('DEL', KEYS[1]) end
    ends = now + period
    redis.call('HSET', KEYS[1], 'ends', ends)
end
local hits = redis.call('HINCRBY', KEYS[1], 'hits', 1)
if share ~= '' then redis.call('HINCRBY', KEYS[1], 'of:' .. share, 1) end
redis.call('PEXPIRE', KEYS[1], ends - now + margin)
return {hits, ends}
""")
_TAKE_BACK = Script("""
local mine = 'of:' .. ARGV[1]
if (tonumber(redis.call('HGET', KEYS[1], mine)) or 0) > 0 then
    redis.call('HINCRBY', KEYS[1], mine, -1)
    redis.call('HINCRBY', KEYS[1], 'hits', -1)
end
""")
_FORGIVE = Script("""
local mine = 'of:' .. ARGV[1]
local hits = tonumber(redis.call('HGET', KEYS[1], mine))
if hits then
    redis.call('HDEL', KEYS[1], mine)
    redis.call('HINCRBY', KEYS[1], 'hits', 0 - hits)  -- never "-0", which is no integer
end
""")


def _numbers(reply: Reply) -> tuple[int, int]:
    """Two of them, as a script returns them or as they lie there; 0 for what does not."""
    assert isinstance(reply, list)
    first, second = (int(part) if isinstance(part, int | bytes) else 0 for part in reply)
    return first, second


class RedisLimits:
    """When Redis has lost its memory, every window begins anew; when it cannot be reached, each
    verb raises `RedisFailed`, so that its loss is no open door (attack B14).
    """

    def __init__(self, connections: Connections, names: Names) -> None:
        self._connections = connections
        self._names = names

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        hits, ends = _numbers(
            await self._connections.run(
                _HIT, self._names.limit(key), now, allowance.period, share or "", _MARGIN
            )
        )
        return Tally(max(0, allowance.count - hits), ends, hits > allowance.count)

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        reply = await self._connections.command("HMGET", self._names.limit(key), "hits", "ends")
        hits, ends = _numbers(reply)
        if ends <= now:
            hits, ends = 0, now
        return Tally(max(0, allowance.count - hits), ends, hits >= allowance.count)

    async def take_back(self, key: str, share: str) -> None:
        await self._connections.run(_TAKE_BACK, self._names.limit(key), share)

    async def forgive(self, key: str, share: str) -> None:
        await self._connections.run(_FORGIVE, self._names.limit(key), share)
