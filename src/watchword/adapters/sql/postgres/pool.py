"""Connections that are used again. Invariant: every wait ends, and none that failed comes back."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Iterable
from time import perf_counter
from typing import Final

from watchword.adapters.sql.failures import Observe, StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.driver import FAILURES, Connection, connect
from watchword.adapters.sql.postgres.failures import explain
from watchword.domain.time import HOUR, SECOND, Span

_TURN_WITHIN: Final[Span] = 5 * SECOND
_OLDEST: Final = HOUR / SECOND
# Kept from transactions: who is in one may have to read beside it, and must not wait for others
# who want the same.
_FOR_SINGLES: Final = 2
_LAST_WORD: Final = 0.1  # seconds, for answers that were on their way
_CLOSED: Final = "The store is closed."
_CROWDED: Final = (
    "All connections to the database were busy for too long: raise WATCHWORD_DATABASE_POOL."
)


class _Place:
    """A connection with its age. ``is_doubtful``: in use since before the server was lost."""

    __slots__ = ("connection", "is_doubtful", "since")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.since = perf_counter()
        self.is_doubtful = False


class Pool:
    """Opened as they are needed, the one used last given out first, so that few stay warm."""

    def __init__(self, address: Address, observe: Observe) -> None:
        self._address = address
        self._observe = observe
        self._idle: list[_Place] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._free = address.pool_size
        self._for_transactions = asyncio.Semaphore(address.pool_size - _FOR_SINGLES)
        self._in_use: dict[Connection, _Place] = {}
        self._opening: set[asyncio.Task[Connection]] = set()
        self._is_closed = False

    async def acquire(self) -> Connection:
        """Raise `StoreFailed`. Whoever gets one gives it back by `release`."""
        if self._is_closed:
            raise StoreFailed(_CLOSED)
        if self._free == 0:
            await self._turn()
        else:
            self._free -= 1
        while self._idle:
            place = self._idle.pop()
            if self._is_good(place):
                self._in_use[place.connection] = place
                return place.connection
            place.connection.terminate()
        return await self._open()

    def release(self, connection: Connection, *, broken: bool = False) -> None:
        """``broken``: it is not known what the server makes of it."""
        place = self._in_use.pop(connection)
        if broken or self._is_closed or not self._is_good(place):
            connection.terminate()
        else:
            place.is_doubtful = False
            self._idle.append(place)
        self._give_back()

    async def enter_transaction(self) -> None:
        """Room for one more; whoever has it gives it back by `leave_transaction`."""
        if self._for_transactions.locked():
            await _within(self._for_transactions.acquire())
        else:
            await self._for_transactions.acquire()

    def leave_transaction(self) -> None:
        self._for_transactions.release()

    def forget_idle(self) -> None:
        """The server has gone: what was opened to it before will not answer either."""
        idle, self._idle = self._idle, []
        for place in idle:
            place.connection.terminate()

    def lose(self) -> None:
        """The server is not heard any more. It may answer yet, to those who wait for that."""
        self.forget_idle()
        for place in self._in_use.values():
            place.is_doubtful = True

    def regain(self) -> None:
        """The server is heard again: what was asked or begun before it was lost, and is still not
        answered, never will be. Nobody is to wait for the end of its time.
        """
        stale = tuple(self._opening)
        asyncio.get_running_loop().call_later(_LAST_WORD, self._give_up, stale)

    def _give_up(self, stale: Iterable[asyncio.Task[Connection]]) -> None:
        for place in self._in_use.values():
            if place.is_doubtful:
                place.connection.terminate()
        for opening in stale:
            opening.cancel()

    async def close(self) -> None:
        """Those in use are closed when they are given back."""
        self._is_closed = True
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(StoreFailed(_CLOSED))
        idle, self._idle = self._idle, []
        for place in idle:
            place.connection.terminate()

    async def _turn(self) -> None:
        """Whoever gives a connection back hands the right to it on."""
        started = perf_counter()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await _within(turn)
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back()
            raise
        finally:
            self._observe("connection", perf_counter() - started)

    def _give_back(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _open(self) -> Connection:
        try:
            connection = await self._opened() or await connect(self._address)
        except FAILURES as error:
            self._give_back()
            raise explain(error) from None
        except BaseException:
            self._give_back()
            raise
        self._in_use[connection] = _Place(connection)
        return connection

    async def _opened(self) -> Connection | None:
        """None if it was begun before the server was heard again, and led nowhere."""
        opening = asyncio.create_task(connect(self._address))
        self._opening.add(opening)
        try:
            await asyncio.wait([opening])
        except asyncio.CancelledError:
            opening.add_done_callback(_close)
            opening.cancel()
            raise
        finally:
            self._opening.discard(opening)
        return None if opening.cancelled() else opening.result()

    def _is_good(self, place: _Place) -> bool:
        connection = place.connection
        if connection.is_closed() or connection.is_in_transaction():
            return False
        return perf_counter() - place.since < _OLDEST


async def _within(waiting: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(_TURN_WITHIN / SECOND):
            await waiting
    except TimeoutError:
        raise StoreFailed(_CROWDED) from None


def _close(opening: "asyncio.Task[Connection]") -> None:
    """Nobody waits for it any more."""
    if not (opening.cancelled() or opening.exception()):
        opening.result().terminate()
