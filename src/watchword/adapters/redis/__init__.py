"""Redis or Valkey, for what several nodes share beside their database: limits and lockouts, and
what moves in a session, if that is wanted, and messages of what has changed. Which accounts and
sessions there are lies elsewhere.

To keep something else there: a module with its scripts, one key each, named in `names`; what it
loses when Redis loses its memory belongs in docs/redis.md.

Invariant: no wait is without an end, and no answer of Redis means that somebody gets in.
"""

from watchword.adapters.redis.address import AddressUnusable
from watchword.adapters.redis.connections import Connections
from watchword.adapters.redis.failures import RedisFailed
from watchword.adapters.redis.limits import RedisLimits
from watchword.adapters.redis.lockouts import RedisLockouts
from watchword.adapters.redis.messages import RedisMessages
from watchword.adapters.redis.names import Names
from watchword.adapters.redis.session_store import RedisSessionStore

__all__ = [
    "AddressUnusable",
    "Connections",
    "Names",
    "RedisFailed",
    "RedisLimits",
    "RedisLockouts",
    "RedisMessages",
    "RedisSessionStore",
]
