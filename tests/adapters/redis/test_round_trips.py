"""What the flows that everybody waits for cost with sessions in Redis: journeys to both servers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.adapters.redis.nodes import NAMES, CountedConnections, Node, nodes
from watchword.adapters.redis import RedisSessionStore
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.domain.sessions import EndReason
from watchword.domain.time import MINUTE
from watchword.ports import Unit
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
    rotated,
)

ADA = an_account()
SESSION = a_session(ADA)
FRAME = 2  # BEGIN and COMMIT


@dataclass(frozen=True)
class Counted:
    """What is sent to either from here on."""

    store: RedisSessionStore
    redis: list[Any]
    database: list[str]


@pytest.fixture
async def counted(postgres_url: str, redis_url: str) -> AsyncIterator[Counted]:
    """On a connection to the database that knows the statements."""
    nodes_ = ByDatabase(time.perf_counter, MINUTE)
    kept = PostgresStore(
        Address.parse(postgres_url), nodes_, clock=FakeClock(), randomness=SeededRandomness(1)
    )
    redis = CountedConnections(redis_url)
    store = RedisSessionStore(kept, redis, NAMES)
    await given(store, ADA)
    await given_session(store, SESSION)
    connection: Any = await kept._pool.acquire()
    sent: list[str] = []
    connection.add_query_logger(lambda record: sent.append(record.query))
    kept._pool.release(connection)
    await store.touch([(SESSION.id, NOW)])  # Redis is sent a script whole for the first time
    await rotated(store, a_session(ADA, 9))
    await asyncio.sleep(0)
    sent.clear()
    redis.asked.clear()
    yield Counted(store, redis.asked, sent)
    await store.close()
    await redis.close()


def opening(unit: Unit) -> Awaitable[object]:
    return unit.sessions.open(a_session(ADA, 2), limit=5, evicts=True, proven=HASH)


def ending(unit: Unit) -> Awaitable[object]:
    return unit.sessions.end(SESSION.id, EndReason.SIGNED_OUT, now=NOW)


def ending_all(unit: Unit) -> Awaitable[object]:
    return unit.sessions.end_all(ADA.id, EndReason.SIGNED_OUT, now=NOW)


BUDGET: dict[str, tuple[Callable[[RedisSessionStore], Awaitable[object]], int, int]] = {
    "a refresh": (lambda s: rotated(s, SESSION, now=NOW), 1, 0),
    "a use": (lambda s: s.touch([(SESSION.id, NOW + 1)]), 1, 0),
    "a session that was not at hand": (lambda s: s.reading.sessions.find(SESSION.id), 1, 1),
    "the sessions of a user": (lambda s: s.reading.sessions.list_live(ADA.id, NOW), 1, 1),
    "a sign-in's session": (lambda s: alone(s, opening), 1, 3 + FRAME),
    "a sign-out": (lambda s: alone(s, ending), 1, 3 + FRAME),
    "a sign-out everywhere": (lambda s: alone(s, ending_all), 2, 6 + FRAME),
}


class TestARoundTrip:
    @pytest.mark.parametrize("name", BUDGET)
    async def test_is_made_as_often_as_planned(self, counted: Counted, name: str) -> None:
        run, in_redis, in_database = BUDGET[name]
        await run(counted.store)
        await asyncio.sleep(0)  # the driver tells of it in the next turn
        assert len(counted.redis) == in_redis, counted.redis
        assert len(counted.database) == in_database, counted.database

    async def test_is_not_made_for_a_session_that_is_at_hand(
        self, tmp_path: Any, redis_url: str
    ) -> None:
        async with nodes(tmp_path) as open_node:
            node: Node = await open_node(redis_url)
            await node.house.register()
            grant = await node.house.sign_in()
            await node.house.enter(grant)
            node.redis.asked.clear()
            for _ in range(100):
                await node.house.enter(grant)
            assert node.redis.asked == []
