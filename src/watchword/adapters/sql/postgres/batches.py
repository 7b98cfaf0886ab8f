"""Many requests, one round trip: what is asked while others are under way goes with the next.

Nobody waits for company: what finds fewer than two batches under way goes at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Final, Generic, NamedTuple, TypeVar

from watchword.adapters.sql.failures import StoreFailed
from watchword.domain.time import SECOND, Span

Asked = TypeVar("Asked")
Told = TypeVar("Told")
_TURN_WITHIN: Final[Span] = 5 * SECOND
_CROWDED: Final = "The database was too slow for all that was asked at once."
_AT_ONCE: Final = 2  # one is on its way while the server works on the other
_LARGEST: Final = 200


class _Waiting(NamedTuple, Generic[Asked, Told]):
    asked: Asked
    told: "asyncio.Future[Told]"
    since: float


class Batches(Generic[Asked, Told]):
    """``carry_out`` answers what was asked, in its order, or raises `StoreFailed` for all of it:
    nobody's question may be of a kind that fails the others'. ``seconds`` is a clock that only goes
    forward.
    """

    def __init__(
        self,
        carry_out: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]],
        *,
        seconds: Callable[[], float] = perf_counter,
    ) -> None:
        self._carry_out = carry_out
        self._seconds = seconds
        self._waiting: list[_Waiting[Asked, Told]] = []
        self._runners: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._is_starting = False

    async def ask(self, asked: Asked) -> Told:
        """Raise `StoreFailed`, also when the turn comes after more than five seconds. Whoever stops
        waiting stops nothing that is under way.
        """
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(asked, told, self._seconds()))
        if not self._is_starting and self._under_way < _AT_ONCE:
            self._is_starting = True
            runner = asyncio.create_task(self._run())
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)
        return await told

    async def _run(self) -> None:
        """Begins in the next turn of the event loop, with all that came in this one. It counts for
        as long as it looks for who waits: whoever asks in the turn of its end needs another.
        """
        self._is_starting = False
        self._under_way += 1
        try:
            while self._waiting:
                self._turn_away()
                batch, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
                await self._answer([each for each in batch if not each.told.done()])
        finally:
            self._under_way -= 1

    def _turn_away(self) -> None:
        """Who has waited for too long: a server that is slow answers fewer than come."""
        latest = self._seconds() - _TURN_WITHIN / SECOND
        late = [each for each in self._waiting if each.since < latest]
        del self._waiting[: len(late)]
        for each in late:
            _fail(each.told, StoreFailed(_CROWDED))

    async def _answer(self, batch: Sequence[_Waiting[Asked, Told]]) -> None:
        if not batch:
            return
        try:
            answers = await self._carry_out([each.asked for each in batch])
            for each, answer in zip(batch, answers, strict=True):
                if not each.told.done():
                    each.told.set_result(answer)
        except Exception as failure:  # noqa: BLE001  for those who asked, not for who comes next
            for each in batch:
                _fail(each.told, _own(failure))
        finally:
            for each in batch:
                each.told.cancel()


def _fail(told: "asyncio.Future[Told]", failure: Exception) -> None:
    if not told.done():
        told.set_exception(failure)


def _own(failure: Exception) -> Exception:
    """For each who is told: an exception that is raised twice gathers both tracebacks."""
    if isinstance(failure, StoreFailed):
        return type(failure)(failure.remedy)
    return failure
