import asyncio

import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House, details
from watchword.domain.accounts import Status
from watchword.domain.errors import (
    SessionExpired,
    SessionRevoked,
    TokenInvalid,
    TokenReused,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, MINUTE, SECOND
from watchword.flows.grants import Grant

GRACE = 10 * SECOND


@pytest.fixture
async def grant(house: House) -> Grant:
    await house.register()
    return await house.sign_in()


async def require_live(house: House, grant: Grant) -> None:
    assert (await house.session(grant)).is_alive(house.clock.now())


async def require_ended_by_replay(house: House, grant: Grant) -> None:
    session = await house.session(grant)
    assert session.ended_reason is EndReason.REUSED
    assert session.ended_at == house.clock.now()


class TestRotation:
    async def test_brings_a_new_token_and_a_working_access_token(
        self, house: House, grant: Grant
    ) -> None:
        house.clock.advance(MINUTE)
        following = await house.refresh(grant.held)
        assert following.held != grant.held
        assert (await house.enter(following)).session.id == grant.session.id
        session = await house.session(grant)
        assert (session.generation, session.rotated_at) == (2, house.clock.now())

    async def test_goes_on_for_as_long_as_it_is_asked(self, house: House, grant: Grant) -> None:
        held = grant.held
        for _ in range(50):
            house.clock.advance(MINUTE)
            held = (await house.refresh(held)).held
        assert (await house.session(grant)).generation == 51

    async def test_leaves_the_earlier_access_token_as_it_is(
        self, house: House, grant: Grant
    ) -> None:
        await house.refresh(grant.held)
        await house.enter(grant)

    async def test_opens_no_step_up(self, house: House, grant: Grant) -> None:
        house.clock.advance(5 * MINUTE)
        caller = await house.enter(await house.refresh(grant.held))
        assert caller.session.authenticated_at == grant.session.authenticated_at

    async def test_carries_the_role_as_it_is_now(self, house: House, grant: Grant) -> None:
        await house.flows.users.change_role(None, grant.account.id, "admin", TRACE)
        following = await house.refresh(grant.held)
        assert following.account.role == "admin"
        assert (await house.enter(following)).account.role == "admin"

    async def test_starts_the_idle_time_again(self, house: House, grant: Grant) -> None:
        house.clock.advance(13 * DAY)
        following = await house.refresh(grant.held)
        house.clock.advance(13 * DAY)
        await house.refresh(following.held)


class TestALostAnswer:
    @pytest.mark.parametrize("after", [0, 1, GRACE - 1])
    async def test_r03_is_given_again_within_the_grace(
        self, house: House, grant: Grant, after: int
    ) -> None:
        lost = await house.refresh(grant.held)
        house.clock.advance(after)
        again = await house.refresh(grant.held)
        assert again.held == lost.held
        assert (await house.session(grant)).generation == 2
        await house.enter(again)

    async def test_r03_is_given_as_often_as_it_is_lost(self, house: House, grant: Grant) -> None:
        answers = {(await house.refresh(grant.held)).held for _ in range(20)}
        assert len(answers) == 1
        await require_live(house, grant)

    async def test_r03_of_a_retry_leads_on(self, house: House, grant: Grant) -> None:
        await house.refresh(grant.held)
        again = await house.refresh(grant.held)
        await house.refresh(again.held)
        assert (await house.session(grant)).generation == 3

    async def test_a_retry_does_not_make_the_window_longer(
        self, house: House, grant: Grant
    ) -> None:
        await house.refresh(grant.held)
        for _ in range(9):
            house.clock.advance(SECOND)
            await house.refresh(grant.held)
        house.clock.advance(SECOND)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        await require_ended_by_replay(house, grant)

    async def test_a_retry_is_no_use(self, house: House, grant: Grant) -> None:
        await house.refresh(grant.held)
        before = await house.session(grant)
        house.clock.advance(SECOND)
        await house.refresh(grant.held)
        assert await house.session(grant) == before

    async def test_the_window_counts_from_the_rotation_and_not_from_the_sign_in(
        self, house: House, grant: Grant
    ) -> None:
        house.clock.advance(DAY)
        lost = await house.refresh(grant.held)
        house.clock.advance(GRACE - 1)
        assert (await house.refresh(grant.held)).held == lost.held


class TestAReplay:
    @pytest.mark.parametrize("after", [GRACE, GRACE + 1, DAY])
    async def test_r01_of_a_used_token_ends_the_session(
        self, house: House, grant: Grant, after: int
    ) -> None:
        following = await house.refresh(grant.held)
        house.clock.advance(after)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        await require_ended_by_replay(house, grant)
        with pytest.raises(SessionRevoked):
            await house.refresh(following.held)

    async def test_r01_ends_the_access_token_of_the_thief_with_it(
        self, house: House, grant: Grant
    ) -> None:
        following = await house.refresh(grant.held)
        await house.enter(following)
        house.clock.advance(GRACE)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        for held in (grant, following):
            with pytest.raises(SessionRevoked):
                await house.enter(held)

    async def test_r01_is_written_down_with_what_was_presented(
        self, house: House, grant: Grant
    ) -> None:
        await house.refresh(grant.held)
        house.clock.advance(GRACE)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        (event,) = await house.events("session.token_reused")
        assert (event.subject, event.session) == (grant.account.id, grant.session.id)
        assert (event.at, event.trace) == (house.clock.now(), TRACE)
        assert details(event) == {"generation": 1, "current": 2}

    async def test_r04_of_an_older_generation_ends_it_within_the_grace_as_well(
        self, house: House, grant: Grant
    ) -> None:
        second = await house.refresh(grant.held)
        await house.refresh(second.held)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        await require_ended_by_replay(house, grant)

    async def test_r12_leaves_nothing_that_could_go_on(self, house: House, grant: Grant) -> None:
        held = [grant.held]
        for _ in range(4):
            held.append((await house.refresh(held[-1])).held)
        with pytest.raises(TokenReused):
            await house.refresh(held[0])
        for token in held:
            with pytest.raises(SessionRevoked):
                await house.refresh(token)
        assert len(await house.events("session.token_reused")) == 1

    async def test_r11_a_thief_and_the_owner_cannot_both_go_on(
        self, house: House, grant: Grant
    ) -> None:
        """Each goes on with the successor that was given to them; one step later both are out."""
        thief, owner = await house.refresh(grant.held), await house.refresh(grant.held)
        await house.refresh(thief.held)
        house.clock.advance(GRACE)
        with pytest.raises(TokenReused):
            await house.refresh(owner.held)
        await require_ended_by_replay(house, grant)

    async def test_r11_a_thief_who_comes_first_is_out_with_the_owners_next_refresh(
        self, house: House, grant: Grant
    ) -> None:
        thief = await house.refresh(grant.held)
        house.clock.advance(MINUTE)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        with pytest.raises(SessionRevoked):
            await house.refresh(thief.held)

    async def test_leaves_the_other_sessions_of_the_user_alone(
        self, house: House, grant: Grant
    ) -> None:
        other = await house.sign_in()
        await house.refresh(grant.held)
        house.clock.advance(GRACE)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        await house.refresh(other.held)


class TestATokenThatIsAheadOfTheStore:
    """The store had answered with it, and has lost that since: a fail-over, a restored backup."""

    @pytest.fixture
    def newest(self, house: House, grant: Grant) -> str:
        session = grant.session
        return house.flows.grants.refresh_tokens.make(session.id, 4, session.salt)

    async def test_goes_on_and_is_no_replay(self, house: House, grant: Grant, newest: str) -> None:
        following = await house.refresh(newest)
        assert (await house.session(grant)).generation == 5
        assert (await house.refresh(following.held)).held != following.held
        assert await house.events("session.token_reused") == []

    async def test_is_used_up_as_any_other(self, house: House, grant: Grant, newest: str) -> None:
        following = await house.refresh(newest)
        assert (await house.refresh(newest)).held == following.held
        house.clock.advance(GRACE)
        with pytest.raises(TokenReused):
            await house.refresh(newest)
        await require_ended_by_replay(house, grant)

    async def test_r01_does_not_let_one_from_behind_go_on(
        self, house: House, grant: Grant, newest: str
    ) -> None:
        await house.refresh(newest)
        with pytest.raises(TokenReused):
            await house.refresh(grant.held)
        await require_ended_by_replay(house, grant)

    async def test_r02_many_at_once_go_on_together(
        self, house: House, grant: Grant, newest: str
    ) -> None:
        answers = await asyncio.gather(*(house.refresh(newest) for _ in range(20)))
        assert {answer.held for answer in answers} == {answers[0].held}
        assert (await house.session(grant)).generation == 5

    async def test_r09_wakes_no_session_that_has_ended(
        self, house: House, grant: Grant, newest: str
    ) -> None:
        await house.flows.sessions.end(grant.session.id, EndReason.SIGNED_OUT, TRACE)
        with pytest.raises(SessionRevoked):
            await house.refresh(newest)


class TestWithoutAGrace:
    async def test_an_immediate_repeat_is_a_replay(self, open_house: OpenHouse) -> None:
        house = await open_house(refresh_grace=0)
        await house.register()
        grant = await house.sign_in()
        following = await house.refresh(grant.held)
        await house.refresh(following.held)
        with pytest.raises(TokenReused):
            await house.refresh(following.held)
        await require_ended_by_replay(house, grant)


class TestWhatIsNoTokenOfTheSession:
    @pytest.mark.parametrize(
        "garbage",
        ["", "wwr_", "wwr_a.1.b", "wwr_" + "a" * 500, "x" * 10_000, "wwr_é.1.x", "wwr_a.-1.AAAA"],
    )
    async def test_garbage_is_refused_and_nothing_happens(
        self, house: House, grant: Grant, garbage: str
    ) -> None:
        with pytest.raises(TokenInvalid):
            await house.refresh(garbage)
        await house.refresh(grant.held)

    async def test_s16_cut_longer_or_changed_it_is_refused_and_the_session_lives(
        self, house: House, grant: Grant
    ) -> None:
        held = grant.held
        session_id, generation, proof = held.removeprefix("wwr_").split(".")
        changed = "A" if proof[5] != "A" else "B"
        for forged in (
            held[:-1],
            held + "A",
            held + "=",
            f"wwr_{session_id}.{int(generation) + 1}.{proof}",
            f"wwr_{session_id}.0{generation}.{proof}",
            f"wwr_{session_id}.{generation}.{proof[:5]}{changed}{proof[6:]}",
            f"wws_{session_id}.{generation}.{proof}",
        ):
            with pytest.raises(TokenInvalid):
                await house.refresh(forged)
        await require_live(house, grant)
        await house.refresh(held)

    async def test_r08_an_access_token_does_not_refresh(self, house: House, grant: Grant) -> None:
        assert grant.access is not None
        with pytest.raises(TokenInvalid):
            await house.refresh(grant.access.text)

    async def test_r08_a_session_cookie_does_not_refresh(self, house: House, grant: Grant) -> None:
        cookie = (await house.sign_in(transport=Transport.SESSION)).held
        with pytest.raises(TokenInvalid):
            await house.refresh(cookie)

    async def test_a_token_made_with_another_salt_changes_nothing(
        self, house: House, grant: Grant
    ) -> None:
        """As after a restored backup: genuine by the key, but not of this row."""
        forged = house.flows.grants.refresh_tokens.make(grant.session.id, 1, b"another salt....")
        before = await house.session(grant)
        with pytest.raises(TokenInvalid):
            await house.refresh(forged)
        assert await house.session(grant) == before

    async def test_a_forged_older_generation_does_not_end_the_session(
        self, house: House, grant: Grant
    ) -> None:
        await house.refresh(grant.held)
        forged = house.flows.grants.refresh_tokens.make(grant.session.id, 0, b"another salt....")
        with pytest.raises(TokenInvalid):
            await house.refresh(forged)
        await require_live(house, grant)


class TestTheEnd:
    async def test_r10_comes_at_the_absolute_end_of_one_who_refreshes_every_minute(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house(session_absolute_ttl=120 * MINUTE, session_idle_ttl=60 * MINUTE)
        await house.register()
        grant = await house.sign_in()
        held = grant.held
        for _ in range(119):
            house.clock.advance(MINUTE)
            held = (await house.refresh(held)).held
        house.clock.advance(MINUTE - 1)
        last = await house.refresh(held)
        assert last.access is not None
        assert last.access.expires_in == 1
        house.clock.advance(1)
        with pytest.raises(SessionExpired):
            await house.refresh(last.held)

    async def test_comes_when_it_was_idle_for_too_long(self, house: House, grant: Grant) -> None:
        house.clock.advance(14 * DAY - 1)
        held = (await house.refresh(grant.held)).held
        house.clock.advance(14 * DAY)
        with pytest.raises(SessionExpired):
            await house.refresh(held)

    async def test_s13_use_of_an_access_token_keeps_the_session_from_being_idle(
        self, house: House, grant: Grant
    ) -> None:
        """To the millisecond, whether or not the use had been written down before."""
        house.clock.advance(MINUTE)
        await house.enter(grant)
        house.clock.advance(14 * DAY - 1)
        await house.refresh(grant.held)

    async def test_a_replay_of_an_expired_session_is_just_expired(
        self, house: House, grant: Grant
    ) -> None:
        await house.refresh(grant.held)
        house.clock.advance(30 * DAY)
        with pytest.raises(SessionExpired):
            await house.refresh(grant.held)
        assert await house.events("session.token_reused") == []

    async def test_r09_after_signing_out_no_token_refreshes(
        self, house: House, grant: Grant
    ) -> None:
        following = await house.refresh(grant.held)
        await house.flows.sessions.end(grant.session.id, EndReason.SIGNED_OUT, TRACE)
        for token in (grant.held, following.held):
            with pytest.raises(SessionRevoked):
                await house.refresh(token)

    async def test_r09_a_disabled_account_does_not_refresh_nor_after_it_is_enabled_again(
        self, house: House, grant: Grant
    ) -> None:
        for status in (Status.DISABLED, Status.ACTIVE):
            await house.flows.users.change_status(None, grant.account.id, status, TRACE)
            with pytest.raises(SessionRevoked):
                await house.refresh(grant.held)

    async def test_a07_a_deleted_account_does_not_refresh(self, house: House, grant: Grant) -> None:
        await house.flows.users.delete(await house.enter(grant), grant.account.id, TRACE)
        with pytest.raises(SessionRevoked):
            await house.refresh(grant.held)

    async def test_r09_a_changed_password_ends_the_others_and_keeps_this_one(
        self, house: House, grant: Grant
    ) -> None:
        other = await house.sign_in()
        caller = await house.enter(grant)
        change = house.flows.credentials.change_password
        await change(caller, PASSWORD, "a quite different phrase", TRACE, device=None)
        with pytest.raises(SessionRevoked):
            await house.refresh(other.held)
        await house.refresh(grant.held)


class TestManyAtOnce:
    async def test_r02_rotate_once_and_all_go_on(self, house: House, grant: Grant) -> None:
        answers = await asyncio.gather(*(house.refresh(grant.held) for _ in range(50)))
        assert {answer.held for answer in answers} == {answers[0].held}
        assert (await house.session(grant)).generation == 2
        for answer in answers:
            await house.enter(answer)

    async def test_r02_who_came_first_and_was_served_last_is_not_a_thief(
        self, house: House, grant: Grant
    ) -> None:
        """The one that waits for its turn has looked at the clock before the one that has it."""
        async with house.store.transaction() as unit:
            slow = asyncio.create_task(house.refresh(grant.held))
            await asyncio.sleep(0)
            house.clock.advance(3)
            await unit.sessions.rotate(grant.session.id, 1, now=house.clock.now())
        answer = await slow
        assert (await house.session(grant)).generation == 2
        await house.refresh(answer.held)
