import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House
from tests.flows.post import PostOffice
from watchword.domain.accounts import Account, Status
from watchword.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidCredentials,
    LinkInvalid,
    StepUpRequired,
)
from watchword.domain.letters import Reason
from watchword.domain.roles import Permission, Roles
from watchword.domain.standing import Caller
from watchword.domain.time import DAY, MINUTE

GRACE, NEW = "grace@example.com", "marble otter lantern quay"
ROLES = Roles.of(
    {"host": frozenset({Permission.USERS_INVITE, Permission.USERS_READ}), "editor": frozenset()}
)


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house(roles=ROLES)


@pytest.fixture
def post(house: House) -> PostOffice:
    return PostOffice(house)


@pytest.fixture
async def root(house: House) -> Caller:
    await house.register_admin()
    return await house.enter(await house.sign_in("root@example.com"))


async def invite(
    house: House, caller: Caller, role: str | None = None, email: str = GRACE
) -> Account:
    return await house.flows.invitations.invite(caller, email, TRACE, role=role, name="Grace")


class TestAnInvitation:
    async def test_makes_an_account_that_nobody_can_sign_in_to_before(
        self, house: House, post: PostOffice, root: Caller
    ) -> None:
        account = await invite(house, root)
        assert (account.role, account.password_hash, account.email_verified) == (
            *("user", None, False),
        )
        for password in ("", PASSWORD):
            with pytest.raises(InvalidCredentials):
                await house.sign_in(GRACE, password)
        mail = await post.one()
        assert (mail.to, mail.reason) == (GRACE, Reason.INVITATION)
        await house.flows.by_mail.recovery.reset(mail.token, NEW, TRACE)
        assert (await house.sign_in(GRACE, NEW)).account.email_verified
        [event] = await house.events("account.invited")
        assert (event.subject, event.actor) == (account.id, root.account.id)

    async def test_is_good_for_three_days_and_once(
        self, house: House, post: PostOffice, root: Caller
    ) -> None:
        await invite(house, root)
        token = (await post.one()).token
        house.clock.advance(3 * DAY - 1)
        await house.flows.by_mail.recovery.reset(token, NEW, TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(token, PASSWORD, TRACE)
        await invite(house, root, email="late@example.com")
        late = {mail.to: mail for mail in await post.deliver()}["late@example.com"].token
        house.clock.advance(3 * DAY)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(late, NEW, TRACE)

    async def test_that_ran_out_is_replaced_by_a_link_for_a_lost_password(
        self, house: House, post: PostOffice, root: Caller
    ) -> None:
        await invite(house, root)
        first = (await post.one()).token
        await house.flows.by_mail.recovery.forgot(GRACE, TRACE)
        await house.flows.by_mail.recovery.reset((await post.one()).token, NEW, TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(first, PASSWORD, TRACE)
        await house.sign_in(GRACE, NEW)

    @pytest.mark.parametrize("status", [Status.DISABLED, None])
    async def test_a07_is_dead_with_its_account(
        self, house: House, post: PostOffice, root: Caller, status: Status | None
    ) -> None:
        account = await invite(house, root)
        token = (await post.one()).token
        if status is not None:
            await house.flows.users.change_status(root, account.id, status, TRACE)
        else:
            await house.flows.users.delete(root, account.id, TRACE)
        with pytest.raises(LinkInvalid):
            await house.flows.by_mail.recovery.reset(token, NEW, TRACE)

    async def test_a05_is_to_no_role_above_ones_own(self, house: House, root: Caller) -> None:
        host = await house.register("host@example.com")
        await house.flows.users.change_role(root, host.id, "host", TRACE)
        caller = await house.enter(await house.sign_in("host@example.com"))
        with pytest.raises(Forbidden):
            await invite(house, caller, "admin")
        with pytest.raises(Invalid):
            await invite(house, caller, "nobody")
        assert (await invite(house, caller, "host")).role == "host"

    @pytest.mark.parametrize("role", ["admin", "host", "editor"])
    async def test_a05_gives_no_role_to_the_thief_of_an_older_session(
        self, house: House, post: PostOffice, root: Caller, role: str
    ) -> None:
        house.clock.advance(5 * MINUTE - 1)
        await invite(house, root, role, email="in-time@example.com")
        house.clock.advance(1)
        with pytest.raises(StepUpRequired):
            await invite(house, root, role)
        assert (await invite(house, root, "user")).role == "user"
        assert {mail.to for mail in await post.deliver()} == {"in-time@example.com", GRACE}

    async def test_to_a_taken_address_in_any_spelling_is_a_conflict_and_no_mail(
        self, house: House, post: PostOffice, root: Caller
    ) -> None:
        with pytest.raises(Conflict):
            await invite(house, root, email="ROOT@example.com")
        assert await post.deliver() == []
        assert await house.events("account.invited") == []
