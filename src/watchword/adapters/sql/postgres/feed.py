"""What was revoked, for others: the live part as this node hears of it, the rest from the table.

A commit is heard of in the order of the commits where the database calls it out, whichever node
makes it, this one as well. The numbers are given before the commit and follow another order, so
nothing here reads on from one.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from watchword.adapters.sql.changes import find_change, list_changes_since
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.statements import Queries
from watchword.adapters.sql.subscriptions import CatchUp, QueuedSubscription, Subscriptions
from watchword.domain.time import Instant
from watchword.ports import Recorded


class PostgresFeed:
    """``subscriptions`` are given what is heard by whoever keeps ``catch_up``."""

    def __init__(self, queries: Queries, subscriptions: Subscriptions, catch_up: CatchUp) -> None:
        self._queries = queries
        self._subscriptions = subscriptions
        self._catch_up = catch_up

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[QueuedSubscription]:
        """From the first answered heartbeat on: before it, changes may pass unheard."""
        subscription = self._subscriptions.add(self._catch_up)
        try:
            await self._catch_up()
            if subscription.is_over:
                raise StoreFailed("Changes on other nodes are not heard.")
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    async def find(self, seq: int) -> Recorded | None:
        return await find_change(self._queries, seq)

    async def list_since(self, moment: Instant, *, after: int, at_most: int) -> Sequence[Recorded]:
        return await list_changes_since(self._queries, moment, after=after, at_most=at_most)
