import asyncio

import pytest

from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, CountedStore, House
from watchword.domain.errors import Unavailable
from watchword.domain.sessions import Transport
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.flows.housekeeping import Housekeeper


class Complaints:
    """What the housekeeper could not do."""

    def __init__(self) -> None:
        self.told: list[tuple[str, type[Exception]]] = []

    def __call__(self, chore: str, error: Exception) -> None:
        self.told.append((chore, type(error)))


@pytest.fixture
def store() -> CountedStore:
    return CountedStore()


@pytest.fixture
async def house(open_house: OpenHouse, store: CountedStore) -> House:
    return await open_house(store=store)


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def housekeeper(house: House, complaints: Complaints) -> Housekeeper:
    return house.housekeeper(complaints)


class TestATurn:
    async def test_does_each_chore_when_it_is_due(
        self, house: House, housekeeper: Housekeeper
    ) -> None:
        due: dict[str, int] = {}
        await housekeeper.tick(due)
        now = house.clock.now()
        assert due == {chore.name: now + chore.every for chore in housekeeper.chores()}
        house.clock.advance(SECOND)
        await housekeeper.tick(due)
        assert {name for name, at in due.items() if at == now + 2 * SECOND} == {"news", "flush"}

    async def test_writes_the_last_uses_down(self, house: House, housekeeper: Housekeeper) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        house.clock.advance(HOUR)
        await house.enter(grant)
        await housekeeper.tick({})
        assert (await house.session(grant)).last_seen_at == house.clock.now()

    async def test_removes_what_has_ended(self, house: House, housekeeper: Housekeeper) -> None:
        await house.register()
        gone = await house.sign_in()
        house.clock.advance(30 * DAY)
        kept = await house.sign_in()
        await housekeeper.tick({})
        assert await house.store.reading.sessions.find(gone.session.id) is None
        assert await house.store.reading.sessions.find(kept.session.id) is not None

    async def test_removes_much_in_pieces(self, house: House, housekeeper: Housekeeper) -> None:
        await house.register()
        period = house.ground.settings.limit_auth
        assert period is not None
        for number in range(2_500):
            await house.store.limits.hit(f"k{number}", period, now=house.clock.now())
        house.clock.advance(DAY)
        assert await housekeeper.purge() == 2_500
        assert await housekeeper.purge() == 0

    async def test_x08_rotates_a_key_whose_life_is_over(
        self, house: House, housekeeper: Housekeeper
    ) -> None:
        before = (await house.flows.keyring.keys()).signing.kid
        house.clock.advance(90 * DAY)
        await housekeeper.tick({})
        assert (await house.flows.keyring.keys()).signing.kid != before

    async def test_x08_hears_of_a_new_key_where_nobody_but_sign_ins_come(
        self, house: House, housekeeper: Housekeeper
    ) -> None:
        """A sign-in asks for no news by itself."""
        await house.register()
        keyring = house.flows.keyring
        house.flows.standings.catch_up()
        known = await keyring.keys()
        rotated = await keyring.rotate(TRACE)
        keyring._keys = known  # as in a process that did not rotate it
        await housekeeper.tick({})
        grant = await house.sign_in()
        assert (await keyring.keys()).signing.kid == rotated
        await house.enter(grant)


class TestAChoreThatFails:
    async def test_is_told_of_and_done_at_its_next_turn(
        self,
        house: House,
        store: CountedStore,
        housekeeper: Housekeeper,
        complaints: Complaints,
    ) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        house.clock.advance(HOUR)
        await house.enter(grant)
        due: dict[str, int] = {}
        store.is_down = True
        await housekeeper.tick(due)
        assert complaints.told == [("flush", Unavailable)]
        store.is_down = False
        house.clock.advance(SECOND)
        await housekeeper.tick(due)
        assert (await house.session(grant)).last_seen_at == house.clock.now() - SECOND

    async def test_unexpectedly_does_not_keep_the_others_from_their_turn(
        self, house: House, housekeeper: Housekeeper, complaints: Complaints
    ) -> None:
        async def purge(now: int, *, at_most: int) -> int:
            raise ZeroDivisionError

        house.store.purge = purge  # type: ignore[method-assign]
        due: dict[str, int] = {}
        await housekeeper.tick(due)
        assert complaints.told == [("purge", ZeroDivisionError)]
        assert set(due) == {chore.name for chore in housekeeper.chores()}
        assert due["purge"] == house.clock.now() + MINUTE


class TestTheEndOfTheProcess:
    async def test_writes_the_last_uses_down(self, house: House, housekeeper: Housekeeper) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        stop = asyncio.Event()
        running = asyncio.create_task(housekeeper.run(stop))
        await asyncio.sleep(0)
        house.clock.advance(HOUR)
        await house.enter(grant)
        stop.set()
        await running
        assert (await house.session(grant)).last_seen_at == house.clock.now()
