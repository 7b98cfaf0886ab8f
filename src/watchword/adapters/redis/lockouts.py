"""Lockouts on Redis: the rule stands in `domain.attempts` alone; here a count is exchanged for its
successor if nobody has exchanged it meanwhile.

All counts of one root (an account with its devices) are fields of one hash.
"""

from typing import Final

from watchword.adapters.redis.connections import Connections
from watchword.adapters.redis.failures import RedisFailed
from watchword.adapters.redis.names import Names, root_of
from watchword.adapters.redis.scripts import Script
from watchword.domain.attempts import FORGOTTEN_AFTER, Attempts, LockoutPolicy
from watchword.domain.time import MINUTE, Instant, Span

# Whoever loses an exchange knows that another was counted, and so many make a lock: who goes on
# losing is refused long before this.
_TRIES: Final = 200
_MARGIN: Final[Span] = MINUTE  # by which the clocks of two nodes may differ
_FOREVER: Final = 0
_NOTHING: Final = b""
_CONTENDED: Final = "Too much at once was counted on one account."

_EXCHANGE = Script("""
local field, expected, next, span = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local there = redis.call('HGET', KEYS[1], field) or ''
if there ~= expected then return there end
redis.call('HSET', KEYS[1], field, next)
if span > 0 then redis.call('PEXPIRE', KEYS[1], span) end
return false
""")
_FORGET = Script("""
local key = ARGV[1]
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if field == key or string.sub(field, 1, #key + 1) == key .. ':' then
        redis.call('HDEL', KEYS[1], field)
    end
end
""")


def _write(attempts: Attempts) -> str:
    return (
        f"{attempts.failures} {attempts.locks} {attempts.consecutive}"
        f" {attempts.locked_until} {attempts.last_at}"
    )


def _read(text: bytes) -> Attempts:
    """Raise `RedisFailed` for what we have not written: it is no reason to let anybody in."""
    try:
        failures, locks, consecutive, locked_until, last_at = map(int, text.split())
    except ValueError:
        pass
    else:
        return Attempts(failures, locks, consecutive, locked_until, last_at)
    raise RedisFailed("Something else writes to the keys of lockouts: give it other keys.")


def _life_of(key: str, attempts: Attempts) -> Span:
    """How long the count can matter: that of an account as long as the account, for a hundred
    failures in a row disable its password however long they take (NIST SP 800-63B-4 section 3.2.2).
    """
    if not key.startswith("address:"):
        return _FOREVER
    return max(FORGOTTEN_AFTER, attempts.locked_until - attempts.last_at) + _MARGIN


class RedisLockouts:
    """Keys have two parts or more (``account:u-1``, ``account:u-1:device:9f``); the first two are
    the root, and whatever is to be forgotten is a root or below one.

    When Redis has lost its memory, every count begins anew; when it cannot be reached, each verb
    raises `RedisFailed`, and no password is tried (attack B14).
    """

    def __init__(self, connections: Connections, names: Names) -> None:
        self._connections = connections
        self._names = names

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        there = _NOTHING  # which is so of most who sign in: one question is enough for them
        for _ in range(_TRIES):
            before = _read(there) if there else Attempts(last_at=now)
            before.require_open(now)
            counted = before.with_one_more(now, policy)
            instead = await self._exchange(key, there, counted)
            if instead is None:
                return counted
            there = instead
        raise RedisFailed(_CONTENDED)

    async def take_back(self, key: str, policy: LockoutPolicy) -> None:
        there = await self._find(key)
        for _ in range(_TRIES):
            if not there:
                return
            there = await self._exchange(key, there, _read(there).without_one(policy))
        raise RedisFailed(_CONTENDED)

    async def _find(self, key: str) -> bytes | None:
        there = await self._connections.command("HGET", self._names.lockouts(root_of(key)), key)
        assert there is None or isinstance(there, bytes)
        return there

    async def _exchange(self, key: str, expected: bytes, following: Attempts) -> bytes | None:
        """None: it is done. Else what is there instead, nothing being `_NOTHING`."""
        reply = await self._connections.run(
            _EXCHANGE,
            self._names.lockouts(root_of(key)),
            key,
            expected,
            _write(following),
            _life_of(key, following),
        )
        assert reply is None or isinstance(reply, bytes)
        return reply

    async def succeed(self, key: str) -> None:
        await self._connections.command("HDEL", self._names.lockouts(root_of(key)), key)

    async def forget(self, key: str) -> None:
        await self._connections.run(_FORGET, self._names.lockouts(root_of(key)), key)
