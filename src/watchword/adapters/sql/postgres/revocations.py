"""Is my picture current? Every commit that changes one is called out, and heard on a connection of
its own; how long that may be believed is a lease. Whoever follows what is revoked is told as well.

Invariant: whatever was committed before the start of the last answered heartbeat has been heard,
for a connection delivers in order, and a commit is called out before it is acknowledged. So news is
complete up to that moment, and nobody is believed for longer than the bound after it.

One loop of heartbeats does it all: each renews the lease, ends the wait of whoever catches up, and
carries what this node asks others and answers them (see `membership`).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.calls import CALL_OUT, CHANNEL, CallUnknown, Probe, read_call
from watchword.adapters.sql.postgres.driver import Connection, connect
from watchword.adapters.sql.postgres.membership import Membership
from watchword.adapters.sql.postgres.nodes import ByDatabase
from watchword.adapters.sql.subscriptions import Subscriptions
from watchword.domain.time import SECOND, Span
from watchword.ports import Change, Randomness

_NAME_BYTES: Final = 8
_MOST: Final = 10_000
_BEATS: Final = 4  # in a bound
_WHO: Final = "SELECT pg_backend_pid()"
# Both together are how late a server may be noticed that is there again.
_CONNECT_WITHIN: Final[Span] = 5 * SECOND // 4
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 0.25  # seconds
_LEAVE_WITHIN: Final = 1.0  # seconds
_NEVER: Final = float("-inf")


class Connections(Protocol):
    def lose(self) -> None:
        """The server cannot be heard any more."""
        ...

    def regain(self) -> None:
        """It can be heard, on a new connection; the first time too."""
        ...


class PostgresRevocations:
    """``others`` are the connections that share the server's fate; ``subscriptions`` are given all
    that is heard, and end when something may have been missed. ``sender`` names this process in
    what it calls out. Where it is strict, `announce` waits until every node has confirmed.

    Listening begins with the first question, on the event loop that asks it.
    """

    def __init__(
        self,
        address: Address,
        nodes: ByDatabase,
        subscriptions: Subscriptions,
        *,
        randomness: Randomness,
        others: Connections,
    ) -> None:
        self._address = address
        self.sender = randomness.bytes(_NAME_BYTES).hex()
        self._bound = nodes.bound / SECOND
        self._monotonic = nodes.monotonic
        self._is_strict = nodes.is_strict
        self._randomness = randomness
        self._others = others
        self._subscriptions = subscriptions
        self._heard: list[Change] = []
        self._missed = True
        self._good_until = _NEVER
        self._fresh = asyncio.Event()
        self._probed = asyncio.Event()
        self._turn = asyncio.Event()
        self._leaving = asyncio.Event()
        self._next_beat = asyncio.Event()
        self._membership = Membership(self.sender, nodes, call=self._turn.set)
        self._task: asyncio.Task[None] | None = None

    def news(self) -> Sequence[Change] | None:
        """No input or output: what has been heard so far, as long as that is all there was."""
        if self._task is None:
            self._start()
        if self._monotonic() >= self._good_until:
            self._heard = []
            return None
        if self._missed:
            self._missed = False
            self._heard = []
            return None
        if not self._heard:
            return ()
        heard, self._heard = self._heard, []
        return heard

    async def announce(self, changes: Sequence[Change]) -> None:
        """What this very process commits, or may have committed: known before it is answered. The
        others are called by the commit itself, and where it is strict, waited for.
        """
        if self._task is not None:
            self._note(changes)
        if self._is_strict:
            if self._task is None:
                self._start()
            await self._membership.complete()

    async def ready(self, within: Span) -> None:
        """Return when the lease is good. Raise `StoreFailed` if it is not in ``within`` ms."""
        if self._task is None:
            self._start()
        try:
            async with asyncio.timeout(within / SECOND):
                await self._fresh.wait()
        except TimeoutError:
            raise StoreFailed("Changes on other nodes are not heard: see the manual.") from None

    async def catch_up(self) -> None:
        """Return when everything is heard that was committed before, or the subscriptions are over.
        Raise `StoreFailed` when that takes longer than the bound.
        """
        if self._task is None:
            self._start()
        beat = self._next_beat
        self._turn.set()
        try:
            async with asyncio.timeout(self._bound):
                await beat.wait()
        except TimeoutError:
            raise StoreFailed("The database did not say in time what has changed.") from None

    async def close(self) -> None:
        """Nobody has to wait for this node from here on."""
        if self._task is None:
            return
        self._leaving.set()
        self._turn.set()
        await asyncio.wait([self._task], timeout=_LEAVE_WITHIN)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._leaving.is_set():
            try:
                await self._follow()
            except Exception:  # noqa: BLE001, S110  whatever it was, nobody else takes it up
                pass
            finally:
                self._good_until = _NEVER
                self._subscriptions.end()
                self._begin_beat().set()
            if self._fresh.is_set():
                pause = _SHORTEST_PAUSE
                self._fresh.clear()
                self._others.lose()
            # Nodes that lost the same server do not come back to it in step.
            some = pause * (1 + self._randomness.bytes(1)[0] / 255) / 2
            await _within(some, self._leaving)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self) -> None:
        """Until the connection ends, or we leave. Raise one of `FAILURES`, `StoreFailed`."""
        async with asyncio.timeout(_CONNECT_WITHIN / SECOND):
            connection = await connect(self._address)
        try:
            connection.add_termination_listener(lambda _: self._end())
            process = (await connection.fetch(_WHO, timeout=self._bound))[0][0]
            await connection.add_listener(CHANNEL, self._hear)
            await self._membership.listen(connection)
            self._missed = True
            await self._prove()
            if self._leaving.is_set():
                return
            await self._membership.enter(connection)
            while not (connection.is_closed() or self._leaving.is_set()):
                await self._beat(connection, process)
                await _within(self._bound / _BEATS, self._turn)
            if self._leaving.is_set():
                self._good_until = _NEVER
                await self._membership.leave(connection)
        finally:
            connection.terminate()

    async def _beat(self, connection: Connection, process: object) -> None:
        started, beat = self._monotonic(), self._begin_beat()
        try:
            await self._membership.beat(connection, process)
            self._good_until = started + self._bound
            if not self._fresh.is_set():
                self._fresh.set()
                self._others.regain()
        finally:
            beat.set()

    def _begin_beat(self) -> asyncio.Event:
        """Set it once it is over. Whoever asks from here on waits for the one after it."""
        beat, self._next_beat = self._next_beat, asyncio.Event()
        self._turn.clear()
        return beat

    def _end(self) -> None:
        """The server has hung up: nothing is heard from here on."""
        self._good_until = _NEVER
        self._turn.set()

    async def _prove(self) -> None:
        """What another connection calls out is heard on this one: through a pooler that shares
        server processes it is not, although everything else looks well.
        """
        self._probed.clear()
        caller = await connect(self._address)
        try:
            await caller.fetch(CALL_OUT, str(Probe(self.sender)), timeout=self._bound)
            async with asyncio.timeout(self._bound):
                await self._probed.wait()
        finally:
            caller.terminate()

    def _hear(self, _: object, __: int, ___: str, payload: str) -> None:
        try:
            call = read_call(payload)
        except CallUnknown:
            self._missed = True
            self._subscriptions.end()
            return
        is_own = call.sender == self.sender
        if isinstance(call, Probe):
            if is_own:
                self._probed.set()
            return
        self._subscriptions.put([call.recorded])
        if not is_own:  # `announce` was told of it
            self._note([call.recorded.change])

    def _note(self, changes: Sequence[Change]) -> None:
        if len(self._heard) + len(changes) > _MOST:
            self._missed = True
            self._heard = []
        else:
            self._heard.extend(changes)


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Return when it is set, or after so long."""
    with suppress(TimeoutError):  # by `timeout`: `wait_for` can lose a cancellation
        async with asyncio.timeout(seconds):
            await event.wait()
