"""A guard in front of a service, following a Watchword that lies when it is told to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.client.lying import ISSUER, LyingWatchword, lying
from tests.client.service import StoppedTime, Watched
from watchword.client.guard import Options
from watchword.testing.fakes import START

Guarding = Callable[..., Any]


@pytest.fixture
def time() -> StoppedTime:
    return StoppedTime(START)


@pytest.fixture
async def liar() -> AsyncIterator[LyingWatchword]:
    async with lying() as one:
        yield one


@pytest.fixture
async def guarding(liar: LyingWatchword, time: StoppedTime) -> AsyncIterator[Guarding]:
    """A guard that follows ``liar``; from its first request on, unless it ``starts`` before."""
    async with AsyncExitStack() as stack:

        async def guard(*, starts: bool = True, **options: Any) -> Watched:
            more = {
                name: options.pop(name) for name in ("audience", "is_public") if name in options
            }
            chosen = Options(**{"address": liar.address, "time": time, **options})
            watched = Watched(ISSUER, chosen, **more)
            await stack.enter_async_context(_ended(watched))
            if starts:
                watched.guard._follower.start()
                await watched.until(lambda: bool(watched.beats))
            return watched

        yield guard


@asynccontextmanager
async def _ended(watched: Watched) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await watched.guard._follower.stop()
        await watched.guard._source.close()
        await watched.client.aclose()
