"""A second factor that was lost is removed by somebody else, who is written down."""

import pytest

from tests.flows.house import TRACE, House
from tests.flows.second_factor import Owner, an_owner, try_password
from watchword.domain.errors import Conflict, Forbidden, NotFound
from watchword.domain.standing import Caller
from watchword.flows.grants import Grant

GRACE = "grace@example.com"


@pytest.fixture
async def ada(house: House) -> Owner:
    return await an_owner(house)


async def an_administrator(house: House, email: str = GRACE) -> Caller:
    account = await house.register(email)
    await house.flows.users.change_role(None, account.id, "admin", TRACE)
    return await house.enter(await house.sign_in(email))


class TestAReset:
    async def test_lets_the_owner_in_by_the_password(self, house: House, ada: Owner) -> None:
        await house.flows.factors.reset(await an_administrator(house), ada.account.id, TRACE)
        assert isinstance(await try_password(house), Grant)

    async def test_a09_names_who_did_it_in_which_session(self, house: House, ada: Owner) -> None:
        grace = await an_administrator(house)
        await house.flows.factors.reset(grace, ada.account.id, TRACE)
        (event,) = await house.events("credential.mfa_disabled")
        assert (event.subject, event.actor) == (ada.account.id, grace.account.id)
        assert event.session == grace.session.id

    async def test_by_the_operators_command_names_nobody(self, house: House, ada: Owner) -> None:
        await house.flows.factors.reset(None, ada.account.id, TRACE)
        (event,) = await house.events("credential.mfa_disabled")
        assert (event.subject, event.actor, event.session) == (ada.account.id, None, None)


class TestNothingIsRemoved:
    async def test_a08_of_ones_own(self, house: House, ada: Owner) -> None:
        await house.flows.users.change_role(None, ada.account.id, "admin", TRACE)
        with pytest.raises(Conflict):
            await house.flows.factors.reset(ada.caller, ada.account.id, TRACE)
        assert not isinstance(await try_password(house), Grant)

    async def test_a05_of_somebody_who_may_more(self, house: House, ada: Owner) -> None:
        await house.flows.users.change_role(None, ada.account.id, "admin", TRACE)
        await house.register("bob@example.com")
        bob = await house.enter(await house.sign_in("bob@example.com"))
        with pytest.raises(Forbidden):
            await house.flows.factors.reset(bob, ada.account.id, TRACE)
        assert not isinstance(await try_password(house), Grant)
        assert await house.events("credential.mfa_disabled") == []

    async def test_of_who_has_none_or_is_nobody(self, house: House) -> None:
        grace = await an_administrator(house)
        bob = await house.register("bob@example.com")
        with pytest.raises(Conflict):
            await house.flows.factors.reset(grace, bob.id, TRACE)
        with pytest.raises(NotFound):
            await house.flows.factors.reset(grace, "nobody", TRACE)
        assert await house.events("credential.mfa_disabled") == []
