"""`Directory`: everybody is found, each once, whoever comes and goes between the pages."""

# ruff: noqa: PLR2004  counts read best as numbers

from dataclasses import replace

import pytest

from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.roles import ADMIN, USER
from watchword.domain.sessions import EndReason
from watchword.ports import AccountQuery, PageRequest
from watchword.testing.conformance.ground import (
    NOW,
    ConformingStore,
    Promises,
    a_session,
    alone,
    an_account,
    an_admin,
    given,
    given_session,
)

EVERYBODY = AccountQuery()
ALL_ON_ONE = PageRequest(200)


async def names(store: ConformingStore, query: AccountQuery) -> list[str]:
    page = await store.reading.directory.list_accounts(query, ALL_ON_ONE)
    return [account.name for account in page.rows]


class DirectoryPromises(Promises):
    async def test_an_empty_directory_has_one_empty_page(self, store: ConformingStore) -> None:
        page = await store.reading.directory.list_accounts(EVERYBODY, ALL_ON_ONE)
        assert list(page.rows) == []
        assert page.following is None
        assert not await store.reading.administrators.has_any()

    async def test_accounts_are_listed_newest_first_and_whole(self, store: ConformingStore) -> None:
        people = [an_account("a"), an_admin("b"), replace(an_account("c"), password_hash=None)]
        await given(store, *people)
        page = await store.reading.directory.list_accounts(EVERYBODY, ALL_ON_ONE)
        assert list(page.rows) == people[::-1]

    async def test_pages_hold_everybody_once(self, store: ConformingStore) -> None:
        await given(store, *(an_account(f"p{number:02}") for number in range(9)))
        seen, request = [], PageRequest(3)
        for _ in range(3):
            page = await store.reading.directory.list_accounts(EVERYBODY, request)
            assert len(page.rows) == 3
            seen += [account.id for account in page.rows]
            request = PageRequest(3, page.following)
        assert request.after is None
        assert seen == [f"u-p{number:02}" for number in reversed(range(9))]

    async def test_pages_stay_stable_while_people_come_and_go(self, store: ConformingStore) -> None:
        await given(store, *(an_account(f"p{number}") for number in range(6)))
        first = await store.reading.directory.list_accounts(EVERYBODY, PageRequest(3))
        await given(store, an_account("p9"))
        await alone(store, lambda unit: unit.accounts.delete("u-p3"))  # the last one seen
        rest = await store.reading.directory.list_accounts(
            EVERYBODY, PageRequest(3, first.following)
        )
        assert [account.id for account in rest.rows] == ["u-p2", "u-p1", "u-p0"]
        assert rest.following is None

    async def test_role_status_and_text_narrow_the_list(self, store: ConformingStore) -> None:
        await given(
            store,
            an_account("ada"),
            an_account("adam", status=Status.DISABLED),
            an_account("bob"),
            an_admin("grace"),
        )
        assert await names(store, AccountQuery(role=USER)) == ["Bob", "Adam", "Ada"]
        assert await names(store, AccountQuery(status=Status.DISABLED)) == ["Adam"]
        assert await names(store, AccountQuery(text="ada")) == ["Adam", "Ada"]
        assert await names(store, AccountQuery(USER, Status.ACTIVE, "ada")) == ["Ada"]
        assert await names(store, AccountQuery(role=ADMIN, text="ada")) == []
        assert await names(store, AccountQuery(text="")) == ["Grace", "Bob", "Adam", "Ada"]

    @pytest.mark.parametrize("text", ["lovel", "LOVEL", "élodie", "ÉLODIE", "x.org"])
    async def test_text_is_found_anywhere_in_name_and_address_in_any_case(
        self, store: ConformingStore, text: str
    ) -> None:
        email = EmailAddress("Someone@X.org", "someone@x.org")
        sought = replace(an_account("sought"), name="Élodie Lovelace", email=email)
        await given(store, sought, an_account("other"))
        assert await names(store, AccountQuery(text=text)) == [sought.name]

    @pytest.mark.parametrize("text", ["%", "_", "!", "100%", "a_b", "!%", "'", "\\"])
    async def test_i06_text_means_itself_and_is_no_pattern(
        self, store: ConformingStore, text: str
    ) -> None:
        await given(store, replace(an_account("with"), name=f"x{text}y"), an_account("without"))
        assert await names(store, AccountQuery(text=text)) == [f"x{text}y"]

    async def test_only_an_active_administrator_counts_as_one(self, store: ConformingStore) -> None:
        await given(store, replace(an_admin("retired"), status=Status.DISABLED), an_account())
        assert not await store.reading.administrators.has_any()
        await given(store, an_admin())
        assert await store.reading.administrators.has_any()

    async def test_who_has_a_session_that_nobody_ended_is_listed_once(
        self, store: ConformingStore
    ) -> None:
        people = [an_account(name) for name in ("ada", "bob", "cid", "dan")]
        await given(store, *people)
        for account in people[:3]:
            await given_session(store, a_session(account, 1))
            await given_session(store, a_session(account, 2))
        await alone(store, lambda unit: unit.sessions.end_all("u-bob", EndReason.REVOKED, now=NOW))
        first = await store.reading.directory.list_signed_in(PageRequest(1))
        rest = await store.reading.directory.list_signed_in(PageRequest(1, first.following))
        assert [*first.rows, *rest.rows] == ["u-ada", "u-cid"]
        assert rest.following is None
