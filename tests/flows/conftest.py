"""Every test of a flow has a house of its own, or opens one with the settings it is about."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.flows.house import House

OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house() -> AsyncIterator[OpenHouse]:
    """As `House.open`; what it opened is closed after the test."""
    opened: list[House] = []

    async def open_one(*secrets: object, **settings: object) -> House:
        house = await House.open(*secrets, **settings)  # type: ignore[arg-type]
        opened.append(house)
        return house

    yield open_one
    for house in opened:
        await house.close()


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house()
