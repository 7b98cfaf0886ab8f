"""Limits and lockouts in Redis, and messages through it, where the settings name one."""

from dataclasses import dataclass

from watchword.adapters.redis import Connections, Names, RedisLimits, RedisLockouts, RedisMessages
from watchword.ports import Limits, Lockouts
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

    async def check(self) -> None:
        """Raise `Unavailable` unless it can be written to."""
        await self.connections.check(self.names.limit("check"))

    async def close(self) -> None:
        await self.connections.close()


def messages_of(server: ServerUrl) -> RedisMessages:
    """Nothing is opened before it is needed."""
    return RedisMessages(Connections(server.url), Names())
