"""`Links`, `Devices` and `Keys`."""

from dataclasses import replace

import pytest

from watchword.domain.errors import LinkInvalid
from watchword.domain.links import Link, Purpose
from watchword.domain.time import DAY, HOUR, Instant
from watchword.ports import StoredKey
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    abandon,
    an_account,
    at_once,
    given,
)


def a_link(secret: bytes = b"a" * 32, *, user_id: str | None = None) -> Link:
    return Link(secret, Purpose.SETUP, user_id, NOW, NOW + HOUR)


def a_key(kid: str, *, created: Instant = NOW) -> StoredKey:
    return StoredKey(kid, "EdDSA", f"sealed {kid}".encode(), created, None, None)


async def insert(store: ConformingStore, link: Link) -> None:
    async with store.transaction() as unit:
        await unit.links.insert(link)


async def consume(store: ConformingStore, link: Link, *, now: Instant = NOW) -> Link | None:
    async with store.transaction() as unit:
        return await unit.links.consume(link.token_hash, link.purpose, now=now)


class LinkPromises(Promises):
    async def test_only_a_link_of_ours_is_live_until_its_end(self, store: ConformingStore) -> None:
        link = a_link()
        await insert(store, link)
        async with store.transaction() as unit:
            await unit.links.require_live(link.token_hash, link.purpose, now=link.expires_at - 1)
            with pytest.raises(LinkInvalid):
                await unit.links.require_live(link.token_hash, link.purpose, now=link.expires_at)
            with pytest.raises(LinkInvalid):
                await unit.links.require_live(b"another", link.purpose, now=NOW)

    @pytest.mark.parametrize("user_id", ["u-ada", None])
    async def test_a_link_is_consumed_once(
        self, store: ConformingStore, user_id: str | None
    ) -> None:
        link = a_link(user_id=user_id)
        await insert(store, link)
        assert await consume(store, link) == link
        assert await consume(store, link) is None

    async def test_p01_of_many_uses_at_once_one_wins(self, store: ConformingStore) -> None:
        link = a_link()
        await insert(store, link)
        returned, raised = await at_once(*(consume(store, link) for _ in range(50)))
        assert raised == []
        assert [used for used in returned if used is not None] == [link]

    async def test_a_link_is_dead_at_its_end(self, store: ConformingStore) -> None:
        link = a_link()
        await insert(store, link)
        assert await consume(store, link, now=link.expires_at) is None
        assert await consume(store, link, now=link.expires_at - 1) == link

    async def test_an_unknown_link_is_not_consumed(self, store: ConformingStore) -> None:
        await insert(store, a_link())
        assert await consume(store, a_link(b"b" * 32)) is None

    async def test_a_use_that_is_rolled_back_was_none(self, store: ConformingStore) -> None:
        link = a_link()
        await insert(store, link)
        with pytest.raises(Abandoned):
            await abandon(
                store, lambda unit: unit.links.consume(link.token_hash, link.purpose, now=NOW)
            )
        assert await consume(store, link) == link

    @pytest.mark.parametrize("user_id", ["u-ada", None])
    async def test_p02_only_the_newest_link_of_a_user_works(
        self, store: ConformingStore, user_id: str | None
    ) -> None:
        first, second = a_link(b"1" * 32, user_id=user_id), a_link(b"2" * 32, user_id=user_id)
        stranger = a_link(b"3" * 32, user_id="u-bob")
        for link in (stranger, first, second):
            await insert(store, link)
        assert await consume(store, first) is None
        assert await consume(store, second) == second
        assert await consume(store, stranger) == stranger

    async def test_w01_challenges_of_several_browsers_are_all_live(
        self, store: ConformingStore
    ) -> None:
        challenges = [
            replace(a_link(bytes([number]) * 32), purpose=Purpose.PASSKEY_SIGN_IN)
            for number in range(3)
        ]
        for challenge in challenges:
            await insert(store, challenge)
        assert [await consume(store, challenge) for challenge in challenges] == challenges


class DevicePromises(Promises):
    async def test_a_device_was_last_seen_when_it_was_remembered(
        self, store: ConformingStore
    ) -> None:
        await given(store, an_account())
        for moment in (NOW, NOW + HOUR):
            async with store.transaction() as unit:
                await unit.devices.remember("u-ada", b"d", now=moment)
                assert await unit.devices.last_seen("u-ada", b"d") == moment
        async with store.transaction() as unit:
            assert await unit.devices.last_seen("u-ada", b"other") is None
            assert await unit.devices.last_seen("u-bob", b"d") is None
            assert await unit.devices.has_any("u-ada")
            assert not await unit.devices.has_any("u-bob")

    async def test_a_device_is_known_to_the_accounts_it_was_used_for(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        async with store.transaction() as unit:
            await unit.devices.remember(ada.id, b"tablet", now=NOW)
            await unit.devices.remember(ada.id, b"tablet", now=NOW + 1)
            assert await unit.devices.is_known(ada.id, b"tablet")
        assert await store.reading.devices.is_known(ada.id, b"tablet")
        assert not await store.reading.devices.is_known(ada.id, b"another")
        assert not await store.reading.devices.is_known(bob.id, b"tablet")

    async def test_nothing_is_remembered_of_an_account_that_is_gone(
        self, store: ConformingStore
    ) -> None:
        async with store.transaction() as unit:
            await unit.devices.remember("u-nobody", b"tablet", now=NOW)
        assert not await store.reading.devices.is_known("u-nobody", b"tablet")

    async def test_a_known_device_is_trusted_until_its_time(self, store: ConformingStore) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        async with store.transaction() as unit:
            await unit.devices.remember(ada.id, b"tablet", now=NOW)
            await unit.devices.remember(bob.id, b"tablet", now=NOW)
            await unit.devices.trust(ada.id, b"tablet", until=NOW + DAY)
            await unit.devices.trust(ada.id, b"unknown", until=NOW + DAY)
            await unit.devices.remember(ada.id, b"tablet", now=NOW + 1)
        devices = store.reading.devices
        assert await devices.is_trusted(ada.id, b"tablet", now=NOW + DAY - 1)
        assert not await devices.is_trusted(ada.id, b"tablet", now=NOW + DAY)
        assert not await devices.is_trusted(bob.id, b"tablet", now=NOW)
        assert not await devices.is_trusted(ada.id, b"unknown", now=NOW)

    async def test_distrust_is_of_all_devices_of_one_user_who_stay_known(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        async with store.transaction() as unit:
            for account, device in ((ada, b"tablet"), (ada, b"phone"), (bob, b"tablet")):
                await unit.devices.remember(account.id, device, now=NOW)
                await unit.devices.trust(account.id, device, until=NOW + DAY)
            await unit.devices.distrust(ada.id)
        devices = store.reading.devices
        assert not await devices.is_trusted(ada.id, b"tablet", now=NOW)
        assert not await devices.is_trusted(ada.id, b"phone", now=NOW)
        assert await devices.is_known(ada.id, b"tablet")
        assert await devices.is_trusted(bob.id, b"tablet", now=NOW)


class KeyPromises(Promises):
    async def test_keys_are_listed_oldest_first_and_whole(self, store: ConformingStore) -> None:
        old, new = a_key("b"), a_key("a", created=NOW + 1)
        async with store.transaction() as unit:
            await unit.keys.insert(new)
            await unit.keys.insert(old)
            assert list(await unit.keys.list_keys()) == [old, new]
        assert list(await store.reading.keys.list_keys()) == [old, new]

    async def test_x08_the_key_before_verifies_for_the_overlap(
        self, store: ConformingStore
    ) -> None:
        first, second, third = a_key("1"), a_key("2"), a_key("3")
        async with store.transaction() as unit:
            for key in (first, second, third):
                await unit.keys.insert(key)
            await unit.keys.activate("1", now=NOW, overlap=HOUR)
            await unit.keys.activate("2", now=NOW + DAY, overlap=HOUR)
        first = replace(first, activated_at=NOW, retires_at=NOW + DAY + HOUR)
        second = replace(second, activated_at=NOW + DAY)
        assert list(await store.reading.keys.list_keys()) == [first, second, third]
        async with store.transaction() as unit:
            await unit.keys.activate("3", now=NOW + 2 * DAY, overlap=HOUR)
        second = replace(second, retires_at=NOW + 2 * DAY + HOUR)
        third = replace(third, activated_at=NOW + 2 * DAY)
        assert list(await store.reading.keys.list_keys()) == [first, second, third]

    async def test_a_key_is_activated_once(self, store: ConformingStore) -> None:
        async with store.transaction() as unit:
            await unit.keys.insert(a_key("1"))
            await unit.keys.insert(a_key("2"))
            await unit.keys.activate("1", now=NOW, overlap=HOUR)
            await unit.keys.activate("2", now=NOW + 1, overlap=HOUR)
            await unit.keys.activate("1", now=NOW + 2, overlap=DAY)
            await unit.keys.activate("unknown", now=NOW + 3, overlap=DAY)
        first, second = await store.reading.keys.list_keys()
        assert (first.activated_at, first.retires_at) == (NOW, NOW + 1 + HOUR)
        assert (second.activated_at, second.retires_at) == (NOW + 1, None)

    async def test_activations_at_once_leave_one_key_that_signs(
        self, store: ConformingStore
    ) -> None:
        kids = [str(number) for number in range(10)]

        async def rotate_to(kid: str) -> None:
            async with store.transaction() as unit:
                await unit.keys.insert(a_key(kid))
                await unit.keys.activate(kid, now=NOW, overlap=HOUR)

        _, raised = await at_once(*(rotate_to(kid) for kid in kids))
        assert raised == []
        keys = await store.reading.keys.list_keys()
        assert len([key for key in keys if key.retires_at is None]) == 1

    async def test_a_deleted_key_is_gone(self, store: ConformingStore) -> None:
        async with store.transaction() as unit:
            await unit.keys.insert(a_key("1"))
            await unit.keys.insert(a_key("2"))
            await unit.keys.delete("1")
            await unit.keys.delete("unknown")
        assert list(await store.reading.keys.list_keys()) == [a_key("2")]
