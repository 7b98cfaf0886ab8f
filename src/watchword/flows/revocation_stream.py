"""What was revoked, told to another service as it happens: first what it may have missed, then all
that is committed, and several times a second how far that goes.

Invariant: a beat is told only after everything that was committed before its moment. So who hears
no beat knows that something may be missing, and who hears one in time misses nothing.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from watchword.domain.errors import Unavailable
from watchword.domain.revocations import told_since
from watchword.domain.time import MINUTE, SECOND, Instant, Span
from watchword.ports import Clock, Feed, Recorded, Subscription

HEARTBEAT: Final[Span] = 250
# The clocks of both sides drift apart meanwhile, and a token that was given up is asked for again.
LONGEST: Final[Span] = 5 * MINUTE
MOST_FOLLOWERS: Final = 100

_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Beat:
    """Everything that was committed until ``at``, in ms since the stream began, has been told."""

    at: Span


Told = Sequence[Recorded] | Beat


class RevocationStream:
    """``seconds`` is a clock that nobody sets."""

    def __init__(self, feed: Feed, clock: Clock, seconds: Callable[[], float]) -> None:
        self._feed = feed
        self._clock = clock
        self._seconds = seconds
        self._followers = 0

    async def follow(self, last: int | None) -> AsyncGenerator[Told, None]:
        """For who has heard everything until the change ``last``; None: nothing yet.

        The first thing told is empty: it says that the stream has begun. Before it, raise
        `Unavailable` when there are too many followers or the store cannot be reached; later, when
        it cannot be reached any more. The end means: begin again, here or on another node.
        """
        if self._followers >= MOST_FOLLOWERS:
            raise Unavailable("Too many services follow the revocations here. Try again.")
        self._followers += 1
        try:
            async with self._feed.subscribe() as subscription:
                since = await self._since(last)
                began = self._seconds()
                yield ()
                after = 0
                while page := await self._feed.list_since(since, after=after, at_most=_PAGE):
                    yield page
                    after = page[-1].seq
                async for told in self._live(subscription, began):
                    yield told
        finally:
            self._followers -= 1

    async def _since(self, last: int | None) -> Instant:
        known = None if last is None else await self._feed.find(last)
        return told_since(None if known is None else known.at, self._clock.now())

    async def _live(self, subscription: Subscription, began: float) -> AsyncGenerator[Told, None]:
        while (now := self._since_start(began)) < LONGEST:
            news = await subscription.news(0)
            if news is None:
                return
            if news:
                yield news
            yield Beat(now)
            while (left := now + HEARTBEAT - self._since_start(began)) > 0:
                news = await subscription.news(left)
                if news is None:
                    return
                if news:
                    yield news

    def _since_start(self, began: float) -> Span:
        """Rounded down, for a beat may promise too little and never too much."""
        return int((self._seconds() - began) * SECOND)
