"""Messages from each node to all, through a channel of Redis.

Invariant: nothing rests on them. One may be lost, at any moment and unseen; whoever listens has
another way to the truth, and uses these to be quick.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from redis.asyncio import Connection

from watchword.adapters.redis.connections import Connections
from watchword.adapters.redis.failures import RedisFailed
from watchword.adapters.redis.names import Names
from watchword.domain.time import SECOND, Span

_PAUSE: Final = 0.25  # seconds before it is tried again
_EVERY: Final = 1.0  # seconds: so often it is asked whether anybody is at the other end


class RedisMessages:
    """On the channel that ``names`` calls by the database of ``connections``, which it owns."""

    def __init__(self, connections: Connections, names: Names, *, patience: Span = SECOND) -> None:
        self._connections = connections
        self._channel = names.messages(connections.address.database)
        self._patience = patience / SECOND

    async def publish(self, text: str, within: Span) -> None:
        """Raise `RedisFailed` when it is not known in ``within`` ms that Redis has taken it."""
        try:
            async with asyncio.timeout(within / SECOND):
                await self._connections.command("PUBLISH", self._channel, text)
        except TimeoutError:
            pass
        else:
            return
        raise RedisFailed("Redis does not answer in time: look at its load and the network.")

    async def listen(self, heard: Callable[[bytes], None]) -> None:
        """Until it is cancelled. What is published while nobody could hear it is lost."""
        while True:
            with suppress(Exception):  # whatever it was, nobody else takes it up
                await self._follow(heard)
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        await self._connections.close()

    async def _follow(self, heard: Callable[[bytes], None]) -> None:
        connection = self._connections.make_subscriber()
        answered = asyncio.Event()
        try:
            async with asyncio.timeout(self._patience):
                await connection.connect()  # type: ignore[no-untyped-call]
                await connection.send_command("SUBSCRIBE", self._channel)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(connection, heard, answered))
                tasks.create_task(self._ask(connection, answered))
        finally:
            await connection.disconnect(nowait=True)

    async def _read(
        self, connection: Connection, heard: Callable[[bytes], None], answered: asyncio.Event
    ) -> None:
        while True:
            reply = await connection.read_response(timeout=math.inf)
            answered.set()
            if isinstance(reply, list) and reply[0] == b"message":
                heard(reply[2])

    async def _ask(self, connection: Connection, answered: asyncio.Event) -> None:
        """A connection that leads nowhere any more would be silent for ever."""
        while True:
            answered.clear()
            async with asyncio.timeout(self._patience):
                await connection.send_command("PING")
                await answered.wait()
            await asyncio.sleep(_EVERY)
