"""Readers of what was revoked: each has a queue of its own, and is told when it cannot be whole."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from watchword.domain.time import SECOND, Span
from watchword.ports import Recorded

MOST_WAITING: Final = 10_000  # changes for one reader; half a megabyte

# Everything that was committed before it is called is in the queues of all once it returns, or
# their subscriptions are over. Raises `Unavailable` when that cannot be known.
CatchUp = Callable[[], Awaitable[None]]


class QueuedSubscription:
    def __init__(self, catch_up: CatchUp) -> None:
        self._catch_up = catch_up
        self._waiting: list[Recorded] = []
        self._something = asyncio.Event()
        self.is_over = False

    async def news(self, within: Span) -> Sequence[Recorded] | None:
        if not self.is_over:
            await self._catch_up()
        if not self._something.is_set() and within > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(within / SECOND):
                    await self._something.wait()
        if self.is_over:
            return None
        news, self._waiting = self._waiting, []
        self._something.clear()
        return news

    def put(self, news: Sequence[Recorded]) -> None:
        if len(self._waiting) + len(news) > MOST_WAITING:
            self.end()
            return
        self._waiting.extend(news)
        self._something.set()

    def end(self) -> None:
        self.is_over = True
        self._waiting.clear()
        self._something.set()


class Subscriptions:
    """Those that are open."""

    def __init__(self) -> None:
        self._open: set[QueuedSubscription] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, catch_up: CatchUp) -> QueuedSubscription:
        subscription = QueuedSubscription(catch_up)
        self._open.add(subscription)
        return subscription

    def remove(self, subscription: QueuedSubscription) -> None:
        self._open.discard(subscription)

    def put(self, news: Sequence[Recorded]) -> None:
        for subscription in self._open:
            subscription.put(news)

    def end(self) -> None:
        """Some of what was committed may be missing: each begins again, here or elsewhere."""
        for subscription in self._open:
            subscription.end()
