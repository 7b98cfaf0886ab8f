"""What is kept in Redis where the settings name one: limits, lockouts, sessions if wanted; and
messages through it.
"""

from dataclasses import dataclass

from watchword.adapters.redis import (
    Connections,
    Names,
    RedisLimits,
    RedisLockouts,
    RedisMessages,
    RedisSessionStore,
)
from watchword.ports import Limits, Lockouts, OpenStore
from watchword.settings import ServerUrl


@dataclass(frozen=True, slots=True)
class RedisCounters:
    limits: Limits
    lockouts: Lockouts
    connections: Connections
    names: Names

    @classmethod
    def at(cls, server: ServerUrl) -> "RedisCounters":
        """Nothing is opened before it is needed."""
        connections, names = Connections(server.url), Names()
        limits, lockouts = RedisLimits(connections, names), RedisLockouts(connections, names)
        return cls(limits, lockouts, connections, names)

    def moving_sessions_of(self, store: OpenStore) -> OpenStore:
        return RedisSessionStore(store, self.connections, self.names)

    async def check(self) -> None:
        """Raise `Unavailable` unless it can be written to."""
        await self.connections.check(self.names.limit("check"))

    async def eviction_policy(self) -> str | None:
        return await self.connections.eviction_policy()

    async def close(self) -> None:
        await self.connections.close()


def messages_of(server: ServerUrl) -> RedisMessages:
    """Nothing is opened before it is needed."""
    return RedisMessages(Connections(server.url), Names())
