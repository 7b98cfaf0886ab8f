"""News of what other nodes have changed, by messages through Redis.

A message is published by a script that counts it first; a beat raises that count by nothing, on the
connection that has subscribed. So a beat is refused wherever a message would be: by a replica, by a
primary that has lost its replicas, for want of memory. Whoever cannot hear ceases to believe.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from redis.asyncio import Connection

from watchword.adapters.redis.connections import Connections
from watchword.adapters.redis.failures import FAILURES, RedisFailed, explain
from watchword.adapters.redis.hearing import Hearing
from watchword.adapters.redis.messages import write_message
from watchword.adapters.redis.names import Names
from watchword.adapters.redis.scripts import Script
from watchword.domain.time import SECOND, Span
from watchword.ports import Change, Randomness

_BEATS: Final = 4  # in the time of the bound
_LONGEST_PAUSE: Final = 0.25  # seconds before it is tried again, so that a server is found soon
_NODE_BYTES: Final = 8
_MOST_UNTOLD: Final = 1_000
_EVERYTHING: Final[tuple[Change, ...]] = ()

_PUBLISH = Script("""
local number = redis.call('INCR', KEYS[1])
redis.call('PUBLISH', ARGV[1], string.format('%d', number) .. ' ' .. ARGV[2])
return number
""")


def _ignore(_: RedisFailed) -> None:
    """For who does not want to know."""


class RedisRevocations:
    """The port `Revocations`, and `publish` for whoever keeps the store.

    ``monotonic`` gives seconds, and goes on while the machine sleeps if it can. ``failed`` is told
    why nothing can be heard, once for each time that it begins. `open` it on the event loop.
    """

    def __init__(
        self,
        connections: Connections,
        names: Names,
        *,
        randomness: Randomness,
        monotonic: Callable[[], float],
        bound: Span = SECOND,
        failed: Callable[[RedisFailed], None] = _ignore,
    ) -> None:
        self._connections = connections
        self._count = names.messages
        self._channel = names.channel(connections.address.database)
        self._node = randomness.bytes(_NODE_BYTES).hex()
        self._monotonic = monotonic
        self._bound = bound / SECOND
        self._failed = failed
        self._hearing = Hearing(self._node, bound=self._bound, monotonic=monotonic)
        self._beat_is_wanted = asyncio.Event()
        self._beat_was_answered = asyncio.Condition()
        self._began = self._answered = 0  # the number of the last beat that did
        self._began_at = 0.0
        self._untold: list[str] = []
        self._is_failing = False
        self._listening: asyncio.Task[None] | None = None

    def news(self) -> Sequence[Change] | None:
        """None at every call while nothing can be heard, and once after that and after a gap."""
        return self._hearing.news()

    def open(self) -> None:
        """Begin to listen, and go on until `close`, whatever becomes of Redis meanwhile."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._keep_listening())

    async def close(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.wait([listening])

    async def publish(self, changes: Sequence[Change]) -> None:
        """Tell every node of ``changes``; to be called once they are committed, before anybody is
        told that they are. This node hears of them at once, whatever becomes of the rest.

        Raise `RedisFailed` when it is not known that Redis has taken them. Then the caller does
        not acknowledge the change, but lets the failure pass (503): a node that still hears Redis
        goes on believing in its old picture. If Redis is out of reach for all, or takes no writes,
        nobody's belief outlasts the bound. What could not be told is kept, and told as soon as this
        node hears Redis again; hearing of a change twice does no harm.
        """
        self._hearing.apply(changes)
        await self._tell(write_message(self._node, changes))

    async def caught_up(self, *, within: Span = SECOND) -> None:
        """Wait until all that Redis had taken before has been heard. Raise `RedisFailed`."""
        beat = self._began + 1
        self._beat_is_wanted.set()
        try:
            async with asyncio.timeout(within / SECOND):
                await self._until_answered(beat)
        except TimeoutError:
            failure = RedisFailed("Nothing is heard from Redis.")
        else:
            return
        raise failure

    async def _tell(self, message: str) -> None:
        try:
            await self._connections.run(_PUBLISH, self._count, self._channel, message)
        except BaseException:  # also of a request that was given up: its change stands
            if len(self._untold) >= _MOST_UNTOLD:
                self._untold = [write_message(self._node, _EVERYTHING)]
            self._untold.append(message)
            raise

    async def _tell_again(self) -> None:
        untold, self._untold = self._untold, []
        try:
            while untold:
                await self._tell(untold.pop(0))
        except RedisFailed:
            pass  # the next beat tries again
        finally:
            self._untold += untold

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except* FAILURES as failures:
                self._note(explain(failures.exceptions[0]))
            await asyncio.sleep(min(self._bound / _BEATS, _LONGEST_PAUSE))

    def _note(self, failure: RedisFailed) -> None:
        if not self._is_failing:
            self._is_failing = True
            self._failed(failure)

    async def _listen(self) -> None:
        connection = self._connections.make_subscriber()
        try:
            async with asyncio.timeout(self._bound):
                await connection.connect()  # type: ignore[no-untyped-call]
                await connection.send_command("SUBSCRIBE", self._channel)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(connection))
                tasks.create_task(self._beat(connection))
        finally:
            self._hearing.lose()
            await connection.disconnect(nowait=True)

    async def _read(self, connection: Connection) -> None:
        """In the order in which Redis has written it."""
        while True:
            reply = await connection.read_response(timeout=math.inf, push_request=True)
            if isinstance(reply, int):
                self._hearing.believe(reply, since=self._began_at)
                self._is_failing = False
                async with self._beat_was_answered:
                    self._answered = self._began
                    self._beat_was_answered.notify_all()
            elif isinstance(reply, list) and reply[0] == b"message":
                self._hearing.hear(reply[2])

    async def _beat(self, connection: Connection) -> None:
        while True:
            self._beat_is_wanted.clear()
            self._began += 1
            self._began_at = self._monotonic()
            async with asyncio.timeout(self._bound):
                await connection.send_command("INCRBY", self._count, 0)
                await self._until_answered(self._began)
            await self._tell_again()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._bound / _BEATS):
                    await self._beat_is_wanted.wait()

    async def _until_answered(self, beat: int) -> None:
        async with self._beat_was_answered:
            await self._beat_was_answered.wait_for(lambda: self._answered >= beat)
