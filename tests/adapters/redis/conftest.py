"""An empty server for each test, and counters on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.servers.redis import RedisServer, running
from watchword.adapters.redis import Connections, Names, RedisLimits, RedisLockouts
from watchword.crypto.secret import Secret
from watchword.domain.time import SECOND

PATIENCE: Final = 20 * SECOND  # a slow machine is no failure


class RedisCounters:
    """What a node has of them."""

    def __init__(self, url: str) -> None:
        self.connections = Connections(Secret(url.encode()), patience=PATIENCE)
        self.limits = RedisLimits(self.connections, Names())
        self.lockouts = RedisLockouts(self.connections, Names())

    async def close(self) -> None:
        await self.connections.close()


@pytest.fixture
def url(redis_url: str) -> str:
    return redis_url


@pytest.fixture
async def connections(url: str) -> AsyncIterator[Connections]:
    connections = Connections(Secret(url.encode()))
    yield connections
    await connections.close()


@pytest.fixture
async def counters(url: str) -> AsyncIterator[RedisCounters]:
    counters = RedisCounters(url)
    yield counters
    await counters.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """One of this test's own."""
    with running(tmp_path) as server:
        yield server
