"""A batch that is committed, and of which the answer never arrives: its members are told that
nobody knows, and lose nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.faults.proxy import Proxy, Way
from tests.flows.conftest import OpenHouse, on_postgres
from tests.flows.house import House
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.errors import Unavailable
from watchword.domain.time import MINUTE, SECOND
from watchword.ports import Allowance
from watchword.testing import FakeClock

ALLOWANCE = Allowance(9, MINUTE)


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[Proxy]:
    server = urlsplit(postgres_url)
    proxy = Proxy(str(server.hostname), server.port or 5432)
    async with proxy.running():
        yield proxy


@pytest.fixture
async def house(open_house: OpenHouse, postgres_url: str, proxy: Proxy) -> House:
    server = urlsplit(postgres_url)
    credentials = server.netloc.rpartition("@")[0]
    place = server._replace(netloc=f"{credentials}@{proxy.host}:{proxy.port}")
    clock = FakeClock()
    store = await on_postgres(urlunsplit(place), clock)
    return await open_house(store=store, clock=clock, max_sessions=9)


class Witness:
    """Sees what is committed, by another way."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def until(self, count: int, sql: str) -> None:
        async with asyncio.timeout(20):
            while await self._connection.fetchval(sql) != count:
                pass


@pytest.fixture
async def witness(postgres_url: str) -> AsyncIterator[Witness]:
    connection = await asyncpg.connect(postgres_url)
    yield Witness(connection)
    await connection.close()


@asynccontextmanager
async def losing_answers(proxy: Proxy) -> AsyncIterator[None]:
    """What is asked in the block arrives, and is answered to nobody."""
    proxy.swallow(frozenset({Way.BACK}))
    yield
    proxy.cut()
    proxy.mend()


def only_one_connection(house: House) -> None:
    """The next one that is opened; it learns the statement by its first use, before it is lost."""
    assert isinstance(house.store, PostgresStore)
    house.store._pool.forget_idle()


class TestRefreshesThatWereCommittedTogether:
    async def test_r03_are_503_and_lead_to_the_same_successor_within_the_grace(
        self, house: House, proxy: Proxy, witness: Witness
    ) -> None:
        await house.register()
        grants = [await house.sign_in() for _ in range(5)]
        warm = [await house.sign_in() for _ in range(2)]
        for grant in grants + warm:
            await house.enter(grant)
        only_one_connection(house)
        await asyncio.gather(*(house.refresh(grant.held) for grant in warm))
        async with losing_answers(proxy):
            lost = [asyncio.create_task(house.refresh(grant.held)) for grant in grants]
            await witness.until(7, "SELECT count(*) FROM sessions WHERE generation = 2")
        told = await asyncio.gather(*lost, return_exceptions=True)
        assert [isinstance(each, Unavailable) for each in told] == [True] * 5, told
        await house.store.revocations.ready(5 * SECOND)  # type: ignore[attr-defined]
        house.clock.advance(9 * SECOND)
        again = [await house.refresh(grant.held) for grant in grants]
        assert [(await house.session(grant)).generation for grant in grants] == [2] * 5
        assert len({grant.held for grant in again}) == 5
        for grant, following in zip(grants, again, strict=True):
            assert following.session.id == grant.session.id
            assert (await house.refresh(following.held)).session.id == grant.session.id
        assert await house.events("session.token_reused") == []


class TestHitsThatWereCommittedTogether:
    async def test_b04_are_counted_once_each_and_not_asked_again(
        self, house: House, proxy: Proxy, witness: Witness
    ) -> None:
        limits, now = house.store.limits, house.clock.now()
        only_one_connection(house)
        await asyncio.gather(*(limits.hit(key, ALLOWANCE, now=now) for key in "ab"))
        async with losing_answers(proxy):
            lost = [asyncio.create_task(limits.hit(key, ALLOWANCE, now=now)) for key in "abaab"]
            await witness.until(7, "SELECT sum(hits) FROM limits")
        told = await asyncio.gather(*lost, return_exceptions=True)
        assert [isinstance(each, Unavailable) for each in told] == [True] * 5, told
        await house.store.revocations.ready(5 * SECOND)  # type: ignore[attr-defined]
        left = [(await limits.peek(key, ALLOWANCE, now=now)).remaining for key in "ab"]
        assert left == [9 - 4, 9 - 3]
