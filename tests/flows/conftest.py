"""Every test of a flow has a house of its own, or opens one with the settings it is about."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.flows.house import House
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.adapters.system import SystemRandomness, SystemStopwatch
from watchword.ports import Clock
from watchword.testing import FakeClock

OpenHouse = Callable[..., Awaitable[House]]


def on_postgres(url: str, clock: Clock) -> PostgresStore:
    nodes = ByDatabase(SystemStopwatch())
    return PostgresStore(Address.parse(url), nodes, clock=clock, randomness=SystemRandomness())


@pytest.fixture
async def open_house(server_url: str | None) -> AsyncIterator[OpenHouse]:
    """As `House.open`; what it opened is closed after the test. All without a store of their own
    share the one database where the tests run on PostgreSQL.
    """
    opened: list[House] = []

    async def open_one(*secrets: object, **settings: object) -> House:
        if server_url is not None:
            clock = settings.setdefault("clock", FakeClock())
            assert isinstance(clock, FakeClock)
            settings.setdefault("store", on_postgres(server_url, clock))
        house = await House.open(*secrets, **settings)  # type: ignore[arg-type]
        opened.append(house)
        return house

    yield open_one
    for house in opened:
        await house.close()


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house()
