"""`Accounts`: one address is one account, and an administrator is always left."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.errors import Conflict, LastAdmin, NotFound
from watchword.domain.links import Link, Purpose
from watchword.domain.roles import ADMIN, USER
from watchword.ports import Accounts
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    ConformingStore,
    Promises,
    a_session,
    alone,
    an_account,
    an_admin,
    at_once,
    find_account,
    given,
    given_session,
)

Lose = Callable[[Accounts, str], Awaitable[None]]


async def demote(accounts: Accounts, account_id: str) -> None:
    await accounts.change_role(account_id, USER)


async def disable(accounts: Accounts, account_id: str) -> None:
    await accounts.change_status(account_id, Status.DISABLED)


async def delete(accounts: Accounts, account_id: str) -> None:
    await accounts.delete(account_id)


WAYS_TO_LOSE_AN_ADMIN = pytest.mark.parametrize("lose", [demote, disable, delete])


class AccountPromises(Promises):
    async def test_an_account_is_found_as_it_was_inserted(self, store: ConformingStore) -> None:
        ada = an_account()
        eve = replace(
            an_account("eve"),
            status=Status.DISABLED,
            email_verified=False,
            mfa_enabled=True,
            password_hash=None,
            name="Ève 🦊",
        )
        await given(store, ada, eve)
        assert await store.reading.accounts.find(ada.id) == ada
        assert await store.reading.accounts.find(eve.id) == eve
        assert await store.reading.accounts.find("u-nobody") is None

    async def test_an_account_is_found_by_the_key_of_its_address(
        self, store: ConformingStore
    ) -> None:
        ada = an_account()
        await given(store, ada, an_account("bob"))
        spelled_otherwise = EmailAddress("ADA@example.com", ada.email.key)
        assert await store.reading.accounts.find_by_address(spelled_otherwise) == ada
        unknown = EmailAddress(ada.email.text, "nobody@example.com")
        assert await store.reading.accounts.find_by_address(unknown) is None

    async def test_an_address_belongs_to_one_account(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)
        twin = replace(an_account("twin"), email=ada.email)
        with pytest.raises(Conflict):
            await given(store, twin)
        assert await store.reading.accounts.find(twin.id) is None
        assert await store.reading.accounts.find_by_address(ada.email) == ada

    async def test_an_address_that_is_taken_does_not_end_the_transaction(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada)
        async with store.transaction() as unit:
            for twin in (replace(an_account("twin"), email=ada.email), ada):
                with pytest.raises(Conflict):
                    await unit.accounts.insert(twin)
            await unit.accounts.insert(bob)
        assert await store.reading.accounts.find("u-twin") is None
        assert await store.reading.accounts.find_by_address(ada.email) == ada
        assert await store.reading.accounts.find(bob.id) == bob

    async def test_of_many_registrations_of_one_address_at_once_one_wins(
        self, store: ConformingStore
    ) -> None:
        address = an_account().email
        people = [replace(an_account(f"twin{n}"), email=address) for n in range(20)]
        returned, raised = await at_once(*(given(store, account) for account in people))
        assert len(returned) == 1
        assert {type(error) for error in raised} == {Conflict}

    async def test_a_name_is_changed_and_nothing_else(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)
        await alone(store, lambda unit: unit.accounts.rename(ada.id, "Ada L."))
        assert await find_account(store, ada) == replace(ada, name="Ada L.")

    async def test_a_password_is_replaced_only_instead_of_the_known_one(
        self, store: ConformingStore
    ) -> None:
        ada, sso = an_account(), replace(an_account("sso"), password_hash=None)
        await given(store, ada, sso)
        async with store.transaction() as unit:
            replace_password = unit.accounts.replace_password
            assert not await replace_password(ada.id, "new", instead_of="another")
            assert not await replace_password(sso.id, "new", instead_of="")
            assert not await replace_password("u-nobody", "new", instead_of=HASH)
            assert await replace_password(ada.id, "new", instead_of=HASH)
        assert await find_account(store, ada) == replace(ada, password_hash="new")
        assert await find_account(store, sso) == sso

    async def test_of_many_password_changes_at_once_one_wins(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)

        async def change(number: int) -> bool:
            async with store.transaction() as unit:
                return await unit.accounts.replace_password(
                    ada.id, f"new-{number}", instead_of=HASH
                )

        returned, raised = await at_once(*(change(number) for number in range(20)))
        assert raised == []
        assert returned.count(True) == 1
        winner = returned.index(True)
        assert (await find_account(store, ada)).password_hash == f"new-{winner}"

    async def test_role_and_status_are_changed(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)
        async with store.transaction() as unit:
            await unit.accounts.change_role(ada.id, "support")
            await unit.accounts.change_status(ada.id, Status.DISABLED)
        changed = replace(ada, role="support", status=Status.DISABLED)
        assert await find_account(store, ada) == changed

    @WAYS_TO_LOSE_AN_ADMIN
    async def test_a04_the_last_active_administrator_stays(
        self, store: ConformingStore, lose: Lose
    ) -> None:
        grace = an_admin()
        retired = replace(an_admin("retired"), status=Status.DISABLED)
        await given(store, grace, retired, an_account())
        with pytest.raises(LastAdmin):
            await alone(store, lambda unit: lose(unit.accounts, grace.id))
        assert await find_account(store, grace) == grace

    @WAYS_TO_LOSE_AN_ADMIN
    async def test_an_administrator_can_go_when_another_is_left(
        self, store: ConformingStore, lose: Lose
    ) -> None:
        grace, other = an_admin(), an_admin("other")
        await given(store, grace, other)
        await alone(store, lambda unit: lose(unit.accounts, grace.id))
        with pytest.raises(LastAdmin):
            await alone(store, lambda unit: lose(unit.accounts, other.id))

    @WAYS_TO_LOSE_AN_ADMIN
    async def test_a04_two_administrators_who_remove_each_other_at_once_leave_one(
        self, store: ConformingStore, lose: Lose
    ) -> None:
        people = [an_admin("grace"), an_admin("other")]
        await given(store, *people)

        async def remove(account_id: str) -> None:
            async with store.transaction() as unit:
                await lose(unit.accounts, account_id)

        returned, raised = await at_once(*(remove(account.id) for account in people))
        assert len(returned) == 1
        assert [type(error) for error in raised] == [LastAdmin]
        assert await store.reading.administrators.has_any()

    async def test_the_last_administrator_may_be_made_what_he_is(
        self, store: ConformingStore
    ) -> None:
        grace = an_admin()
        await given(store, grace)
        async with store.transaction() as unit:
            await unit.accounts.change_role(grace.id, ADMIN)
            await unit.accounts.change_status(grace.id, Status.ACTIVE)
        assert await find_account(store, grace) == grace

    async def test_a_disabled_administrator_is_not_the_last_one(
        self, store: ConformingStore
    ) -> None:
        retired = replace(an_admin("retired"), status=Status.DISABLED)
        await given(store, retired)
        await alone(store, lambda unit: unit.accounts.delete(retired.id))
        assert await store.reading.accounts.find(retired.id) is None

    async def test_who_does_not_exist_cannot_be_changed(self, store: ConformingStore) -> None:
        async with store.transaction() as unit:
            for verb in (
                unit.accounts.rename("u-nobody", "Name"),
                unit.accounts.change_role("u-nobody", USER),
                unit.accounts.change_status("u-nobody", Status.DISABLED),
                unit.accounts.delete("u-nobody"),
            ):
                with pytest.raises(NotFound):
                    await verb

    async def test_an_account_goes_with_its_sessions_devices_and_links(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        links = {
            who.id: Link(who.id.encode(), Purpose.SETUP, who.id, NOW, NOW + 1) for who in (ada, bob)
        }
        for who in (ada, bob):
            await given_session(store, a_session(who))
            async with store.transaction() as unit:
                await unit.devices.remember(who.id, b"device", now=NOW)
                await unit.links.insert(links[who.id])
        async with store.transaction() as unit:
            await unit.accounts.delete(ada.id)
            assert (
                await unit.links.consume(links[ada.id].token_hash, Purpose.SETUP, now=NOW) is None
            )
            assert await unit.links.consume(links[bob.id].token_hash, Purpose.SETUP, now=NOW)
        assert await store.reading.accounts.find(ada.id) is None
        assert await store.reading.sessions.find(a_session(ada).id) is None
        assert await store.reading.sessions.find(a_session(bob).id) is not None
        assert not await store.reading.devices.is_known(ada.id, b"device")
        assert await store.reading.devices.is_known(bob.id, b"device")
