"""Is my picture current? Every commit that changes one is called out, and heard on a connection of
its own; how long that may be believed is a lease.

Invariant: whatever was committed before the start of the last answered heartbeat has been heard,
for a connection delivers in order, and a commit is called out before it is acknowledged. So news is
complete up to that moment, and nobody is believed for longer than the bound after it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.driver import FAILURES, Connection, connect
from watchword.adapters.sql.postgres.transactions import CHANNEL
from watchword.domain.time import SECOND, Span
from watchword.ports import Change, Randomness, Topic

_MOST: Final = 10_000
_BEATS: Final = 4  # in a bound
_PROBE: Final = "probe"
_CALL_OUT: Final = f"SELECT pg_notify('{CHANNEL}', $1)"
_WHO: Final = "SELECT pg_backend_pid()"
# Both together are how late a server may be noticed that is there again.
_CONNECT_WITHIN: Final[Span] = 5 * SECOND // 4
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 0.25  # seconds
_FAILED: Final[tuple[type[Exception], ...]] = (*FAILURES, StoreFailed)
_NEVER: Final = float("-inf")


class Connections(Protocol):
    def lose(self) -> None:
        """The server cannot be heard any more."""
        ...

    def regain(self) -> None:
        """It can be heard, on a new connection; the first time too."""
        ...


class PostgresRevocations:
    """``sender`` names this process in what it calls out. ``monotonic`` counts seconds and goes on
    while the machine sleeps. ``others`` are the connections that share the server's fate.

    Listening begins with the first question, on the event loop that asks it.
    """

    def __init__(
        self,
        address: Address,
        *,
        sender: str,
        bound: Span,
        monotonic: Callable[[], float],
        randomness: Randomness,
        others: Connections,
    ) -> None:
        self._address = address
        self._sender = sender
        self._bound = bound / SECOND
        self._monotonic = monotonic
        self._randomness = randomness
        self._others = others
        self._heard: list[Change] = []
        self._missed = True
        self._good_until = _NEVER
        self._fresh = asyncio.Event()
        self._probed = asyncio.Event()
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
        others are called by the commit itself.
        """
        if self._task is not None and changes:
            self._note(changes)

    async def ready(self, within: Span) -> None:
        """Return when the lease is good. Raise `StoreFailed` if it is not in ``within`` ms."""
        if self._task is None:
            self._start()
        try:
            async with asyncio.timeout(within / SECOND):
                await self._fresh.wait()
        except TimeoutError:
            raise StoreFailed("Changes on other nodes are not heard: see the manual.") from None

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                await self._follow()
            except _FAILED:
                pass  # whatever it was, the next attempt is the answer to it
            finally:
                self._good_until = _NEVER
            if self._fresh.is_set():
                pause = _SHORTEST_PAUSE
                self._fresh.clear()
                self._others.lose()
            # Nodes that lost the same server do not come back to it in step.
            await asyncio.sleep(pause * (1 + self._randomness.bytes(1)[0] / 255) / 2)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self) -> None:
        """Until the connection ends. Raise one of `FAILURES`, `StoreFailed`."""
        async with asyncio.timeout(_CONNECT_WITHIN / SECOND):
            connection = await connect(self._address)
        try:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: self._end(ended))
            process = await self._ask(connection)
            await connection.add_listener(CHANNEL, self._hear)
            self._missed = True
            await self._prove()
            while not ended.is_set():
                started = self._monotonic()
                if await self._ask(connection) != process:
                    raise StoreFailed("A pooler stands between: changes are not heard through it.")
                self._good_until = started + self._bound
                if not self._fresh.is_set():
                    self._fresh.set()
                    self._others.regain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), self._bound / _BEATS)
        finally:
            connection.terminate()

    def _end(self, ended: asyncio.Event) -> None:
        """The server has hung up: nothing is heard from here on."""
        self._good_until = _NEVER
        ended.set()

    async def _ask(self, connection: Connection) -> object:
        return (await connection.fetch(_WHO, timeout=self._bound))[0][0]

    async def _prove(self) -> None:
        """What another connection calls out is heard on this one: through a pooler that shares
        server processes it is not, although everything else looks well.
        """
        self._probed.clear()
        caller = await connect(self._address)
        try:
            await caller.fetch(_CALL_OUT, f"{self._sender} {_PROBE} ", timeout=self._bound)
            async with asyncio.timeout(self._bound):
                await self._probed.wait()
        finally:
            caller.terminate()

    def _hear(self, _: object, __: int, ___: str, payload: str) -> None:
        sender, _, told = payload.partition(" ")
        topic, _, subject = told.partition(" ")
        if sender == self._sender:
            if topic == _PROBE:
                self._probed.set()
            return  # `announce` was told of it
        if topic == _PROBE:
            return
        try:
            self._note([Change(Topic(topic), subject)])
        except ValueError:
            self._missed = True  # a newer version's: what it means is not known

    def _note(self, changes: Sequence[Change]) -> None:
        if len(self._heard) + len(changes) > _MOST:
            self._missed = True
            self._heard = []
        else:
            self._heard.extend(changes)
