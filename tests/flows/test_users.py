import asyncio

import pytest

from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House, details
from watchword.domain.accounts import Account, Status
from watchword.domain.errors import (
    AccountDisabled,
    Forbidden,
    Invalid,
    InvalidCredentials,
    LastAdmin,
    NotFound,
    SessionRevoked,
)
from watchword.domain.roles import Permission, Roles
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.standing import Caller
from watchword.ports import AccountQuery, PageRequest

SUPPORT = Roles.of(
    {
        "support": frozenset(
            {Permission.USERS_READ, Permission.USERS_STATUS, Permission.SESSIONS_END}
        ),
        "promoter": frozenset({Permission.USERS_ROLE, Permission.USERS_READ}),
    }
)


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house(roles=SUPPORT)


@pytest.fixture
async def admin(house: House) -> Caller:
    await house.register_admin()
    return await house.enter(await house.sign_in("root@example.com"))


@pytest.fixture
async def ada(house: House) -> Account:
    return await house.register()


async def somebody(house: House, role: str) -> Caller:
    email = f"{role}@example.com"
    account = await house.register(email)
    await house.flows.users.change_role(None, account.id, role, TRACE)
    return await house.enter(await house.sign_in(email))


class TestARole:
    async def test_a03_holds_on_the_next_request_of_every_session(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        grants = [await house.sign_in(transport=transport) for transport in Transport]
        for role, permitted in (("admin", True), ("user", False)):
            await house.flows.users.change_role(admin, ada.id, role, TRACE)
            for grant in grants:
                caller = await house.enter(grant)
                assert (caller.account.role, bool(caller.permissions)) == (role, permitted)

    async def test_that_changes_is_written_down(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        await house.flows.users.change_role(admin, ada.id, "support", TRACE)
        (event,) = await house.events("account.role_changed")
        assert (event.subject, event.actor) == (ada.id, admin.account.id)
        assert details(event) == {"before": "user", "after": "support"}

    async def test_that_is_not_configured_is_refused(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        with pytest.raises(Invalid):
            await house.flows.users.change_role(admin, ada.id, "root", TRACE)

    async def test_a05_above_ones_own_is_not_ones_to_give(self, house: House, ada: Account) -> None:
        promoter = await somebody(house, "promoter")
        for role in ("admin", "support"):
            for user_id in (ada.id, promoter.account.id):
                with pytest.raises(Forbidden):
                    await house.flows.users.change_role(promoter, user_id, role, TRACE)
        await house.flows.users.change_role(promoter, ada.id, "promoter", TRACE)

    async def test_a05_of_who_holds_more_is_not_ones_to_take(
        self, house: House, admin: Caller
    ) -> None:
        promoter = await somebody(house, "promoter")
        with pytest.raises(Forbidden):
            await house.flows.users.change_role(promoter, admin.account.id, "user", TRACE)

    async def test_of_nobody_is_not_found(self, house: House, admin: Caller) -> None:
        with pytest.raises(NotFound):
            await house.flows.users.change_role(admin, "u-nobody", "user", TRACE)


class TestTheLastAdministrator:
    async def test_a04_cannot_be_demoted_disabled_or_deleted(
        self, house: House, admin: Caller
    ) -> None:
        users, user_id = house.flows.users, admin.account.id
        for refused in (
            users.change_role(admin, user_id, "user", TRACE),
            users.change_status(admin, user_id, Status.DISABLED, TRACE),
            users.delete(admin, user_id, TRACE),
        ):
            with pytest.raises(LastAdmin):
                await refused
        assert await house.store.reading.accounts.find(user_id) == admin.account
        assert [e.type for e in await house.events("account.role_changed")] == []

    async def test_a04_remains_when_two_demote_each_other_at_once(
        self, house: House, admin: Caller
    ) -> None:
        await house.register_admin("other@example.com")
        other = await house.enter(await house.sign_in("other@example.com"))
        change = house.flows.users.change_role
        told = await asyncio.gather(
            change(admin, other.account.id, "user", TRACE),
            change(other, admin.account.id, "user", TRACE),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, LastAdmin) for answer in told) == 1
        assert await house.store.reading.administrators.has_any()

    async def test_a04_is_the_last_one_who_is_active(self, house: House, admin: Caller) -> None:
        other = await house.register_admin("other@example.com")
        await house.flows.users.change_status(admin, other.id, Status.DISABLED, TRACE)
        with pytest.raises(LastAdmin):
            await house.flows.users.change_role(admin, admin.account.id, "user", TRACE)


class TestDisabling:
    async def test_ends_every_session_at_once(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        grants = [await house.sign_in(transport=transport) for transport in Transport]
        for grant in grants:
            await house.enter(grant)
        await house.flows.users.change_status(admin, ada.id, Status.DISABLED, TRACE)
        for grant in grants:
            with pytest.raises(SessionRevoked):
                await house.enter(grant)
            assert (await house.session(grant)).ended_reason is EndReason.DISABLED

    async def test_keeps_them_out_until_enabled_and_their_sessions_for_ever(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        grant = await house.sign_in()
        change = house.flows.users.change_status
        await change(admin, ada.id, Status.DISABLED, TRACE)
        with pytest.raises(AccountDisabled):
            await house.sign_in()
        await change(admin, ada.id, Status.ACTIVE, TRACE)
        with pytest.raises(SessionRevoked):
            await house.enter(grant)
        await house.enter(await house.sign_in())

    async def test_is_written_down(self, house: House, ada: Account) -> None:
        """By the operator's own command there is no actor."""
        await house.flows.users.change_status(None, ada.id, Status.DISABLED, TRACE)
        (event,) = await house.events("account.status_changed")
        assert (event.subject, event.actor) == (ada.id, None)
        assert details(event) == {"before": "active", "after": "disabled"}

    async def test_a05_of_who_holds_more_is_forbidden(self, house: House, admin: Caller) -> None:
        support = await somebody(house, "support")
        with pytest.raises(Forbidden):
            await house.flows.users.change_status(support, admin.account.id, Status.DISABLED, TRACE)

    async def test_r09_leaves_no_session_that_was_opened_while_it_happened(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        change = house.flows.users.change_status
        await asyncio.gather(
            *(house.sign_in() for _ in range(3)),
            change(admin, ada.id, Status.DISABLED, TRACE),
            return_exceptions=True,
        )
        assert await house.live(ada) == []


class TestDeleting:
    async def test_takes_sessions_devices_and_the_address_with_it(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        grant = await house.sign_in(transport=Transport.COOKIE)
        await house.enter(grant)
        assert await house.flows.users.delete(admin, ada.id, TRACE) == ada
        with pytest.raises(SessionRevoked):
            await house.enter(grant)
        with pytest.raises(InvalidCredentials):
            await house.sign_in()
        assert await house.store.reading.sessions.find(grant.session.id) is None
        again = await house.register()
        assert again.id != ada.id
        with pytest.raises(SessionRevoked):
            await house.enter(grant)

    async def test_is_for_the_owner(self, house: House, ada: Account) -> None:
        owner = await house.enter(await house.sign_in())
        await house.flows.users.delete(owner, ada.id, TRACE)
        with pytest.raises(NotFound):
            await house.flows.users.require_known(ada.id)

    async def test_a02_is_not_for_a_stranger(self, house: House, ada: Account) -> None:
        await house.register("bob@example.com")
        bob = await house.enter(await house.sign_in("bob@example.com"))
        for user_id in (ada.id, "u-nobody"):
            with pytest.raises(Forbidden):
                await house.flows.users.delete(bob, user_id, TRACE)

    async def test_leaves_the_history_under_the_bare_id(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        await house.flows.users.delete(admin, ada.id, TRACE)
        (event,) = await house.events("account.deleted")
        assert (event.subject, event.actor) == (ada.id, admin.account.id)
        assert [e for e in await house.events("account.registered") if e.subject == ada.id]


class TestReading:
    async def test_a02_of_a_stranger_is_forbidden_whether_there_is_one_or_not(
        self, house: House, ada: Account
    ) -> None:
        await house.register("bob@example.com")
        bob = await house.enter(await house.sign_in("bob@example.com"))
        for user_id in (ada.id, "u-nobody"):
            with pytest.raises(Forbidden):
                await house.flows.users.get(bob, user_id)

    async def test_of_oneself_needs_no_permission(self, house: House, ada: Account) -> None:
        owner = await house.enter(await house.sign_in())
        assert await house.flows.users.get(owner, ada.id) == ada

    async def test_of_nobody_is_not_found_for_who_may_read(
        self, house: House, admin: Caller
    ) -> None:
        with pytest.raises(NotFound):
            await house.flows.users.get(admin, "u-nobody")

    async def test_by_an_unknown_role_is_refused(self, house: House) -> None:
        with pytest.raises(Invalid):
            await house.flows.users.list_accounts(AccountQuery(role="root"), PageRequest(10))


class TestEndingSomebodysSessions:
    async def test_holds_on_their_next_request(
        self, house: House, admin: Caller, ada: Account
    ) -> None:
        grant = await house.sign_in()
        await house.enter(grant)
        assert await house.flows.users.end_sessions(admin, ada.id, TRACE) == 1
        with pytest.raises(SessionRevoked):
            await house.enter(grant)

    async def test_a05_of_who_holds_more_is_forbidden(self, house: House, admin: Caller) -> None:
        support = await somebody(house, "support")
        with pytest.raises(Forbidden):
            await house.flows.users.end_sessions(support, admin.account.id, TRACE)

    async def test_a02_of_a_stranger_is_forbidden(self, house: House, ada: Account) -> None:
        await house.register("bob@example.com")
        bob = await house.enter(await house.sign_in("bob@example.com"))
        with pytest.raises(Forbidden):
            await house.flows.users.end_sessions(bob, ada.id, TRACE)


class TestRenaming:
    async def test_is_written_down_and_shown_at_once(self, house: House, ada: Account) -> None:
        grant = await house.sign_in()
        renamed = await house.flows.users.rename(await house.enter(grant), " Ada ", TRACE)
        assert renamed.name == "Ada"
        assert (await house.enter(grant)).account == renamed
        assert len(await house.events("account.profile_changed")) == 1
