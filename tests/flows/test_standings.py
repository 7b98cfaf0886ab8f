import asyncio
from collections.abc import Sequence

import pytest

from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, CountedStore, House
from watchword.adapters.memory.sessions import MemorySessions
from watchword.domain.errors import SessionExpired, SessionRevoked, Unavailable
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.flows.standings import Standings
from watchword.ports import Change, Standing

IDLE = 14 * DAY
STALE = 5 * MINUTE  # how far the store may lag behind, for an idle time of this length


class Silent:
    """Revocations of a store that can be reached no more."""

    def news(self) -> Sequence[Change] | None:
        raise Unavailable


@pytest.fixture
def store() -> CountedStore:
    return CountedStore()


@pytest.fixture
async def house(open_house: OpenHouse, store: CountedStore) -> House:
    return await open_house(store=store, max_sessions=100)


class TestWhoMayComeIn:
    async def test_one_whose_session_lives(self, house: House) -> None:
        account = await house.register()
        caller = await house.enter(await house.sign_in())
        assert caller.account == account

    async def test_nobody_by_a_session_that_never_was(self, house: House) -> None:
        house.flows.standings.catch_up()
        with pytest.raises(SessionRevoked):
            await house.flows.standings.admit("s-nowhere", house.clock.now())

    async def test_nobody_by_a_session_that_was_ended_be_it_known_here_or_not(
        self, house: House
    ) -> None:
        await house.register()
        known, unknown = await house.sign_in(), await house.sign_in()
        await house.enter(known)
        for grant in (known, unknown):
            await house.flows.sessions.end(grant.session.id, EndReason.REVOKED, TRACE)
            for _ in range(2):
                with pytest.raises(SessionRevoked):
                    await house.enter(grant)

    async def test_x07_nobody_by_an_ended_session_when_the_clock_is_set_back(
        self, house: House
    ) -> None:
        await house.register()
        grant = await house.sign_in()
        await house.enter(grant)
        await house.flows.sessions.end(grant.session.id, EndReason.REVOKED, TRACE)
        with pytest.raises(SessionRevoked):
            await house.enter(grant)
        for _ in range(3):
            house.clock.advance(-HOUR)
            with pytest.raises(SessionRevoked):
                await house.enter(grant)

    async def test_nobody_while_it_cannot_be_known_what_has_changed(self, house: House) -> None:
        """ASVS 16.5.3: never fails open."""
        await house.register()
        grant = await house.sign_in()
        await house.enter(grant)
        house.flows.standings._revocations = Silent()
        with pytest.raises(Unavailable):
            await house.enter(grant)
        with pytest.raises(Unavailable):
            await house.refresh(grant.held)

    async def test_everybody_when_there_are_more_than_are_kept_in_mind(self, house: House) -> None:
        shared, account = house.shared, await house.register()
        small = Standings(
            house.store,
            house.store.revocations,
            shared.keyring,
            house.ground.settings.roles,
            meter=house.ground.meter,
            capacity=3,
        )
        sessions = [(await house.sign_in()).session.id for _ in range(8)]
        for session_id in sessions * 2:
            small.catch_up()
            caller = await small.admit(session_id, house.clock.now())
            assert caller.account == account
        assert len(small._pictures) == 3
        assert {id_ for kept in small._of_user.values() for id_ in kept} == set(small._pictures)


class SlowToAnswer(MemorySessions):
    """What was read is told when the test says so."""

    def __init__(self, sessions: MemorySessions) -> None:
        super().__init__(sessions._place)
        self.has_read, self.may_tell = asyncio.Event(), asyncio.Event()

    async def find(self, session_id: str) -> Standing | None:
        standing = await super().find(session_id)
        self.has_read.set()
        await self.may_tell.wait()
        return standing


class TestALookThatIsUnderWay:
    async def test_s15_leaves_no_picture_of_a_session_that_is_forgotten_meanwhile(
        self, house: House, store: CountedStore
    ) -> None:
        await house.register()
        grant = await house.sign_in()
        standings, session_id = house.flows.standings, grant.session.id
        standings.forget(session_id)
        slow = store.reading.sessions = SlowToAnswer(store.reading.sessions)
        looking = asyncio.create_task(standings.admit(session_id, house.clock.now()))
        await slow.has_read.wait()
        await house.flows.sessions.end(session_id, EndReason.REVOKED, TRACE)
        standings.forget(session_id)
        slow.may_tell.set()
        assert (await looking).session.id == session_id  # it began before
        with pytest.raises(SessionRevoked):
            await standings.admit(session_id, house.clock.now())


class TestWhatIsTrueNow:
    async def test_the_role_is_that_of_the_next_request(self, house: House) -> None:
        account = await house.register()
        grant = await house.sign_in()
        assert (await house.enter(grant)).permissions == frozenset()
        await house.flows.users.change_role(None, account.id, "admin", TRACE)
        assert (await house.enter(grant)).permissions
        await house.register_admin()
        await house.flows.users.change_role(None, account.id, "user", TRACE)
        assert (await house.enter(grant)).permissions == frozenset()

    async def test_the_name_is_that_of_the_next_request(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in()
        await house.flows.users.rename(await house.enter(grant), "Ada", TRACE)
        assert (await house.enter(grant)).account.name == "Ada"

    async def test_a_role_that_is_not_configured_any_more_permits_nothing(
        self, house: House
    ) -> None:
        account = await house.register()
        async with house.store.transaction() as unit:
            await unit.accounts.change_role(account.id, "retired-role")
        assert (await house.enter(await house.sign_in())).permissions == frozenset()


class TestIdleTime:
    @pytest.mark.parametrize("used_after", [1, STALE - 1, STALE, HOUR, DAY])
    @pytest.mark.parametrize("flushed", [True, False])
    async def test_s13_counts_from_the_last_use_written_down_or_not(
        self, house: House, used_after: int, flushed: bool
    ) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        house.clock.advance(used_after)
        await house.enter(grant)
        if flushed:
            await house.flows.standings.flush()
        house.clock.advance(IDLE - 1)
        await house.enter(grant)
        house.clock.advance(IDLE)
        with pytest.raises(SessionExpired):
            await house.enter(grant)

    async def test_is_the_same_for_the_store_and_for_this_process(self, house: House) -> None:
        """No session lives on here that every other process takes for dead."""
        account = await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        house.clock.advance(STALE - 1)
        await house.enter(grant)
        await house.flows.standings.flush()
        house.clock.advance(IDLE - 1)
        await house.enter(grant)
        assert await house.live(account) == [grant.session.id]
        assert (await house.session(grant)).last_seen_at == house.clock.now() - (IDLE - 1)

    async def test_that_has_run_out_stays_so(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        house.clock.advance(IDLE)
        for _ in range(3):
            with pytest.raises(SessionExpired):
                await house.enter(grant)
            await house.flows.standings.flush()
        assert not (await house.session(grant)).is_alive(house.clock.now())

    async def test_s13_never_reaches_past_the_absolute_end(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        for _ in range(29):
            house.clock.advance(DAY)
            await house.enter(grant)
            await house.flows.standings.flush()
        house.clock.advance(DAY - 1)
        await house.enter(grant)
        house.clock.advance(1)
        with pytest.raises(SessionExpired):
            await house.enter(grant)

    async def test_of_a_second_is_kept_alive_by_use(self, open_house: OpenHouse) -> None:
        """Uses are written down about once a second: as rarely as such a session lives."""
        house = await open_house(session_idle_ttl=SECOND)
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        for _ in range(40):
            house.clock.advance(SECOND - 1)
            await house.enter(grant)


class TestWritingUsesDown:
    async def test_waits_until_the_store_lags_behind_far_enough(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        for wait, written in ((STALE - 1, 0), (1, 1), (STALE - 1, 0), (1, 1)):
            house.clock.advance(wait)
            await house.enter(grant)
            assert await house.flows.standings.flush() == written
        assert (await house.session(grant)).last_seen_at == house.clock.now()

    async def test_of_many_is_one_transaction(self, house: House, store: CountedStore) -> None:
        await house.register()
        grants = [await house.sign_in(transport=Transport.SESSION) for _ in range(20)]
        house.clock.advance(HOUR)
        for grant in grants:
            await house.enter(grant)
        before = store.transactions
        assert await house.flows.standings.flush() == 20
        assert store.transactions == before + 1
        for grant in grants:
            assert (await house.session(grant)).last_seen_at == house.clock.now()

    async def test_of_none_asks_nothing_of_the_store(
        self, house: House, store: CountedStore
    ) -> None:
        before = store.transactions
        assert await house.flows.standings.flush() == 0
        assert store.transactions == before

    async def test_that_failed_is_made_up_for(self, house: House, store: CountedStore) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        house.clock.advance(HOUR)
        await house.enter(grant)
        store.is_down = True
        with pytest.raises(Unavailable):
            await house.flows.standings.flush()
        store.is_down = False
        assert await house.flows.standings.flush() == 1
        assert (await house.session(grant)).last_seen_at == house.clock.now()

    async def test_brings_no_ended_session_back(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in(transport=Transport.SESSION)
        house.clock.advance(HOUR)
        await house.enter(grant)
        await house.flows.sessions.end(grant.session.id, EndReason.REVOKED, TRACE)
        ended = await house.session(grant)
        await house.flows.standings.flush()
        assert await house.session(grant) == ended


class TestAUseThatIsNotWrittenDownYet:
    @pytest.mark.parametrize("door", ["access", "refresh"])
    async def test_s13_outlives_its_picture(self, house: House, door: str) -> None:
        """Somebody changes the name at the brink of the idle end, before the second is over."""
        await house.register()
        grant = await house.sign_in()
        house.clock.advance(grant.session.idle_ttl - 1)
        access = await house.flows.grants.access_token(
            grant.account, grant.session, now=house.clock.now()
        )
        await house.flows.access.by_access_token(access.text)
        async with house.store.transaction() as unit:
            await unit.accounts.rename(grant.account.id, "Ada L.")
        house.flows.standings.catch_up()
        house.clock.advance(500)
        if door == "access":
            await house.flows.access.by_access_token(access.text)
        else:
            await house.refresh(grant.held)

    async def test_is_none_after_a_refresh_which_has_written_it(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in()
        await house.enter(grant)
        house.clock.advance(DAY)
        await house.refresh(grant.held)
        assert (await house.session(grant)).last_seen_at == house.clock.now()
        assert house.flows.standings.last_seen(grant.session) == house.clock.now()
        assert await house.flows.standings.flush() == 0
