import asyncio

import pytest

from tests.flows.house import ORIGIN, TRACE, House, details
from tests.flows.post import PostOffice
from watchword.domain.accounts import Account, Status
from watchword.domain.errors import Invalid, LinkInvalid, SessionLimitReached
from watchword.domain.letters import Reason
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import MINUTE
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival
from watchword.settings.choices import SessionLimit

ADA = "ada@example.com"
ARRIVAL = Arrival(transport=Transport.BODY, origin=ORIGIN, trace=TRACE)


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


@pytest.fixture
async def ada(house: House) -> Account:
    return await house.register()


async def link(house: House, post: PostOffice) -> tuple[str, str]:
    """A token from the mail, and what binds it to the browser that asked."""
    binding = await house.flows.by_mail.magic_links.request(ADA, TRACE)
    return (await post.one()).token, binding


async def complete(house: House, token: str, binding: str | None) -> Grant:
    outcome = await house.flows.by_mail.magic_links.complete(token, binding, ARRIVAL)
    assert isinstance(outcome, Grant)
    return outcome


class TestAMagicLink:
    async def test_signs_in_verifies_the_address_and_says_how(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        grant = await complete(house, *await link(house, post))
        assert (grant.account.id, grant.session.amr) == (ada.id, ("email",))
        assert grant.account.email_verified
        assert (await house.enter(grant)).account.email_verified
        [event] = await house.events("session.signed_in")
        assert details(event)["amr"] == "email"
        assert len(await house.events("account.email_verified")) == 1
        assert (await post.one()).reason is Reason.PASSWORD_REMOVED
        house.clock.advance(MINUTE)
        await complete(house, *await link(house, post))
        assert len(await house.events("account.email_verified")) == 1

    @pytest.mark.usefixtures("ada")
    async def test_p12_is_for_the_browser_that_asked_and_stays_good_for_it(
        self, house: House, post: PostOffice
    ) -> None:
        token, binding = await link(house, post)
        foreign = await house.flows.by_mail.magic_links.request("eve@example.com", TRACE)
        for held in (None, "", foreign, token, binding[:-1], "\ud800"):
            with pytest.raises(LinkInvalid):
                await complete(house, token, held)
        await complete(house, token, binding)

    @pytest.mark.usefixtures("ada")
    async def test_p01_of_many_at_once_opens_one_session(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        token, binding = await link(house, post)
        results = await asyncio.gather(
            *(complete(house, token, binding) for _ in range(50)), return_exceptions=True
        )
        assert sum(isinstance(result, Grant) for result in results) == 1
        assert sum(isinstance(result, LinkInvalid) for result in results) == 49
        assert len(await house.live(ada)) == 1

    @pytest.mark.usefixtures("ada")
    async def test_p02_of_two_the_last_is_good(self, house: House, post: PostOffice) -> None:
        first = await link(house, post)
        second = await link(house, post)
        with pytest.raises(LinkInvalid):
            await complete(house, *first)
        with pytest.raises(LinkInvalid):
            await complete(house, second[0], first[1])
        await complete(house, *second)

    @pytest.mark.usefixtures("ada")
    async def test_lasts_ten_minutes(self, house: House, post: PostOffice) -> None:
        token, binding = await link(house, post)
        house.clock.advance(10 * MINUTE)
        with pytest.raises(LinkInvalid):
            await complete(house, token, binding)

    @pytest.mark.parametrize("status", [Status.DISABLED, None])
    async def test_a07_is_dead_with_its_account(
        self, house: House, post: PostOffice, ada: Account, status: Status | None
    ) -> None:
        token, binding = await link(house, post)
        if status is not None:
            await house.flows.users.change_status(None, ada.id, status, TRACE)
        else:
            async with house.store.transaction() as unit:
                await unit.accounts.delete(ada.id)
        with pytest.raises(LinkInvalid):
            await complete(house, token, binding)
        assert await house.live(ada) == []

    async def test_that_finds_no_room_for_a_session_stays_good(self) -> None:
        house = await House.open(max_sessions=1, session_limit=SessionLimit.REJECT)
        post = PostOffice(house)
        await house.register()
        held = await complete(house, *await link(house, post))
        await post.one()  # about the password, for that was the first proof of the address
        token, binding = await link(house, post)
        with pytest.raises(SessionLimitReached):
            await complete(house, token, binding)
        await house.flows.sessions.end(held.session.id, EndReason.SIGNED_OUT, TRACE)
        await complete(house, token, binding)
        await house.close()

    async def test_e04_for_an_unknown_address_is_the_same_to_who_asks(
        self, house: House, post: PostOffice
    ) -> None:
        binding = await house.flows.by_mail.magic_links.request("nobody@example.com", TRACE)
        assert len(binding) == 43
        assert await post.deliver() == []
        with pytest.raises(Invalid):
            await house.flows.by_mail.magic_links.request("no address", TRACE)

    async def test_above_the_limit_a_browser_gets_its_secret_all_the_same(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        bindings = {await house.flows.by_mail.magic_links.request(ADA, TRACE) for _ in range(5)}
        assert len(bindings) == 5
        assert {len(binding) for binding in bindings} == {43}
        assert [mail.to for mail in await post.deliver()] == [ada.email.text] * 3
