import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import ORIGIN, TRACE, House, details
from tests.flows.post import PostOffice
from watchword.domain.accounts import Account, EmailAddress, Status
from watchword.domain.errors import InvalidCredentials, LinkInvalid
from watchword.domain.letters import MailDelayed, MailRefused, Reason
from watchword.domain.sessions import Transport
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.flows.correspondence import LEASE
from watchword.flows.sign_in import Arrival
from watchword.ports import RequestTrace

ADA = "ada@example.com"
NEW = "marble otter lantern quay"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


@pytest.fixture
async def ada(house: House) -> Account:
    return await house.register()


async def ask(house: House, email: str = ADA) -> None:
    await house.flows.by_mail.recovery.forgot(email, TRACE)


async def waiting(house: House) -> int:
    return await house.store.reading.outbox.count()


async def invited(house: House) -> Account:
    await house.register_admin()
    root = await house.enter(await house.sign_in("root@example.com"))
    return await house.flows.invitations.invite(root, ADA, TRACE, role=None, name="")


class TestALetter:
    async def test_is_sent_once_and_gone(self, house: House, post: PostOffice) -> None:
        await house.register()
        await ask(house)
        mail = await post.one()
        assert (mail.to, mail.reason) == (ADA, Reason.RESET_PASSWORD)
        assert await waiting(house) == 0
        house.clock.advance(DAY)
        assert await post.deliver() == []
        assert post.lines == [("sent", Reason.RESET_PASSWORD, "")]

    @pytest.mark.usefixtures("ada")
    async def test_that_is_delayed_is_tried_again_after_longer_and_longer(
        self, house: House, post: PostOffice
    ) -> None:
        await ask(house)
        waits = (10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 3 * HOUR)
        post.troubles = [MailDelayed(f"try {number}") for number, _ in enumerate(waits)]
        for number, wait in enumerate(waits):
            assert await post.deliver() == []
            assert post.lines[-1] == ("delayed", Reason.RESET_PASSWORD, f"try {number}")
            house.clock.advance(wait - 1)
            assert await post.correspondence.send_due(at_most=20) == 0
            house.clock.advance(1)
        await post.one()
        assert await waiting(house) == 0

    async def test_is_given_up_after_a_day_and_an_event_tells_of_it(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        await house.flows.by_mail.recovery.forgot(ADA, TRACE)
        await house.flows.by_mail.addresses.request_change(
            await house.enter(await house.sign_in()), "new@example.org", TRACE
        )
        attempts = 0
        while await waiting(house) and attempts < 20:
            post.troubles = [MailDelayed("not now")] * 9
            await post.deliver()
            attempts += 1
            house.clock.advance(3 * HOUR)
        assert await waiting(house) == 0
        assert post.taken == []
        assert house.clock.now() < ada.created_at + DAY + 9 * HOUR
        told = {e.subject: details(e) for e in await house.events("mail.failed")}
        assert len(await house.events("mail.failed")) == 3
        assert set(told) == {None, ada.id}
        assert told[None] == {"reason": "reset_password", "attempts": attempts}
        assert {kind for kind, _, _ in post.lines} == {"delayed", "given up"}

    @pytest.mark.usefixtures("ada")
    async def test_that_is_refused_is_given_up_at_once(
        self, house: House, post: PostOffice
    ) -> None:
        await ask(house)
        post.troubles = [MailRefused("no such mailbox")]
        assert await post.deliver() == []
        assert await waiting(house) == 0
        assert post.lines == [("given up", Reason.RESET_PASSWORD, "no such mailbox")]
        [event] = await house.events("mail.failed")
        assert details(event) == {"reason": "reset_password", "attempts": 1}
        assert (event.trace.ip, event.trace.user_agent) == (TRACE.ip, TRACE.user_agent)

    @pytest.mark.usefixtures("ada")
    async def test_that_fails_in_an_unheard_of_way_keeps_no_other_back(
        self, house: House, post: PostOffice
    ) -> None:
        for number in range(3):
            await house.register(f"p{number}@example.com")
            await ask(house, f"p{number}@example.com")
        post.troubles = [ZeroDivisionError("with a #token=secret in it")]
        assert len(await post.deliver()) == 2
        assert ("delayed", Reason.RESET_PASSWORD, "ZeroDivisionError") in post.lines
        house.clock.advance(10 * SECOND)
        assert len(await post.deliver()) == 1


class TestALease:
    @pytest.mark.usefixtures("ada")
    async def test_of_a_sender_that_dies_leaves_the_letter_to_another(
        self, house: House, post: PostOffice
    ) -> None:
        await ask(house)
        post.troubles = [asyncio.CancelledError()]
        with pytest.raises(asyncio.CancelledError):
            await post.deliver()
        other = PostOffice(house)
        house.clock.advance(LEASE - 1)
        assert await other.deliver() == []
        house.clock.advance(1)
        assert (await other.one()).to == ADA
        assert await waiting(house) == 0

    async def test_that_ends_while_others_are_sent_leads_to_no_second_mail(
        self, house: House, post: PostOffice
    ) -> None:
        """Of twenty letters, each may take a relay a minute."""
        for number in range(20):
            await house.register(f"p{number}@example.com")
            await ask(house, f"p{number}@example.com")
        other, sent = PostOffice(house), 0

        async def take_a_minute() -> None:
            nonlocal sent
            sent += 1
            house.clock.advance(MINUTE)
            if sent == 6:
                await other.deliver()

        post.meanwhile = take_a_minute
        await post.deliver()
        assert (len(post.taken), len(other.taken)) == (6, 14)
        assert len({mail.to for mail in (*post.taken, *other.taken)}) == 20

    @pytest.mark.usefixtures("ada")
    async def test_of_many_senders_at_once_is_one_each(
        self, house: House, post: PostOffice
    ) -> None:
        for number in range(30):
            await house.register(f"p{number}@example.com")
            await ask(house, f"p{number}@example.com")
        await asyncio.gather(*(post.correspondence.send_due(at_most=3) for _ in range(12)))
        assert len(post.taken) == len({mail.to for mail in post.taken}) == 30


class TestALinkInAMail:
    @pytest.mark.usefixtures("ada")
    async def test_p02_of_each_attempt_replaces_the_one_before(
        self, house: House, post: PostOffice
    ) -> None:
        tokens = []
        for _ in range(2):
            await ask(house)
            tokens.append((await post.one()).token)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(tokens[0], NEW, TRACE)
        await house.flows.by_mail.recovery.reset(tokens[1], NEW, TRACE)

    @pytest.mark.usefixtures("ada")
    async def test_of_a_delayed_attempt_is_dead_once_it_is_written_again(
        self, house: House, post: PostOffice
    ) -> None:
        await ask(house)
        post.troubles = [MailDelayed("taken perhaps, but not acknowledged")]
        await post.deliver()
        [first] = [facts["link"] for _, facts, *_ in post._written.values()]
        house.clock.advance(10 * SECOND)
        second = await post.one()
        assert second.facts["link"] != first
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(first.partition("=")[2], NEW, TRACE)
        await house.flows.by_mail.recovery.reset(second.token, NEW, TRACE)

    async def test_p03_begins_with_the_public_url_and_has_its_secret_in_the_fragment(
        self, house: House, post: PostOffice
    ) -> None:
        await house.register()
        await ask(house)
        url, _, token = (await post.one()).facts["link"].partition("#token=")
        assert url == "https://id.example/reset-password"
        assert len(token) == 43

    async def test_a07_is_not_made_for_a_disabled_account(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        await house.flows.users.change_status(None, ada.id, Status.DISABLED, TRACE)
        await ask(house)
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        await house.flows.by_mail.magic_links.request(ADA, TRACE)
        assert await post.deliver() == []
        assert await waiting(house) == 0
        assert await house.events("mail.link_sent") == []

    async def test_a07_is_not_made_for_a_deleted_account(
        self, house: House, post: PostOffice
    ) -> None:
        await house.register_admin()
        ada = await house.register()
        root = await house.enter(await house.sign_in("root@example.com"))
        caller = await house.enter(await house.sign_in())
        await ask(house)
        await house.flows.by_mail.addresses.request_change(caller, "new@example.org", TRACE)
        await house.flows.users.delete(root, ada.id, TRACE)
        assert await post.deliver() == []
        assert await waiting(house) == 0

    async def test_p06_of_an_invitation_is_not_made_for_who_has_a_password(
        self, house: House, post: PostOffice
    ) -> None:
        account = await invited(house)
        async with house.store.transaction() as unit:
            await unit.ownership.set_password(account.id, "$argon2id$")
        assert await post.deliver() == []

    async def test_p08_does_not_go_out_when_the_password_changed_before_its_turn(
        self, house: House, post: PostOffice
    ) -> None:
        """The letter is claimed together with others, and waits while those are sent."""
        await house.register()
        caller = await house.enter(await house.sign_in())
        await house.register("first@example.com")
        await ask(house, "first@example.com")
        house.clock.advance(1)
        await house.flows.by_mail.addresses.request_change(caller, "new@example.org", TRACE)

        async def change_password() -> None:
            post.meanwhile = None
            await house.flows.credentials.change_password(caller, PASSWORD, NEW, TRACE, device=None)

        post.meanwhile = change_password
        await post.deliver()
        reasons = {mail.reason for mail in post.taken}
        assert Reason.CONFIRM_NEW_EMAIL not in reasons
        assert {Reason.EMAIL_CHANGE_REQUESTED, Reason.PASSWORD_CHANGED} <= reasons
        assert [details(e)["purpose"] for e in await house.events("mail.link_sent")] == [
            "reset_password"
        ]


LINKS = pytest.mark.parametrize("kind", ["reset", "verification", "new address", "magic link"])


async def a_link(house: House, post: PostOffice, kind: str) -> Callable[[], Awaitable[object]]:
    """What redeems one that was mailed to Ada."""
    flows, binding = house.flows, ""
    if kind == "reset":
        await ask(house)
    elif kind == "verification":
        await flows.by_mail.addresses.resend(ADA, TRACE)
    elif kind == "new address":
        caller = await house.enter(await house.sign_in())
        await flows.by_mail.addresses.request_change(caller, "new@example.org", TRACE)
    else:
        binding = await flows.by_mail.magic_links.request(ADA, TRACE)
    [token] = [mail.token for mail in await post.deliver() if "link" in mail.facts]
    arrival = Arrival(transport=Transport.BODY, origin=ORIGIN, trace=TRACE)
    redeem: dict[str, Callable[[], Awaitable[object]]] = {
        "reset": lambda: flows.by_mail.recovery.reset(token, NEW, TRACE),
        "magic link": lambda: flows.by_mail.magic_links.complete(token, binding, arrival),
    }
    return redeem.get(kind, lambda: flows.by_mail.addresses.confirm(token, TRACE))


class TestAGuardBehindTheOthers:
    @LINKS
    async def test_p06_no_link_is_good_for_an_address_that_it_was_not_mailed_to(
        self, house: House, post: PostOffice, kind: str
    ) -> None:
        """A change of address discards links; here it came by a way that did not."""
        ada = await house.register()
        redeem = await a_link(house, post, kind)
        third = EmailAddress.parse("third@example.org")
        async with house.store.transaction() as unit:
            assert await unit.ownership.change_address(ada.id, third, instead_of=ada.email)
        with pytest.raises(LinkInvalid):
            await redeem()
        account = await house.store.reading.accounts.find(ada.id)
        assert account is not None
        assert (account.email, account.password_hash) == (third, ada.password_hash)

    @LINKS
    async def test_a07_no_link_is_good_for_an_account_that_is_disabled(
        self, house: House, post: PostOffice, kind: str
    ) -> None:
        """Disabling discards links; here it came by a way that did not."""
        ada = await house.register()
        redeem = await a_link(house, post, kind)
        async with house.store.transaction() as unit:
            await unit.accounts.change_status(ada.id, Status.DISABLED)
        with pytest.raises(LinkInvalid):
            await redeem()
        account = await house.store.reading.accounts.find(ada.id)
        assert account == replace(ada, status=Status.DISABLED)


class TestWhomItGoesTo:
    async def test_p10_is_the_address_as_it_is_stored(self, open_house: OpenHouse) -> None:
        house = await open_house(limit_mail=None)
        post = PostOffice(house)
        await house.register("Ada@example.com")
        bob = await house.register("bob@example.com")
        await ask(house, "ADA@example.com")
        await house.flows.by_mail.magic_links.request("aDA@EXAMPLE.com", TRACE)
        await house.flows.by_mail.addresses.resend("ada@example.com.", TRACE)
        for _ in range(5):
            with pytest.raises(InvalidCredentials):
                await house.sign_in("adA@example.com", "wrong wrong wrong")
        caller = await house.enter(await house.sign_in("bob@example.com"))
        await house.flows.by_mail.addresses.request_change(caller, "ADA@example.com", TRACE)
        mails = await post.deliver()
        to_ada = {mail.reason: mail.to for mail in mails if mail.to != bob.email.text}
        assert set(to_ada) == {
            *(Reason.RESET_PASSWORD, Reason.MAGIC_LINK, Reason.VERIFY_EMAIL),
            *(Reason.ACCOUNT_LOCKED, Reason.ALREADY_REGISTERED),
        }
        assert set(to_ada.values()) == {"Ada@example.com"}

    async def test_of_a_notice_is_the_address_of_its_time(
        self, house: House, post: PostOffice
    ) -> None:
        await house.register()
        caller = await house.enter(await house.sign_in())
        await house.flows.by_mail.addresses.request_change(caller, "new@example.org", TRACE)
        post.troubles = [MailDelayed("not now"), MailDelayed("not now")]
        await post.deliver()
        house.clock.advance(10 * SECOND)
        mails = {mail.reason: mail for mail in await post.deliver()}
        await house.flows.by_mail.addresses.confirm(mails[Reason.CONFIRM_NEW_EMAIL].token, TRACE)
        assert mails[Reason.EMAIL_CHANGE_REQUESTED].to == ADA
        assert sorted(mail.to for mail in await post.deliver()) == [ADA, "new@example.org"]


class TestWhatItSays:
    async def test_is_when_from_where_and_for_how_long(self, house: House) -> None:
        await house.register()
        post = PostOffice(house)
        trace = RequestTrace("r-1", "192.0.2.9", FIREFOX)
        asked = house.clock.now()
        await house.flows.by_mail.recovery.forgot(ADA, trace)
        house.clock.advance(HOUR)
        mail = await post.one()
        facts = mail.facts
        assert mail.at == asked
        assert facts["ip"] == "192.0.2.9"
        assert (facts["browser"], facts["system"]) == ("Firefox 140", "Linux")
        assert facts["valid_for"] == "1 hour"
        assert (facts["service"], facts["address"]) == ("Acme", ADA)

    async def test_is_in_the_language_of_the_request_that_caused_it(
        self, house: House, post: PostOffice, ada: Account
    ) -> None:
        await house.flows.by_mail.recovery.forgot(ADA, TRACE._replace(language="de"))
        post.troubles = [MailDelayed("not now")]
        await post.deliver()
        await house.flows.by_mail.magic_links.request(ADA, TRACE)
        house.clock.advance(10 * SECOND)
        languages = {mail.reason: mail.language for mail in await post.deliver()}
        assert languages == {Reason.RESET_PASSWORD: "de", Reason.MAGIC_LINK: ""}

    async def test_names_each_span_in_the_largest_unit(
        self, house: House, post: PostOffice
    ) -> None:
        await invited(house)
        await house.flows.by_mail.addresses.resend(ADA, TRACE)
        await house.flows.by_mail.magic_links.request(ADA, TRACE)
        spans = {mail.reason: mail.facts["valid_for"] for mail in await post.deliver()}
        assert spans == {
            Reason.INVITATION: "3 days",
            Reason.VERIFY_EMAIL: "1 day",
            Reason.MAGIC_LINK: "10 minutes",
        }

    async def test_p12_never_tells_what_binds_a_link_to_a_browser(
        self, house: House, post: PostOffice
    ) -> None:
        await house.register()
        binding = await house.flows.by_mail.magic_links.request(ADA, TRACE)
        facts = (await post.one()).facts
        assert facts["detail"] == ""
        assert binding not in repr(facts)
