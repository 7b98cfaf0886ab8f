"""`Identities`, and the sign-ins elsewhere that are under way."""

from dataclasses import replace

import pytest

from watchword.domain.errors import Conflict
from watchword.domain.identities import LinkedIdentity
from watchword.domain.links import Link, Purpose
from watchword.domain.time import HOUR, MINUTE
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

ISSUER = "https://id.example.com"


def an_identity(subject: str = "1", *, user: str = "ada", proven: bool = True) -> LinkedIdentity:
    return LinkedIdentity(
        issuer=ISSUER,
        subject=subject,
        user_id=f"u-{user}",
        provider="other",
        address=f"{user}@example.com",
        address_proven=proven,
        created_at=NOW,
        last_used_at=NOW,
    )


async def given_linked(store: ConformingStore, *identities: LinkedIdentity) -> None:
    await given(store, an_account(), an_account("bob"))
    async with store.transaction() as unit:
        for identity in identities:
            await unit.identities.link(identity)


class IdentityPromises(Promises):
    async def test_an_identity_is_found_as_it_was_linked(self, store: ConformingStore) -> None:
        identity = an_identity()
        await given_linked(store, identity)
        assert await store.reading.identities.find(ISSUER, "1") == identity
        assert await alone(store, lambda unit: unit.identities.find(ISSUER, "1")) == identity

    async def test_o07_another_issuer_or_subject_is_somebody_else(
        self, store: ConformingStore
    ) -> None:
        await given_linked(store, an_identity())
        for issuer, subject in ((ISSUER, "2"), (ISSUER + "/", "1"), (ISSUER, "1 "), (ISSUER, "")):
            assert await store.reading.identities.find(issuer, subject) is None

    async def test_a_subject_is_told_by_its_case(self, store: ConformingStore) -> None:
        await given_linked(store, an_identity("a"), an_identity("A", user="bob"))
        found = await store.reading.identities.find(ISSUER, "A")
        assert found is not None
        assert found.user_id == "u-bob"

    async def test_an_identity_leads_to_one_account(self, store: ConformingStore) -> None:
        await given_linked(store, an_identity())
        for taken in (an_identity(), an_identity(user="bob")):
            with pytest.raises(Conflict):
                await alone(store, lambda unit, taken=taken: unit.identities.link(taken))  # type: ignore[misc]
        assert await store.reading.identities.find(ISSUER, "1") == an_identity()

    async def test_of_links_at_once_one_succeeds(self, store: ConformingStore) -> None:
        await given(store, an_account(), an_account("bob"))
        wanted = [an_identity(), an_identity(user="bob")] * 3
        returned, raised = await at_once(
            *(alone(store, lambda unit, i=i: unit.identities.link(i)) for i in wanted)  # type: ignore[misc]
        )
        assert len(returned) == 1
        assert {type(error) for error in raised} == {Conflict}

    async def test_those_of_a_user_are_listed_oldest_first(self, store: ConformingStore) -> None:
        late = replace(an_identity("1"), created_at=NOW + 1)
        early, other = an_identity("2"), an_identity("3", user="bob")
        await given_linked(store, late, early, other)
        assert list(await store.reading.identities.list_of("u-ada")) == [early, late]
        assert list(await store.reading.identities.list_of("u-nobody")) == []

    async def test_a_use_is_noted_with_the_address_of_that_time(
        self, store: ConformingStore
    ) -> None:
        identity = an_identity()
        await given_linked(store, identity)
        await alone(
            store, lambda unit: unit.identities.note_use(identity, "new@example.com", now=NOW + 5)
        )
        used = replace(identity, address="new@example.com", last_used_at=NOW + 5)
        assert await store.reading.identities.find(ISSUER, "1") == used

    async def test_an_identity_is_unlinked_once_and_from_its_own_account(
        self, store: ConformingStore
    ) -> None:
        await given_linked(store, an_identity())
        strange = an_identity(user="bob")
        assert not await alone(store, lambda unit: unit.identities.unlink(strange))
        assert await alone(store, lambda unit: unit.identities.unlink(an_identity()))
        assert not await alone(store, lambda unit: unit.identities.unlink(an_identity()))
        await alone(store, lambda unit: unit.identities.note_use(strange, "", now=NOW))
        assert await store.reading.identities.find(ISSUER, "1") is None
        await alone(store, lambda unit: unit.identities.link(strange))

    async def test_o08_what_was_linked_before_the_address_was_proven_goes_alone(
        self, store: ConformingStore
    ) -> None:
        early, sound = an_identity("early", proven=False), an_identity("sound")
        other = an_identity("other", user="bob", proven=False)
        await given_linked(store, early, sound, other)
        removed = await alone(store, lambda unit: unit.identities.unlink_unproven("u-ada"))
        assert list(removed) == [early]
        assert list(await store.reading.identities.list_of("u-ada")) == [sound]
        assert list(await store.reading.identities.list_of("u-bob")) == [other]
        assert not await alone(store, lambda unit: unit.identities.unlink_unproven("u-ada"))

    async def test_a07_identities_go_with_their_account(self, store: ConformingStore) -> None:
        await given_linked(store, an_identity(), an_identity("2", user="bob"))
        await alone(store, lambda unit: unit.accounts.delete("u-ada"))
        assert await store.reading.identities.find(ISSUER, "1") is None
        assert await store.reading.identities.find(ISSUER, "2") is not None

    async def test_a_link_goes_with_its_transaction(self, store: ConformingStore) -> None:
        await given(store, an_account())
        with pytest.raises(Abandoned):
            await abandon(store, lambda unit: unit.identities.link(an_identity()))
        assert await store.reading.identities.find(ISSUER, "1") is None

    @pytest.mark.parametrize("user_id", ["u-ada", None])
    async def test_o01_ways_back_of_many_browsers_stand_side_by_side(
        self, store: ConformingStore, user_id: str | None
    ) -> None:
        ways = [
            Link(
                bytes([n]) * 32, Purpose.FEDERATION, user_id, NOW, NOW + MINUTE, binding=bytes([n])
            )
            for n in (1, 2)
        ]
        async with store.transaction() as unit:
            for way in ways:
                await unit.links.insert(way)
        for way in ways:
            consumed = await alone(
                store,
                lambda unit, way=way: unit.links.consume(  # type: ignore[misc]
                    way.token_hash, Purpose.FEDERATION, now=NOW, binding=way.binding
                ),
            )
            assert consumed == way

    def test_o01_a_way_back_is_short(self) -> None:
        assert Purpose.FEDERATION.lifetime == 10 * MINUTE < HOUR
