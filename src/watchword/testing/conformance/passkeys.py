"""`Passkeys`."""

from dataclasses import replace

import pytest

from watchword.crypto.passkeys import PasskeyUse
from watchword.domain.accounts import Account
from watchword.domain.errors import Conflict
from watchword.domain.factors import Passkey
from watchword.domain.time import MINUTE, Instant
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    abandon,
    alone,
    an_account,
    at_once,
    given,
)

ADA, BOB = an_account(), an_account("bob")


def a_passkey(
    account: Account = ADA, number: int = 1, *, sign_count: int = 0, at: Instant = NOW
) -> Passkey:
    return Passkey(
        id=f"p-{account.id}-{number}",
        user_id=account.id,
        name="Ada's key",
        credential_id=f"{account.id} {number}".encode(),
        public_key=bytes(range(256)),
        sign_count=sign_count,
        aaguid="00000000-0000-0000-0000-000000000000",
        transports=("internal", "hybrid"),
        backup_eligible=True,
        backed_up=False,
        created_at=at,
    )


def a_use(passkey: Passkey, sign_count: int) -> PasskeyUse:
    return PasskeyUse(
        passkey.credential_id,
        sign_count,
        user_verified=True,
        backed_up=True,
        counter_regressed=False,
    )


async def given_passkeys(store: ConformingStore, *passkeys: Passkey) -> None:
    await given(store, ADA, BOB)
    for passkey in passkeys:
        await insert(store, passkey)


async def insert(store: ConformingStore, passkey: Passkey) -> None:
    await alone(store, lambda unit: unit.passkeys.insert(passkey))


async def use(store: ConformingStore, passkey: Passkey, sign_count: int) -> bool:
    told = a_use(passkey, sign_count)
    return await alone(store, lambda u: u.passkeys.record_use(passkey.id, told, now=NOW + MINUTE))


class PasskeyPromises(Promises):
    async def test_a_passkey_is_found_as_it_was_kept(self, store: ConformingStore) -> None:
        used = replace(a_passkey(), sign_count=2**32 - 1, transports=(), last_used_at=NOW)
        other = a_passkey(number=2)
        await given_passkeys(store, used, other)
        assert await store.reading.passkeys.find(used.credential_id) == used
        assert await alone(store, lambda u: u.passkeys.find(other.credential_id)) == other
        assert await store.reading.passkeys.find(b"unknown") is None

    async def test_a_user_sees_their_own_oldest_first(self, store: ConformingStore) -> None:
        new, old = a_passkey(at=NOW + 1), a_passkey(number=2)
        await given_passkeys(store, new, a_passkey(BOB), old)
        assert list(await store.reading.passkeys.list_of(ADA.id)) == [old, new]
        assert list(await store.reading.passkeys.list_of("u-nobody")) == []

    async def test_w07_a_credential_id_is_taken_whoever_has_it(
        self, store: ConformingStore
    ) -> None:
        first = a_passkey()
        await given_passkeys(store, first)
        for owner in (ADA, BOB):
            second = replace(a_passkey(owner, 2), credential_id=first.credential_id)
            with pytest.raises(Conflict):
                await insert(store, second)
        assert await store.reading.passkeys.find(first.credential_id) == first

    @pytest.mark.parametrize(
        ("kept", "told", "is_counted"),
        [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)],
    )
    async def test_w06_a_counter_goes_forward_or_is_none(
        self, store: ConformingStore, kept: int, told: int, *, is_counted: bool
    ) -> None:
        passkey = a_passkey(sign_count=kept)
        await given_passkeys(store, passkey)
        assert await use(store, passkey, told) is is_counted
        after = passkey.used(a_use(passkey, told), NOW + MINUTE) if is_counted else passkey
        assert await store.reading.passkeys.find(passkey.credential_id) == after

    async def test_w06_of_uses_at_once_with_one_count_one_is_counted(
        self, store: ConformingStore
    ) -> None:
        passkey = a_passkey(sign_count=1)
        await given_passkeys(store, passkey)
        returned, raised = await at_once(*(use(store, passkey, 2) for _ in range(20)))
        assert raised == []
        assert sorted(returned) == [False] * 19 + [True]

    async def test_a_use_that_is_rolled_back_was_none(self, store: ConformingStore) -> None:
        passkey = a_passkey()
        await given_passkeys(store, passkey)
        with pytest.raises(Abandoned):
            await abandon(
                store, lambda u: u.passkeys.record_use(passkey.id, a_use(passkey, 9), now=NOW)
            )
        assert await store.reading.passkeys.find(passkey.credential_id) == passkey

    async def test_w09_only_its_owner_renames_or_removes_it(self, store: ConformingStore) -> None:
        passkey = a_passkey()
        await given_passkeys(store, passkey)
        assert not await alone(store, lambda u: u.passkeys.rename(BOB.id, passkey.id, "Mine"))
        assert not await alone(store, lambda u: u.passkeys.remove(BOB.id, passkey.id))
        assert await store.reading.passkeys.find(passkey.credential_id) == passkey
        assert await alone(store, lambda u: u.passkeys.rename(ADA.id, passkey.id, "Phone"))
        renamed = await store.reading.passkeys.find(passkey.credential_id)
        assert renamed == replace(passkey, name="Phone")

    async def test_a_removed_passkey_is_gone_and_its_id_is_free(
        self, store: ConformingStore
    ) -> None:
        passkey = a_passkey()
        await given_passkeys(store, passkey)
        assert await alone(store, lambda u: u.passkeys.remove(ADA.id, passkey.id))
        assert not await alone(store, lambda u: u.passkeys.remove(ADA.id, passkey.id))
        assert not await use(store, passkey, 1)
        assert await store.reading.passkeys.find(passkey.credential_id) is None
        await insert(store, replace(a_passkey(BOB), credential_id=passkey.credential_id))

    async def test_a07_a_deleted_account_leaves_no_passkey(self, store: ConformingStore) -> None:
        kept = a_passkey(BOB)
        await given_passkeys(store, a_passkey(), kept)
        await alone(store, lambda unit: unit.accounts.delete(ADA.id))
        assert await store.reading.passkeys.find(a_passkey().credential_id) is None
        assert list(await store.reading.passkeys.list_of(BOB.id)) == [kept]
