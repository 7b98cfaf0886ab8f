"""Many requests, one round trip: what is asked while others are under way goes with the next.

Nobody waits for company: what finds fewer than two batches under way goes at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from watchword.adapters.sql.failures import StoreFailed

Asked = TypeVar("Asked")
Told = TypeVar("Told")
_AT_ONCE: Final = 2  # one is on its way while the server works on the other
_LARGEST: Final = 200


class Batches(Generic[Asked, Told]):
    """``carry_out`` answers what was asked, in its order, or raises `StoreFailed` for all of it:
    nobody's question may be of a kind that fails the others'.
    """

    def __init__(self, carry_out: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]]) -> None:
        self._carry_out = carry_out
        self._waiting: list[tuple[Asked, asyncio.Future[Told]]] = []
        self._runners: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._is_starting = False

    async def ask(self, asked: Asked) -> Told:
        """Raise `StoreFailed`. Whoever stops waiting stops nothing that is under way."""
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, told))
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
                batch, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
                await self._answer([each for each in batch if not each[1].done()])
        finally:
            self._under_way -= 1

    async def _answer(self, batch: Sequence[tuple[Asked, asyncio.Future[Told]]]) -> None:
        if not batch:
            return
        try:
            answers = await self._carry_out([asked for asked, _ in batch])
            for (_, told), answer in zip(batch, answers, strict=True):
                if not told.done():
                    told.set_result(answer)
        except Exception as failure:  # noqa: BLE001  for those who asked, not for who comes next
            for _, told in batch:
                if not told.done():
                    told.set_exception(_own(failure))
        finally:
            for _, told in batch:
                told.cancel()


def _own(failure: Exception) -> Exception:
    """For each who is told: an exception that is raised twice gathers both tracebacks."""
    if isinstance(failure, StoreFailed):
        return type(failure)(failure.remedy)
    return failure
