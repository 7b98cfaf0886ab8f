"""`TotpFactors` and `RecoveryCodes`."""

from dataclasses import replace

import pytest

from watchword.domain.factors import Totp
from watchword.domain.time import MINUTE
from watchword.ports import Change, Topic
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    a_session,
    abandon,
    alone,
    an_account,
    at_once,
    find_account,
    find_session,
    given,
    given_session,
)

ADA, BOB = an_account(), an_account("bob")
MULTI_FACTOR = ("pwd", "otp", "mfa")
SESSION = replace(a_session(ADA), amr=MULTI_FACTOR)


def a_totp(*, sealed: bytes = b"sealed", user_id: str = ADA.id) -> Totp:
    return Totp(user_id=user_id, sealed_secret=sealed, last_step=0, created_at=NOW)


async def propose(store: ConformingStore, totp: Totp) -> bool:
    return await alone(store, lambda unit: unit.totp.propose(totp))


async def confirm(store: ConformingStore, totp: Totp, *, step: int = 10) -> bool:
    return await alone(
        store,
        lambda unit: unit.totp.confirm(totp, step=step, now=NOW + MINUTE, shown_in=SESSION),
    )


async def burn(store: ConformingStore, step: int) -> bool:
    return await alone(store, lambda unit: unit.totp.burn(ADA.id, step))


async def find(store: ConformingStore, user_id: str = ADA.id) -> Totp | None:
    return await alone(store, lambda unit: unit.totp.find(user_id))


async def consume(store: ConformingStore, code_hash: bytes) -> bool:
    return await alone(store, lambda unit: unit.recovery_codes.consume(ADA.id, code_hash))


async def count(store: ConformingStore, user_id: str = ADA.id) -> int:
    return await alone(store, lambda unit: unit.recovery_codes.count(user_id))


class TotpPromises(Promises):
    async def test_a_proposed_app_guards_nothing_until_it_is_confirmed(
        self, store: ConformingStore
    ) -> None:
        await given(store, ADA)
        assert await propose(store, a_totp())
        assert await find(store) == a_totp()
        assert not (await find_account(store, ADA)).mfa_enabled
        assert not await burn(store, 11)
        assert await confirm(store, a_totp())
        confirmed = replace(a_totp(), last_step=10, confirmed_at=NOW + MINUTE)
        assert await find(store) == confirmed
        assert (await find_account(store, ADA)).mfa_enabled

    async def test_the_session_that_confirms_an_app_has_shown_it_and_no_other(
        self, store: ConformingStore
    ) -> None:
        await given(store, ADA)
        first, other = a_session(ADA), a_session(ADA, 2)
        for session in (first, other):
            await given_session(store, session)
        await propose(store, a_totp())
        await confirm(store, a_totp())
        assert (await find_session(store, first)) == SESSION
        assert (await find_session(store, other)) == other

    async def test_nothing_is_proposed_to_an_account_that_is_gone(
        self, store: ConformingStore
    ) -> None:
        assert not await propose(store, a_totp())
        assert await find(store) is None

    async def test_only_the_newest_proposal_can_be_confirmed(self, store: ConformingStore) -> None:
        await given(store, ADA)
        first, second = a_totp(sealed=b"first"), a_totp(sealed=b"second")
        assert await propose(store, first)
        assert await propose(store, second)
        assert not await confirm(store, first)
        assert await confirm(store, second)

    async def test_a_confirmed_app_is_not_replaced_by_a_proposal(
        self, store: ConformingStore
    ) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        await confirm(store, a_totp())
        assert not await propose(store, a_totp(sealed=b"planted"))
        held = await find(store)
        assert held is not None
        assert held.sealed_secret == b"sealed"

    async def test_of_many_confirmations_at_once_one_wins(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        returned, raised = await at_once(*(confirm(store, a_totp()) for _ in range(50)))
        assert (returned.count(True), raised) == (1, [])

    async def test_b10_a_step_is_burnt_with_all_before_it(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        await confirm(store, a_totp(), step=10)
        assert not await burn(store, 10)
        assert not await burn(store, 9)
        assert await burn(store, 12)
        assert not await burn(store, 11)
        assert await burn(store, 13)

    async def test_b10_of_many_burns_at_once_one_wins(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        await confirm(store, a_totp())
        returned, raised = await at_once(*(burn(store, 11) for _ in range(50)))
        assert (returned.count(True), raised) == (1, [])

    async def test_a_secret_is_resealed_unless_it_was_replaced(
        self, store: ConformingStore
    ) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        await alone(store, lambda unit: unit.totp.reseal(a_totp(), b"anew"))
        assert await find(store) == a_totp(sealed=b"anew")
        await alone(store, lambda unit: unit.totp.reseal(a_totp(), b"late"))
        assert await find(store) == a_totp(sealed=b"anew")

    async def test_all_are_listed_piece_by_piece(self, store: ConformingStore) -> None:
        await given(store, ADA, BOB)
        ada, bob = a_totp(), a_totp(user_id=BOB.id)
        for totp in (bob, ada):
            await propose(store, totp)

        async def list_after(user_id: str) -> list[Totp]:
            return list(await alone(store, lambda unit: unit.totp.list_after(user_id, at_most=1)))

        assert await list_after("") == [ada]
        assert await list_after(ADA.id) == [bob]
        assert await list_after(BOB.id) == []

    async def test_removing_takes_the_recovery_codes_along(self, store: ConformingStore) -> None:
        await given(store, ADA, BOB)
        for person in (ADA, BOB):
            totp = a_totp(user_id=person.id)
            async with store.transaction() as unit:
                await unit.totp.propose(totp)
                await unit.totp.confirm(totp, step=1, now=NOW, shown_in=SESSION)
                await unit.recovery_codes.replace(person.id, [b"one"])
        assert await alone(store, lambda unit: unit.totp.remove(ADA.id))
        assert not await alone(store, lambda unit: unit.totp.remove(ADA.id))
        assert not (await find_account(store, ADA)).mfa_enabled
        assert await find(store) is None
        assert await count(store) == 0
        assert (await find_account(store, BOB)).mfa_enabled
        assert await count(store, BOB.id) == 1

    async def test_removing_a_proposal_turns_nothing_off(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        store.revocations.news()
        assert not await alone(store, lambda unit: unit.totp.remove(ADA.id))
        assert await find(store) is None
        assert list(store.revocations.news() or ()) == []

    async def test_removing_is_noticed(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        await confirm(store, a_totp())
        store.revocations.news()
        await alone(store, lambda unit: unit.totp.remove(ADA.id))
        assert list(store.revocations.news() or ()) == [Change(Topic.USER, ADA.id)]

    async def test_a_deleted_account_leaves_no_factor(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await propose(store, a_totp())
        await alone(store, lambda unit: unit.recovery_codes.replace(ADA.id, [b"one"]))
        await alone(store, lambda unit: unit.accounts.delete(ADA.id))
        assert await find(store) is None
        assert await count(store) == 0


class RecoveryCodePromises(Promises):
    async def test_b11_a_code_is_consumed_once(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await alone(store, lambda unit: unit.recovery_codes.replace(ADA.id, [b"one", b"two"]))
        assert await consume(store, b"one")
        assert not await consume(store, b"one")
        assert not await consume(store, b"three")
        assert await count(store) == 1

    async def test_b11_of_many_uses_at_once_one_wins(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await alone(store, lambda unit: unit.recovery_codes.replace(ADA.id, [b"one"]))
        returned, raised = await at_once(*(consume(store, b"one") for _ in range(50)))
        assert (returned.count(True), raised) == (1, [])

    async def test_a_use_that_is_rolled_back_was_none(self, store: ConformingStore) -> None:
        await given(store, ADA)
        await alone(store, lambda unit: unit.recovery_codes.replace(ADA.id, [b"one"]))
        with pytest.raises(Abandoned):
            await abandon(store, lambda unit: unit.recovery_codes.consume(ADA.id, b"one"))
        assert await consume(store, b"one")

    async def test_a_new_set_replaces_the_old_one(self, store: ConformingStore) -> None:
        await given(store, ADA, BOB)
        await alone(store, lambda unit: unit.recovery_codes.replace(ADA.id, [b"old"]))
        await alone(store, lambda unit: unit.recovery_codes.replace(BOB.id, [b"old"]))
        await alone(store, lambda unit: unit.recovery_codes.replace(ADA.id, [b"new"]))
        assert not await consume(store, b"old")
        assert await consume(store, b"new")
        assert await count(store, BOB.id) == 1
