"""The feed where the database calls nothing out, and all promises of news there."""

from pathlib import Path

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch
from tests.adapters.sql.postgres.polling.conftest import END_POLLERS, Both, by_redis, rename
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByMessages, PostgresStore
from watchword.domain.time import MINUTE, SECOND
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance import ConformingStore
from watchword.testing.conformance.feed import FeedPromises
from watchword.testing.conformance.feed import heard as followed
from watchword.testing.conformance.revocations import RevocationPromises


class TestASubscription:
    async def test_is_given_each_change_once_by_whatever_way_it_came(self, both: Both) -> None:
        async with both[0].feed.subscribe() as here, both[1].feed.subscribe() as there:
            for number in range(30):
                await rename(both[number % 2])
                if number % 3 == 0:
                    await both[1].revocations.catch_up()
            for subscription in (here, there):
                told = await followed(subscription, 30)
                assert len({recorded.seq for recorded in told}) == len(told) == 30
                assert await subscription.news(0) == []

    async def test_s15_is_over_when_the_server_hangs_up(
        self, unheard: Both, outsider: asyncpg.Connection
    ) -> None:
        async with unheard[0].feed.subscribe() as subscription:
            await outsider.execute(END_POLLERS)
            assert await subscription.news(60 * SECOND) is None

    async def test_has_what_was_committed_before_the_question_on_any_node(
        self, unheard: Both
    ) -> None:
        async with unheard[0].feed.subscribe() as subscription:
            for number in range(20):
                await rename(unheard[number % 2])
                assert len(await subscription.news(0) or ()) == 1


class TestTheStoreToldByRedis(RevocationPromises, FeedPromises):
    @pytest.fixture(autouse=True)
    def _reach(self, address: Address, redis: str) -> None:
        self._address, self._redis = address, redis

    async def make_store(self, folder: Path) -> ConformingStore:
        nodes = ByMessages(by_redis(self._redis), Stopwatch(), MINUTE)
        store = PostgresStore(
            self._address, nodes, clock=FakeClock(), randomness=SeededRandomness(1)
        )
        await store.revocations.ready(5 * SECOND)
        return store
