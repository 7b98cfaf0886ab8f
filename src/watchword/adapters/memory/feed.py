"""What was revoked, for readers in the same process: each goes on from the change it has seen."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from watchword.adapters.memory.tables import Place
from watchword.domain.time import SECOND, Instant, Span
from watchword.ports import Recorded


class MemorySubscription:
    def __init__(self, committed: Place) -> None:
        self._committed = committed
        self._seen = len(committed.tables.changes)
        self._is_over = False
        self._woken = asyncio.Event()

    async def news(self, within: Span) -> Sequence[Recorded] | None:
        if within > 0 and not self._is_over and self._seen == len(self._committed.tables.changes):
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within / SECOND):
                    await self._woken.wait()
        if self._is_over:
            return None
        news = self._committed.tables.changes[self._seen :]
        self._seen += len(news)
        return news

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        self._is_over = True
        self.wake()


class MemoryFeed:
    def __init__(self, committed: Place) -> None:
        self._committed = committed
        self._subscriptions: set[MemorySubscription] = set()

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[MemorySubscription]:
        subscription = MemorySubscription(self._committed)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def find(self, seq: int) -> Recorded | None:
        changes = self._committed.tables.changes
        return changes[seq - 1] if 0 < seq <= len(changes) else None

    async def list_since(self, moment: Instant, *, after: int, at_most: int) -> Sequence[Recorded]:
        changes = self._committed.tables.changes
        first = next((c.seq for c in changes if c.at >= moment), len(changes) + 1)
        return changes[max(first - 1, after) :][:at_most]

    def wake(self) -> None:
        for subscription in self._subscriptions:
            subscription.wake()

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.end()
