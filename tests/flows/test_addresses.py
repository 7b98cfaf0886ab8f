import asyncio

import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House
from tests.flows.post import PostOffice, Taken
from watchword.domain.accounts import Account, Status
from watchword.domain.errors import Invalid, LinkInvalid, RateLimited
from watchword.domain.letters import Reason
from watchword.domain.standing import Caller
from watchword.domain.time import DAY, HOUR

ADA, NEW, OTHER = "ada@example.com", "new@example.org", "other@example.net"


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


@pytest.fixture
async def ada(house: House) -> Caller:
    await house.register()
    return await house.enter(await house.sign_in())


async def change_to(house: House, post: PostOffice, caller: Caller, address: str) -> Taken:
    """The mail to the new address."""
    await house.flows.by_mail.addresses.request_change(caller, address, TRACE)
    return {mail.to: mail for mail in await post.deliver()}[address]


async def now(house: House, caller: Caller) -> Account:
    account = await house.store.reading.accounts.find(caller.account.id)
    assert account is not None
    return account


class TestConfirming:
    async def test_verifies_the_address_once_and_says_so(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        token = (await post.one()).token
        account = await house.flows.by_mail.addresses.confirm(token, TRACE)
        assert account.email_verified
        assert (await now(house, ada)).email_verified
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(token, TRACE)
        [event] = await house.events("account.email_verified")
        assert event.subject == ada.account.id

    @pytest.mark.usefixtures("ada")
    async def test_is_asked_for_no_more_once_it_is_done(
        self, house: House, post: PostOffice
    ) -> None:
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        await house.flows.by_mail.addresses.confirm((await post.one()).token, TRACE)
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        assert await post.deliver() == []

    @pytest.mark.usefixtures("ada")
    async def test_ends_after_a_day(self, house: House, post: PostOffice) -> None:
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        token = (await post.one()).token
        house.clock.advance(DAY)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(token, TRACE)

    @pytest.mark.usefixtures("ada")
    async def test_p07_takes_no_link_of_another_purpose(
        self, house: House, post: PostOffice
    ) -> None:
        await house.flows.by_mail.recovery.forgot(ADA, TRACE)
        token = (await post.one()).token
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(token, TRACE)
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        other = (await post.one()).token
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(other, "marble otter lantern quay", TRACE)
        await house.flows.by_mail.recovery.reset(token, "marble otter lantern quay", TRACE)

    async def test_a07_is_refused_to_a_disabled_account(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        token = (await post.one()).token
        await house.flows.users.change_status(None, ada.account.id, Status.DISABLED, TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(token, TRACE)
        assert not (await now(house, ada)).email_verified


class TestAChange:
    async def test_takes_effect_with_the_link_and_tells_both(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        mail = await change_to(house, post, ada, NEW)
        assert (await now(house, ada)).email.text == ADA
        account = await house.flows.by_mail.addresses.confirm(mail.token, TRACE)
        assert (account.email.text, account.email_verified) == (NEW, True)
        told = await post.deliver()
        assert {mail.reason for mail in told} == {Reason.EMAIL_CHANGED}
        assert sorted(mail.to for mail in told) == [ADA, NEW]
        assert {mail.facts["detail"] for mail in told} == {NEW}

    async def test_of_two_the_last_asked_for_is_the_one_that_counts(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        first = await change_to(house, post, ada, NEW)
        second = await change_to(house, post, ada, OTHER)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(first.token, TRACE)
        assert (
            await house.flows.by_mail.addresses.confirm(second.token, TRACE)
        ).email.text == OTHER

    async def test_p08_is_cancelled_by_a_new_password(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        mail = await change_to(house, post, ada, NEW)
        await house.flows.credentials.change_password(
            ada, PASSWORD, "marble otter lantern quay", TRACE, device=None
        )
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(mail.token, TRACE)
        assert [mail.reason for mail in await post.deliver()] == [Reason.PASSWORD_CHANGED]

    async def test_a07_is_cancelled_by_disabling_though_enabled_again(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        """A thief's change of address does not outlive what an administrator did against it."""
        mail = await change_to(house, post, ada, NEW)
        await house.flows.by_mail.addresses.request_change(ada, OTHER, TRACE)
        for status in (Status.DISABLED, Status.ACTIVE):
            await house.flows.users.change_status(None, ada.account.id, status, TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(mail.token, TRACE)
        assert [mail.to for mail in await post.deliver()] == [ADA]
        assert (await now(house, ada)).email.text == ADA

    async def test_p06_voids_what_was_mailed_to_the_old_address(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        await house.flows.by_mail.recovery.forgot(ADA, TRACE)
        reset = (await post.one()).token
        mail = await change_to(house, post, ada, NEW)
        await house.flows.by_mail.addresses.confirm(mail.token, TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(reset, "marble otter lantern quay", TRACE)

    async def test_e07_to_a_taken_address_tells_its_owner_and_nobody_else(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        await house.register(OTHER)
        await house.flows.by_mail.addresses.request_change(ada, OTHER, TRACE)
        mails = {mail.to: mail for mail in await post.deliver()}
        assert mails[OTHER].reason is Reason.ALREADY_REGISTERED
        assert mails[OTHER].facts["link"] == "https://id.example"
        assert mails[ADA].reason is Reason.EMAIL_CHANGE_REQUESTED
        assert await house.events("mail.link_sent") == []

    async def test_to_an_address_taken_meanwhile_changes_nothing(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        mail = await change_to(house, post, ada, NEW)
        await house.register(NEW)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(mail.token, TRACE)
        assert (await now(house, ada)).email.text == ADA
        assert await post.deliver() == []

    async def test_p01_of_many_at_once_happens_once(
        self, house: House, post: PostOffice, ada: Caller
    ) -> None:
        mail = await change_to(house, post, ada, NEW)
        results = await asyncio.gather(
            *(house.flows.by_mail.addresses.confirm(mail.token, TRACE) for _ in range(50)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Account) for result in results) == 1
        assert sum(isinstance(result, LinkInvalid) for result in results) == 49
        assert len(await house.events("account.email_changed")) == 1

    @pytest.mark.parametrize("own", [ADA, "ADA@example.com", " Ada@EXAMPLE.com."])
    async def test_to_ones_own_address_in_any_spelling_is_refused(
        self, house: House, post: PostOffice, ada: Caller, own: str
    ) -> None:
        with pytest.raises(Invalid) as raised:
            await house.flows.by_mail.addresses.request_change(ada, own, TRACE)
        assert [error.field for error in raised.value.errors] == ["newEmail"]
        assert await post.deliver() == []

    async def test_above_the_limit_of_an_address_is_refused_and_leaves_nothing(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house()
        post = PostOffice(house)
        await house.register()
        ada = await house.enter(await house.sign_in())
        for _ in range(3):
            await house.flows.by_mail.recovery.forgot(NEW, TRACE)
        with pytest.raises(RateLimited) as raised:
            await house.flows.by_mail.addresses.request_change(ada, NEW.upper(), TRACE)
        assert raised.value.retry_after == HOUR
        assert await post.deliver() == []
        assert await house.events("account.email_change_requested") == []
