"""`Outbox`, `Ownership`, and what a link is bound to."""

from dataclasses import replace

import pytest

from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.errors import Conflict
from watchword.domain.letters import Letter, Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.time import HOUR, MINUTE, Instant
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    abandon,
    alone,
    an_account,
    at_once,
    find_account,
    given,
)

NEW_ADDRESS = EmailAddress("New@example.org", "new@example.org")


def a_letter(
    name: str = "1", *, reason: Reason = Reason.NEW_DEVICE, user_id: str | None = "u-ada"
) -> Letter:
    return Letter(
        id=f"l-{name}",
        reason=reason,
        address="Ada@example.com",
        user_id=user_id,
        ip="192.0.2.1",
        user_agent="Agent/1.0",
        detail="more",
        created_at=NOW,
    )


async def put(store: ConformingStore, *letters: Letter, due: Instant = NOW) -> None:
    async with store.transaction() as unit:
        for letter in letters:
            await unit.outbox.put(letter, due=due)


async def claim(store: ConformingStore, *, now: Instant = NOW, at_most: int = 100) -> list[Letter]:
    return list(
        await alone(store, lambda u: u.outbox.claim(now=now, lease=MINUTE, at_most=at_most))
    )


class OutboxPromises(Promises):
    async def test_a_letter_is_claimed_as_it_was_put_one_attempt_further(
        self, store: ConformingStore
    ) -> None:
        letters = [
            a_letter(),
            a_letter("2", user_id=None),
            replace(a_letter("3"), language="pt-br"),
            replace(a_letter("4"), user_agent="", language="de"),
        ]
        await put(store, *letters)
        assert await claim(store) == [replace(letter, attempts=1) for letter in letters]

    async def test_a_letter_goes_with_its_transaction(self, store: ConformingStore) -> None:
        with pytest.raises(Abandoned):
            await abandon(store, lambda unit: unit.outbox.put(a_letter(), due=NOW))
        assert await store.reading.outbox.count() == 0

    async def test_a_letter_is_nobodys_before_it_is_due(self, store: ConformingStore) -> None:
        await put(store, a_letter(), due=NOW + 1)
        assert await claim(store) == []
        assert await store.reading.outbox.count(due=NOW) == 0
        assert await store.reading.outbox.count(due=NOW + 1) == 1
        assert len(await claim(store, now=NOW + 1)) == 1

    async def test_a_claimed_letter_is_nobody_elses_until_its_lease_ends(
        self, store: ConformingStore
    ) -> None:
        await put(store, a_letter())
        await claim(store)
        assert await claim(store, now=NOW + MINUTE - 1) == []
        assert [letter.attempts for letter in await claim(store, now=NOW + MINUTE)] == [2]

    async def test_a_claimed_letter_can_be_held_for_longer(self, store: ConformingStore) -> None:
        await put(store, a_letter())
        [letter] = await claim(store)
        assert await alone(store, lambda unit: unit.outbox.hold(letter, until=NOW + HOUR))
        assert await claim(store, now=NOW + HOUR - 1) == []
        assert len(await claim(store, now=NOW + HOUR)) == 1

    async def test_a_letter_is_not_held_once_it_is_anothers_or_gone(
        self, store: ConformingStore
    ) -> None:
        await put(store, a_letter())
        [mine] = await claim(store)
        [anothers] = await claim(store, now=NOW + MINUTE)
        assert not await alone(store, lambda unit: unit.outbox.hold(mine, until=NOW + HOUR))
        await alone(store, lambda unit: unit.outbox.remove(mine.id))
        assert not await alone(store, lambda unit: unit.outbox.hold(anothers, until=NOW + HOUR))

    async def test_of_claims_at_once_each_letter_goes_to_one(self, store: ConformingStore) -> None:
        await put(store, *(a_letter(f"{number:02}") for number in range(20)))
        returned, raised = await at_once(*(claim(store, at_most=3) for _ in range(10)))
        assert raised == []
        claimed = [letter.id for letters in returned for letter in letters]
        assert sorted(claimed) == [f"l-{number:02}" for number in range(20)]

    async def test_those_that_have_waited_longest_come_first(self, store: ConformingStore) -> None:
        await put(store, a_letter("late"), due=NOW)
        await put(store, a_letter("early"), due=NOW - 1)
        assert [letter.id for letter in await claim(store, at_most=1)] == ["l-early"]

    async def test_a_postponed_letter_is_due_again_then(self, store: ConformingStore) -> None:
        await put(store, a_letter())
        await claim(store)
        await alone(store, lambda unit: unit.outbox.postpone("l-1", due=NOW + HOUR))
        assert await claim(store, now=NOW + HOUR - 1) == []
        assert len(await claim(store, now=NOW + HOUR)) == 1

    async def test_a_removed_letter_is_gone(self, store: ConformingStore) -> None:
        await put(store, a_letter())
        await alone(store, lambda unit: unit.outbox.remove("l-1"))
        await alone(store, lambda unit: unit.outbox.postpone("l-1", due=NOW))
        assert await claim(store) == []
        assert await store.reading.outbox.count() == 0

    async def test_p08_letters_with_links_are_recalled_and_notices_are_not(
        self, store: ConformingStore
    ) -> None:
        await put(
            store,
            a_letter("link", reason=Reason.CONFIRM_NEW_EMAIL),
            a_letter("notice", reason=Reason.PASSWORD_CHANGED),
            a_letter("other", reason=Reason.CONFIRM_NEW_EMAIL, user_id="u-bob"),
        )
        await alone(store, lambda unit: unit.outbox.recall("u-ada"))
        assert [letter.id for letter in await claim(store)] == ["l-notice", "l-other"]

    async def test_a_deleted_account_gets_no_more_mail(self, store: ConformingStore) -> None:
        await given(store, an_account())
        await put(store, a_letter())
        await alone(store, lambda unit: unit.accounts.delete("u-ada"))
        assert await claim(store) == []


class OwnershipPromises(Promises):
    async def test_an_address_is_verified_as_long_as_it_is_the_accounts(
        self, store: ConformingStore
    ) -> None:
        ada = replace(an_account(), email_verified=False)
        await given(store, ada)
        assert not await alone(
            store, lambda unit: unit.ownership.verify_address(ada.id, NEW_ADDRESS)
        )
        assert await find_account(store, ada) == ada
        assert await alone(store, lambda unit: unit.ownership.verify_address(ada.id, ada.email))
        assert (await find_account(store, ada)).email_verified

    async def test_p06_an_address_is_changed_from_the_one_it_was(
        self, store: ConformingStore
    ) -> None:
        ada = replace(an_account(), email_verified=False)
        await given(store, ada)

        async def change(instead_of: EmailAddress) -> bool:
            return await alone(
                store,
                lambda unit: unit.ownership.change_address(
                    ada.id, NEW_ADDRESS, instead_of=instead_of
                ),
            )

        assert not await change(NEW_ADDRESS)
        assert await change(ada.email)
        changed = await find_account(store, ada)
        assert (changed.email, changed.email_verified) == (NEW_ADDRESS, True)
        assert await store.reading.accounts.find_by_address(ada.email) is None
        assert not await change(ada.email)

    async def test_a_taken_address_is_a_conflict(self, store: ConformingStore) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        with pytest.raises(Conflict):
            await alone(
                store,
                lambda unit: unit.ownership.change_address(ada.id, bob.email, instead_of=ada.email),
            )
        assert await find_account(store, ada) == ada

    async def test_of_two_who_want_one_address_one_gets_it(self, store: ConformingStore) -> None:
        people = [an_account(f"p{number}") for number in range(8)]
        await given(store, *people)

        async def take(person: Account) -> bool:
            async with store.transaction() as unit:
                return await unit.ownership.change_address(
                    person.id, NEW_ADDRESS, instead_of=person.email
                )

        returned, raised = await at_once(*(take(person) for person in people))
        assert returned == [True]
        assert {type(error) for error in raised} == {Conflict}

    async def test_a_password_is_set_whatever_it_was(self, store: ConformingStore) -> None:
        ada, invited = an_account(), replace(an_account("bob"), password_hash=None)
        await given(store, ada, invited)
        for account in (ada, invited):
            async with store.transaction() as unit:
                await unit.ownership.set_password(account.id, "new")
            assert (await find_account(store, account)).password_hash == "new"
        await alone(store, lambda unit: unit.ownership.set_password("u-nobody", HASH))


class BoundLinkPromises(Promises):
    @staticmethod
    async def insert(store: ConformingStore, **more: object) -> Link:
        link = Link(b"h" * 32, Purpose.MAGIC_LINK, "u-ada", NOW, NOW + HOUR, "ada@example.com")
        link = replace(link, **more)  # type: ignore[arg-type]
        await alone(store, lambda unit: unit.links.insert(link))
        return link

    async def test_p12_a_bound_link_is_for_its_browser_and_stays_for_it(
        self, store: ConformingStore
    ) -> None:
        link = await self.insert(store, binding=b"b" * 32, detail="more")

        async def consume(binding: bytes | None) -> Link | None:
            return await alone(
                store,
                lambda unit: unit.links.consume(
                    link.token_hash, link.purpose, now=NOW, binding=binding
                ),
            )

        assert await consume(None) is None
        assert await consume(b"another") is None
        assert await consume(b"b" * 32) == link
        assert await consume(b"b" * 32) is None

    async def test_a_link_that_is_not_bound_is_for_any_browser(
        self, store: ConformingStore
    ) -> None:
        link = await self.insert(store)
        found = await alone(
            store,
            lambda unit: unit.links.consume(link.token_hash, link.purpose, now=NOW, binding=b"any"),
        )
        assert found == link

    async def test_a_live_link_is_shown_whole_to_who_holds_it(self, store: ConformingStore) -> None:
        link = await self.insert(store, detail="more")
        found = await alone(
            store, lambda unit: unit.links.require_live(link.token_hash, link.purpose, now=NOW)
        )
        assert found == link

    async def test_all_links_of_a_user_are_discarded(self, store: ConformingStore) -> None:
        mine = await self.insert(store)
        other = await self.insert(store, token_hash=b"o" * 32, user_id="u-bob")
        await alone(store, lambda unit: unit.links.discard("u-ada"))
        for link, expected in ((mine, None), (other, other)):
            async with store.transaction() as unit:
                found = await unit.links.consume(link.token_hash, link.purpose, now=NOW)
            assert found == expected
