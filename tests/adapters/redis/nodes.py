"""Nodes whose sessions move in one Redis, over one file of SQLite, by one clock of the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows.house import House
from tests.opening import empty_database
from watchword.adapters.redis import Connections, Names, RedisSessionStore
from watchword.adapters.redis.connections import Reply, Word, Words
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.crypto.secret import Secret
from watchword.domain.time import SECOND
from watchword.ports import OpenStore
from watchword.testing import FakeClock

NAMES = Names()
PATIENCE = 20 * SECOND  # a slow machine is no failure


class CountedConnections(Connections):
    """``asked`` is what was sent, by the first word of it."""

    def __init__(self, url: str) -> None:
        super().__init__(Secret(url.encode()), patience=PATIENCE)
        self.asked: list[Word] = []

    async def _answer_to(self, words: Words) -> Reply:
        self.asked.append(words[0])
        return await super()._answer_to(words)


@dataclass(frozen=True)
class Node:
    """``kept`` is the other store, which has the rows."""

    house: House
    store: RedisSessionStore
    kept: OpenStore
    redis: CountedConnections

    async def hash_of(self, session_id: str) -> Reply:
        return await self.redis.command("HGETALL", NAMES.session(session_id))

    async def close(self) -> None:
        await self.house.close()
        await self.redis.close()


OpenNode = Callable[..., Awaitable[Node]]


@asynccontextmanager
async def nodes(folder: Path) -> AsyncIterator[OpenNode]:
    """Opens them on the database of ``folder``, and closes them in the end."""
    clock = FakeClock()
    opened: list[Node] = []
    path = folder / "watchword.db"
    path.write_bytes(empty_database())

    async def open_one(url: str, **settings: Any) -> Node:
        redis = CountedConnections(url)
        kept = SqliteStore(path, clock=clock)
        store = RedisSessionStore(kept, redis, NAMES)
        seed = len(opened)
        house = await House.open(store=store, clock=clock, seed=seed, **settings)
        opened.append(Node(house, store, kept, redis))
        return opened[-1]

    yield open_one
    for node in opened:
        await node.close()
