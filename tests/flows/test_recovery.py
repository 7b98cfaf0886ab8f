import asyncio

import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House
from tests.flows.post import PostOffice
from watchword.domain.accounts import Account, Status
from watchword.domain.errors import (
    Invalid,
    InvalidCredentials,
    LinkInvalid,
    PasswordRefused,
    SessionRevoked,
)
from watchword.domain.letters import Reason
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import HOUR, MINUTE

ADA, NEW, OTHER = "ada@example.com", "marble otter lantern quay", "violet heron paper kiln"


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


@pytest.fixture
async def ada(house: House) -> Account:
    return await house.register()


def hashes(house: House) -> list[str]:
    lines = house.ground.meter.render().decode().splitlines()
    return [line for line in lines if line.startswith("watchword_hashing_wait_seconds_count")]


async def reset_link(house: House, post: PostOffice) -> str:
    await house.flows.by_mail.recovery.forgot(ADA, TRACE)
    return (await post.one()).token


class TestAReset:
    async def test_replaces_the_password_and_verifies_the_address(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        await house.flows.by_mail.recovery.reset(await reset_link(house, post), NEW, TRACE)
        with pytest.raises(InvalidCredentials):
            await house.sign_in(password=PASSWORD)
        assert (await house.sign_in(password=NEW)).account.email_verified
        [event] = await house.events("credential.password_reset")
        assert (event.subject, event.actor) == (ada.id, ada.id)

    async def test_p05_ends_every_session_of_every_kind_and_says_how_many(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        grants = [await house.sign_in(transport=transport) for transport in Transport]
        await house.flows.by_mail.recovery.reset(await reset_link(house, post), NEW, TRACE)
        for grant in grants:
            with pytest.raises(SessionRevoked):
                await house.enter(grant)
            assert (await house.session(grant)).ended_reason is EndReason.PASSWORD_RESET
        assert await house.live(ada) == []
        [event] = await house.events("session.all_ended")
        assert event.details == '{"reason":"password_reset","count":3}'

    @pytest.mark.usefixtures("ada")
    async def test_p01_of_many_at_once_happens_once(self, house: House, post: PostOffice) -> None:
        token = await reset_link(house, post)
        passwords = [f"{NEW} {number}" for number in range(20)]
        results = await asyncio.gather(
            *(house.flows.by_mail.recovery.reset(token, password, TRACE) for password in passwords),
            return_exceptions=True,
        )
        [winner] = [p for p, result in zip(passwords, results, strict=True) if result is None]
        assert {type(result) for result in results} == {type(None), LinkInvalid}
        await house.sign_in(password=winner)
        assert len(await house.events("credential.password_reset")) == 1

    @pytest.mark.usefixtures("ada")
    async def test_p08_ends_a_pending_change_of_address_sent_or_not(
        self, house: House, post: PostOffice
    ) -> None:
        caller = await house.enter(await house.sign_in())
        await house.flows.by_mail.addresses.request_change(caller, "evil@example.org", TRACE)
        pending = {mail.to: mail for mail in await post.deliver()}["evil@example.org"]
        token = await reset_link(house, post)
        await house.flows.by_mail.addresses.request_change(caller, "evil@example.org", TRACE)
        await house.flows.by_mail.recovery.reset(token, NEW, TRACE)
        told = {mail.reason for mail in await post.deliver()}
        assert told == {Reason.EMAIL_CHANGE_REQUESTED, Reason.PASSWORD_RESET}
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.addresses.confirm(pending.token, TRACE)

    async def test_a07_is_none_for_an_account_disabled_since_even_when_enabled_again(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        token = await reset_link(house, post)
        for status in (Status.DISABLED, Status.ACTIVE):
            await house.flows.users.change_status(None, ada.id, status, TRACE)
            with pytest.raises(LinkInvalid):
                await house.flows.by_mail.recovery.reset(token, NEW, TRACE)
        await house.sign_in()

    @pytest.mark.usefixtures("ada")
    async def test_p06_is_none_for_an_address_changed_since(
        self, house: House, post: PostOffice
    ) -> None:
        caller = await house.enter(await house.sign_in())
        await house.flows.by_mail.addresses.request_change(caller, "new@example.org", TRACE)
        confirm = {mail.to: mail for mail in await post.deliver()}["new@example.org"].token
        token = await reset_link(house, post)
        await house.flows.by_mail.addresses.confirm(confirm, TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(token, NEW, TRACE)
        await house.sign_in("new@example.org")

    @pytest.mark.usefixtures("ada")
    async def test_p07_that_is_refused_leaves_the_link_and_the_old_password(
        self, house: House, post: PostOffice
    ) -> None:
        token = await reset_link(house, post)
        for password, refusal in (
            ("short", PasswordRefused),
            (ADA, PasswordRefused),
            (PASSWORD, Invalid),
        ):
            with pytest.raises(refusal) as raised:
                await house.flows.by_mail.recovery.reset(token, password, TRACE)
            assert [error.field for error in raised.value.errors] == ["newPassword"]
        await house.sign_in()
        await house.flows.by_mail.recovery.reset(token, NEW, TRACE)

    @pytest.mark.usefixtures("ada")
    async def test_with_a_guessed_token_costs_no_hashing(self, house: House) -> None:
        before = hashes(house)
        for token in ("", "x" * 43, "\ud800", "x" * 4_096):
            with pytest.raises(LinkInvalid):
                await house.flows.by_mail.recovery.reset(token, NEW, TRACE)
        assert hashes(house) == before

    @pytest.mark.usefixtures("ada")
    async def test_lasts_an_hour_from_when_the_mail_was_written(
        self, house: House, post: PostOffice
    ) -> None:
        await house.flows.by_mail.recovery.forgot(ADA, TRACE)
        house.clock.advance(5 * MINUTE)  # the letter has waited
        token = (await post.one()).token
        house.clock.advance(HOUR - 1)
        await house.flows.by_mail.recovery.reset(token, NEW, TRACE)
        house.clock.advance(HOUR)
        await post.deliver()
        token = await reset_link(house, post)
        house.clock.advance(HOUR)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(token, OTHER, TRACE)


class TestWhatStrangersAskFor:
    async def test_is_bounded_for_one_address_over_all_its_spellings_and_doors(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house()
        post = PostOffice(house)
        await house.register()
        flows = house.flows
        await flows.by_mail.recovery.forgot("ADA@example.com", TRACE)
        await flows.by_mail.addresses.resend(" ada@EXAMPLE.com.", TRACE)
        await flows.by_mail.magic_links.request("aDa@example.com", TRACE)
        for spelling in (ADA, "Ada@Example.Com"):
            await flows.by_mail.recovery.forgot(spelling, TRACE)
            await flows.by_mail.addresses.resend(spelling, TRACE)
            await flows.by_mail.magic_links.request(spelling, TRACE)
            await flows.registration.register_unseen(spelling, PASSWORD, TRACE)
        assert len(await post.deliver()) == 3
        house.clock.advance(HOUR)
        await flows.by_mail.recovery.forgot(ADA, TRACE)
        assert len(await post.deliver()) == 1

    async def test_is_not_bounded_where_the_limit_is_off(self, open_house: OpenHouse) -> None:
        house = await open_house(limit_mail=None)
        post = PostOffice(house)
        await house.register()
        for _ in range(9):
            await house.flows.by_mail.recovery.forgot(ADA, TRACE)
        assert len(await post.deliver()) == 9
