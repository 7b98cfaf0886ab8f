"""A thread of its own for what waits for the disk or for another process."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress


class Errands:
    """Runs them one after the other; `end` waits for those that are there."""

    def __init__(self, name: str) -> None:
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self.thread.start()

    def put(self, errand: Callable[[], None]) -> None:
        self._waiting.put(errand)

    async def end(self) -> None:
        self._waiting.put(None)
        await asyncio.to_thread(self.thread.join)

    def _serve(self) -> None:
        while (errand := self._waiting.get()) is not None:
            errand()


def tell(loop: asyncio.AbstractEventLoop, news: Callable[[], None]) -> None:
    """From the thread. A loop that has closed has nobody left who could be told."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(news)
