import pytest

from tests.driving import PASSWORD
from tests.flows.house import TRACE, House, details
from tests.flows.post import PostOffice
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.devices import Origin
from watchword.domain.letters import Reason
from watchword.domain.sessions import Transport
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival

PHONE, LAPTOP = Origin("192.0.2.1", "Phone/1.0"), Origin("198.51.100.9", "Laptop/1.0")


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


@pytest.fixture(autouse=True)
async def ada(house: House) -> Account:
    return await house.register()


async def arrive(
    house: House,
    origin: Origin,
    *,
    device: str | None = None,
    transport: Transport = Transport.BODY,
    email: str = "ada@example.com",
) -> Grant:
    arrival = Arrival(transport=transport, origin=origin, trace=TRACE, device=device)
    outcome = await house.flows.sign_in(EmailAddress.parse(email), PASSWORD, arrival)
    assert isinstance(outcome, Grant)
    return outcome


async def told(post: PostOffice) -> list[Reason]:
    return [mail.reason for mail in await post.deliver()]


class TestANewDevice:
    async def test_is_told_of_but_for_the_first(self, house: House, post: PostOffice) -> None:
        await arrive(house, PHONE)
        assert await told(post) == []
        await arrive(house, LAPTOP)
        assert await told(post) == [Reason.NEW_DEVICE]
        events = await house.events("session.signed_in")
        assert [details(event)["newDevice"] for event in events] == [True, True]

    async def test_is_known_the_next_time(self, house: House, post: PostOffice) -> None:
        for _ in range(2):
            for origin in (PHONE, LAPTOP):
                await arrive(house, origin)
        assert await told(post) == [Reason.NEW_DEVICE]

    async def test_is_another_network_or_another_program(
        self, house: House, post: PostOffice
    ) -> None:
        await arrive(house, PHONE)
        for origin in (
            Origin("203.0.113.7", PHONE.user_agent),
            Origin(PHONE.ip, "Another/1.0"),
        ):
            await arrive(house, origin)
        assert await told(post) == [Reason.NEW_DEVICE] * 2

    async def test_b02_is_not_another_address_of_one_line(
        self, house: House, post: PostOffice
    ) -> None:
        await arrive(house, Origin("2001:db8::1", "Phone/1.0"))
        await arrive(house, Origin("2001:db8::ffff:1", "Phone/1.0"))
        await arrive(house, Origin("2001:0DB8:0::2", "Phone/1.0"))
        assert await told(post) == []

    async def test_with_a_cookie_is_known_wherever_it_goes(
        self, house: House, post: PostOffice
    ) -> None:
        first = await arrive(house, PHONE, transport=Transport.COOKIE)
        await arrive(house, LAPTOP, transport=Transport.COOKIE, device=first.device)
        assert await told(post) == []

    async def test_with_another_persons_cookie_is_told_of(
        self, house: House, post: PostOffice
    ) -> None:
        await house.register("bob@example.com")
        await arrive(house, PHONE)
        bob = await arrive(house, LAPTOP, transport=Transport.COOKIE, email="bob@example.com")
        await arrive(house, LAPTOP, transport=Transport.COOKIE, device=bob.device)
        assert await told(post) == [Reason.NEW_DEVICE]

    async def test_with_a_forged_cookie_gets_one_of_ours_and_is_told_of(
        self, house: House, post: PostOffice
    ) -> None:
        await arrive(house, PHONE)
        grant = await arrive(house, LAPTOP, transport=Transport.COOKIE, device="forged.forged")
        assert grant.device not in {None, "forged.forged"}
        assert await told(post) == [Reason.NEW_DEVICE]

    async def test_b06_a_likeness_has_no_allowance_of_its_own(
        self, house: House, ada: Account
    ) -> None:
        """Whoever guesses from the owner's network with the owner's browser guesses as anybody."""
        grant = await arrive(house, PHONE)
        devices = house.flows.sign_in.second.opener.devices
        assert grant.device is None
        assert await devices.proven(ada, None) is None
        browser = await arrive(house, PHONE, transport=Transport.COOKIE)
        assert await devices.proven(ada, browser.device) is not None
