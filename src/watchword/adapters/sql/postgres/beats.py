"""For how long a node believes what it remembers. One loop opens a connection, asks the server over
it four times in every bound, and by each answer renews a lease that began with the question.

Invariant: nobody is believed for longer than the bound after the start of the last answered beat.
What an answer proves to have been noted before is for its owner to say: `revocations`, `polling`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.driver import Connection, connect
from watchword.adapters.sql.subscriptions import Subscriptions
from watchword.domain.time import SECOND, Span
from watchword.ports import Change, Randomness

_MOST: Final = 10_000
_BEATS: Final = 4  # in a bound
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


class Terms(Protocol):
    """``monotonic`` counts seconds and goes on while the machine sleeps; ``bound``: how long a
    lease is, in ms.
    """

    @property
    def monotonic(self) -> Callable[[], float]: ...
    @property
    def bound(self) -> Span: ...


class Beats:
    """``others`` are the connections that share the server's fate; ``subscriptions`` end with the
    connection. ``follow`` is given each new connection, beats over it, and returns when it has
    ended or the node leaves; it may raise one of `FAILURES` or `StoreFailed`.

    The loop begins with the first question, on the event loop that asks it.
    """

    def __init__(
        self,
        address: Address,
        terms: Terms,
        subscriptions: Subscriptions,
        *,
        randomness: Randomness,
        others: Connections,
        follow: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._address = address
        self.bound = terms.bound / SECOND
        self._monotonic = terms.monotonic
        self._subscriptions = subscriptions
        self._randomness = randomness
        self._others = others
        self._follow = follow
        self._noted: list[Change] = []
        self._missed = True
        self._good_until = _NEVER
        self._fresh = asyncio.Event()
        self._turn = asyncio.Event()
        self._leaving = asyncio.Event()
        self._next_beat = asyncio.Event()
        self._is_wanted = False
        self._due = 0.0
        self._pause = _SHORTEST_PAUSE
        self._task: asyncio.Task[None] | None = None

    @property
    def has_begun(self) -> bool:
        return self._task is not None

    def is_leaving(self) -> bool:
        return self._leaving.is_set()

    @property
    def is_due(self) -> bool:
        """It is time for the next beat, or somebody waits for one."""
        return self._is_wanted or asyncio.get_running_loop().time() >= self._due

    # --- for those who believe

    def news(self) -> Sequence[Change] | None:
        """No input or output: what has been noted so far, as long as that is all there was."""
        self.begin()
        if self._monotonic() >= self._good_until:
            self._noted = []
            return None
        if self._missed:
            self._missed = False
            self._noted = []
            return None
        if not self._noted:
            return ()
        noted, self._noted = self._noted, []
        return noted

    async def ready(self, within: Span) -> None:
        """Return when the lease is good. Raise `StoreFailed` if it is not in ``within`` ms."""
        self.begin()
        try:
            async with asyncio.timeout(within / SECOND):
                await self._fresh.wait()
        except TimeoutError:
            raise StoreFailed("Changes on other nodes are not heard: see the manual.") from None

    async def catch_up(self) -> None:
        """Return when a beat is over that began after this, or the subscriptions are. Raise
        `StoreFailed` when that takes longer than the bound.
        """
        self.begin()
        beat = self._next_beat
        self.want()
        try:
            async with asyncio.timeout(self.bound):
                await beat.wait()
        except TimeoutError:
            raise StoreFailed("The database did not say in time what has changed.") from None

    # --- for the owner

    def begin(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._listen())

    def note(self, changes: Sequence[Change]) -> None:
        if len(self._noted) + len(changes) > _MOST:
            self.miss()
            self._noted = []
        else:
            self._noted.extend(changes)

    def miss(self) -> None:
        """Something may have been missed: every picture is to be forgotten."""
        self._missed = True

    def want(self) -> None:
        """The next beat should begin."""
        self._is_wanted = True
        self.wake()

    def wake(self) -> None:
        """End the rest."""
        self._turn.set()

    async def beat(self, ask: Callable[[], Awaitable[None]]) -> None:
        """An answer renews the lease, a failure is raised."""
        started = self._monotonic()
        self._due = asyncio.get_running_loop().time() + self.bound / _BEATS
        beat = self._begin_beat()
        try:
            await ask()
            self._good_until = started + self.bound
            if not self._fresh.is_set():
                self._fresh.set()
                self._others.regain()
        except BaseException:
            self._lose()  # before anybody who waits for this beat goes on
            raise
        finally:
            beat.set()

    async def rest(self) -> None:
        """Until the next beat is due, or somebody ends the rest."""
        left = self._due - asyncio.get_running_loop().time()
        await within(max(left, 0), self._turn)
        self._turn.clear()

    def goes_on(self, connection: Connection) -> bool:
        return not (connection.is_closed() or self.is_leaving())

    def stop_believing(self) -> None:
        self._good_until = _NEVER

    async def close(self) -> None:
        """Nobody has to wait for this node from here on."""
        if self._task is None:
            return
        self._leaving.set()
        self.wake()
        await asyncio.wait([self._task], timeout=_LEAVE_WITHIN)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    # --- the loop

    async def _listen(self) -> None:
        while not self.is_leaving():
            try:
                async with self._connected() as connection:
                    await self._follow(connection)
            except Exception:  # noqa: BLE001, S110  whatever it was, nobody else takes it up
                pass
            finally:
                self._lose()
                self._begin_beat().set()
            # Nodes that lost the same server do not come back to it in step.
            some = self._pause * (1 + self._randomness.bytes(1)[0] / 255) / 2
            await within(some, self._leaving)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        async with asyncio.timeout(_CONNECT_WITHIN / SECOND):
            connection = await connect(self._address)
        try:
            connection.add_termination_listener(lambda _: self._end())
            yield connection
        finally:
            connection.terminate()

    def _begin_beat(self) -> asyncio.Event:
        """Set it once it is over. Whoever asks from here on waits for the one after it."""
        beat, self._next_beat = self._next_beat, asyncio.Event()
        self._is_wanted = False
        self._turn.clear()
        return beat

    def _lose(self) -> None:
        self.stop_believing()
        self._subscriptions.end()
        if self._fresh.is_set():
            self._fresh.clear()
            self._pause = _SHORTEST_PAUSE
            self._others.lose()

    def _end(self) -> None:
        """The server has hung up: nothing is heard from here on."""
        self.stop_believing()
        self.wake()


async def within(seconds: float, event: asyncio.Event) -> None:
    """Return when it is set, or after so long."""
    with suppress(TimeoutError):  # by `timeout`: `wait_for` can lose a cancellation
        async with asyncio.timeout(seconds):
            await event.wait()
