import asyncio
from collections.abc import Sequence

import pytest

from tests.driving import PASSWORD
from tests.flows.house import TRACE, House, details
from watchword.domain.errors import (
    Invalid,
    InvalidCredentials,
    PasswordRefused,
    PasswordTooShort,
    SessionRevoked,
    StepUpRequired,
    TokenExpired,
    WrongCurrentPassword,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import MINUTE
from watchword.flows.grants import Grant

NEW = "a quite different phrase"
STEP_UP = 5 * MINUTE


@pytest.fixture
async def grant(house: House) -> Grant:
    await house.register()
    return await house.sign_in()


async def change(house: House, grant: Grant, current: str = PASSWORD, new: str = NEW) -> None:
    caller = await house.enter(grant)
    await house.flows.credentials.change_password(caller, current, new, TRACE, device=None)


async def reauthenticate(house: House, grant: Grant, password: str = PASSWORD) -> Grant:
    caller = await house.enter(grant)
    return await house.flows.credentials.reauthenticate(caller, password, TRACE, device=None)


class TestChangingThePassword:
    async def test_lets_the_new_one_in_and_the_old_one_not(
        self, house: House, grant: Grant
    ) -> None:
        await change(house, grant)
        with pytest.raises(InvalidCredentials):
            await house.sign_in()
        await house.sign_in(password=NEW)

    async def test_r09_ends_every_other_session_and_keeps_this_one(
        self, house: House, grant: Grant
    ) -> None:
        others = [await house.sign_in(transport=transport) for transport in Transport]
        for other in others:
            await house.enter(other)
        await change(house, grant)
        for other in others:
            with pytest.raises(SessionRevoked):
                await house.enter(other)
            assert (await house.session(other)).ended_reason is EndReason.PASSWORD_CHANGED
        await house.enter(await house.refresh(grant.held))

    async def test_is_written_down(self, house: House, grant: Grant) -> None:
        await change(house, grant)
        (event,) = await house.events("credential.password_changed")
        assert (event.subject, event.session) == (grant.account.id, grant.session.id)
        assert NEW not in repr(event)

    async def test_needs_the_old_one(self, house: House, grant: Grant) -> None:
        """ASVS 6.2.3."""
        with pytest.raises(WrongCurrentPassword):
            await change(house, grant, current="a guess of a phrase")
        await house.sign_in()
        assert await house.events("credential.password_changed") == []

    @pytest.mark.parametrize(
        ("new", "refusal"),
        [
            ("short", PasswordTooShort),
            ("", PasswordTooShort),
            ("ada@example.com", PasswordRefused),
            (PASSWORD, Invalid),
            ("x" * 1_025, PasswordRefused),
        ],
    )
    async def test_to_one_that_is_refused_changes_nothing_and_names_the_field(
        self, house: House, grant: Grant, new: str, refusal: type[Invalid]
    ) -> None:
        other = await house.sign_in()
        with pytest.raises(refusal) as refused:
            await change(house, grant, new=new)
        assert [error.field for error in refused.value.errors] == ["newPassword"]
        await house.enter(other)
        await house.sign_in()

    async def test_to_the_same_one_in_another_unicode_form_is_refused(self, house: House) -> None:
        await house.register("zoe@example.com", "crème brûlée à la plage")
        grant = await house.sign_in("zoe@example.com", "crème brûlée à la plage")
        decomposed = "cre\u0300me bru\u0302le\u0301e a\u0300 la plage"
        with pytest.raises(Invalid, match="other than the present"):
            await change(house, grant, "crème brûlée à la plage", decomposed)

    async def test_of_two_at_once_one_wins(self, house: House, grant: Grant) -> None:
        phrases = ("the first of two phrases", "the second of two phrases")
        told = await asyncio.gather(
            *(change(house, grant, new=phrase) for phrase in phrases), return_exceptions=True
        )
        assert told.count(None) == 1
        assert sum(isinstance(answer, WrongCurrentPassword) for answer in told) == 1
        opened = await asyncio.gather(
            *(house.sign_in(password=phrase) for phrase in phrases), return_exceptions=True
        )
        assert sum(isinstance(answer, Grant) for answer in opened) == 1


class TestReauthenticating:
    async def test_opens_step_up_for_five_minutes(self, house: House, grant: Grant) -> None:
        house.clock.advance(STEP_UP - 1)
        (await house.enter(grant)).require_fresh(house.clock.now(), STEP_UP)
        house.clock.advance(1)
        stale = await house.refresh(grant.held)
        caller = await house.enter(stale)
        with pytest.raises(StepUpRequired):
            caller.require_fresh(house.clock.now(), STEP_UP)
        fresh = await reauthenticate(house, stale)
        (await house.enter(fresh)).require_fresh(house.clock.now(), STEP_UP)

    async def test_s01_leaves_the_access_tokens_of_before_dead(
        self, house: House, grant: Grant
    ) -> None:
        """ASVS 7.2.4."""
        fresh = await reauthenticate(house, grant)
        with pytest.raises(TokenExpired):
            await house.enter(grant)
        assert (await house.enter(fresh)).session.id == grant.session.id

    async def test_leaves_the_refresh_token_as_it_is(self, house: House, grant: Grant) -> None:
        fresh = await reauthenticate(house, grant)
        assert fresh.held == grant.held
        await house.enter(await house.refresh(grant.held))

    async def test_s01_replaces_a_session_cookie(self, house: House, grant: Grant) -> None:
        cookie = await house.sign_in(transport=Transport.SESSION)
        fresh = await reauthenticate(house, cookie)
        with pytest.raises(SessionRevoked):
            await house.enter(cookie)
        await house.enter(fresh)

    async def test_with_a_wrong_password_changes_nothing(self, house: House, grant: Grant) -> None:
        before = await house.session(grant)
        with pytest.raises(WrongCurrentPassword):
            await reauthenticate(house, grant, "a guess of a phrase")
        assert await house.session(grant) == before
        await house.enter(grant)

    async def test_is_written_down(self, house: House, grant: Grant) -> None:
        await reauthenticate(house, grant)
        (event,) = await house.events("session.reauthenticated")
        assert (event.session, details(event)) == (grant.session.id, {"amr": "pwd"})

    async def test_r09_does_not_bring_a_session_back_that_ended_meanwhile(
        self, house: House, grant: Grant
    ) -> None:
        caller = await house.enter(grant)
        await house.flows.sessions.end(grant.session.id, EndReason.REVOKED, TRACE)
        prove = house.flows.credentials.reauthenticate
        with pytest.raises(SessionRevoked):
            await prove(caller, PASSWORD, TRACE, device=None)
        assert (await house.session(grant)).ended_reason is EndReason.REVOKED

    async def test_of_many_at_once_moves_the_proof_on_once(
        self, house: House, grant: Grant
    ) -> None:
        callers = [await house.enter(grant) for _ in range(4)]
        prove = house.flows.credentials.reauthenticate
        told: Sequence[Grant | BaseException] = await asyncio.gather(
            *(prove(caller, PASSWORD, TRACE, device=None) for caller in callers),
            return_exceptions=True,
        )
        assert (await house.session(grant)).proof == 2
        assert sum(isinstance(answer, Grant) for answer in told) == 1

    async def test_of_somebody_deleted_meanwhile_is_refused(
        self, house: House, grant: Grant
    ) -> None:
        caller = await house.enter(grant)
        await house.flows.users.delete(caller, grant.account.id, TRACE)
        prove = house.flows.credentials.reauthenticate
        with pytest.raises(SessionRevoked):
            await prove(caller, PASSWORD, TRACE, device=None)
