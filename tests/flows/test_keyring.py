import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from msgspec.structs import replace

from tests.flows.conftest import OpenHouse
from tests.flows.house import SECRET, TRACE, House, details
from watchword.adapters.memory import MemoryStore
from watchword.crypto.keys import Algorithm, SigningKey
from watchword.crypto.secret import Secret
from watchword.domain.errors import TokenInvalid, Unavailable
from watchword.domain.time import DAY, MINUTE, SECOND
from watchword.flows.keyring import KeyRing, KeysSealedByAnotherSecret
from watchword.ports import Change
from watchword.testing import FakeClock

NEW = Secret(b"another secret, made to replace it")
TTL = 5 * MINUTE
LIFETIME = 90 * DAY


class NoNews:
    """Of a node that still waits for them."""

    def news(self) -> Sequence[Change] | None:
        return ()


async def kids(house: House) -> set[str]:
    return set((await house.flows.keyring.keys()).verifying)


async def signing(house: House) -> str:
    return (await house.flows.keyring.keys()).signing.kid


async def waiting(house: House) -> list[str]:
    stored = await house.store.reading.keys.list_keys()
    return [key.kid for key in stored if key.activated_at is None]


class TestTheFirstStart:
    async def test_makes_a_key_that_signs_and_the_one_after_it(self, house: House) -> None:
        keys = await house.flows.keyring.keys()
        stored = await house.store.reading.keys.list_keys()
        assert len(stored) == 2
        assert set(keys.verifying) == {key.kid for key in stored}
        assert [jwk["kid"] for jwk in keys.published] == [key.kid for key in stored]

    async def test_of_several_processes_at_once_makes_one_pair(self, open_house: OpenHouse) -> None:
        store = MemoryStore(clock=FakeClock())
        await asyncio.gather(*(open_house(store=store, seed=seed) for seed in range(5)))
        assert len(await store.reading.keys.list_keys()) == 2

    async def test_of_the_same_service_again_changes_nothing(self, house: House) -> None:
        before = await house.store.reading.keys.list_keys()
        await house.flows.keyring.prepare()
        assert await house.store.reading.keys.list_keys() == before

    async def test_keeps_its_keys_sealed(self, house: House) -> None:
        keys = await house.flows.keyring.keys()
        private = keys.signing.to_bytes()
        for key in await house.store.reading.keys.list_keys():
            assert private not in key.sealed

    async def test_with_another_algorithm_signs_with_that_and_verifies_both(
        self, house: House, open_house: OpenHouse
    ) -> None:
        await house.register()
        grant = await house.sign_in()
        after = await open_house(
            store=house.store, clock=house.clock, seed=1, signing_algorithm=Algorithm.ES256
        )
        assert (await after.flows.keyring.keys()).signing.algorithm is Algorithm.ES256
        await after.enter(grant)


class TestRotation:
    async def test_x08_signs_with_the_key_that_was_published_ahead(self, house: House) -> None:
        (following,) = await waiting(house)
        known_before = await kids(house)
        assert await house.flows.keyring.rotate(TRACE) == following
        assert await signing(house) == following
        assert following in known_before

    async def test_x08_publishes_the_one_after_it_at_once(self, house: House) -> None:
        await house.flows.keyring.rotate(TRACE)
        (following,) = await waiting(house)
        keys = await house.flows.keyring.keys()
        assert following in {jwk["kid"] for jwk in keys.published}

    async def test_x08_refuses_no_token_that_was_valid(self, house: House) -> None:
        await house.register()
        known, unseen = await house.sign_in(), await house.sign_in()
        await house.enter(known)
        await house.flows.keyring.rotate(TRACE)
        house.clock.advance(TTL - 1)
        await house.enter(known)
        await house.enter(unseen)

    async def test_x08_of_many_in_a_row_refuses_none_either(self, house: House) -> None:
        await house.register()
        grants = []
        for _ in range(5):
            grants.append(await house.sign_in())
            await house.flows.keyring.rotate(TRACE)
            house.clock.advance(SECOND)
        for grant in grants:
            await house.enter(grant)

    async def test_x08_signs_what_a_node_accepts_that_has_not_heard_of_it(
        self, house: House, open_house: OpenHouse
    ) -> None:
        """Its news are on their way; the key was made after it last read them."""
        late = await open_house(store=house.store, clock=house.clock, seed=1)
        late.flows.standings._revocations = NoNews()
        await house.register()
        await late.enter(await house.sign_in())
        for _ in range(3):
            await house.flows.keyring.rotate(TRACE)
            house.clock.advance(SECOND)
            await late.enter(await house.sign_in())

    async def test_j06_is_looked_for_once_a_second_whatever_keys_are_named(
        self, house: House
    ) -> None:
        await house.register()
        grant = await house.sign_in()
        assert grant.access is not None
        signing = (await house.flows.keyring.keys()).signing
        claims = house.shared.tokens.verify(
            grant.access.text,
            (await house.flows.keyring.keys()).verifying,
            house.clock.now() // SECOND,
        )
        looks = {house.flows.keyring._read_at}
        for number in range(100):
            if number % 50 == 0:
                house.clock.advance(SECOND)
            stranger = SigningKey.generate(signing.algorithm, f"k{number}")
            with pytest.raises(TokenInvalid):
                await house.flows.access.by_access_token(
                    house.shared.tokens.issue(claims, stranger)
                )
            looks.add(house.flows.keyring._read_at)
        assert len(looks) == 1 + 2

    async def test_x08_takes_the_former_key_back_when_its_tokens_have_ended(
        self, house: House
    ) -> None:
        former = await signing(house)
        await house.flows.keyring.rotate(TRACE)
        house.clock.advance(TTL)
        assert former in await kids(house)
        house.clock.advance(MINUTE)
        keys = await house.flows.keyring.keys()
        assert former not in keys.verifying
        assert former not in {jwk["kid"] for jwk in keys.published}

    async def test_x08_lets_a_process_that_hears_of_it_late_sign_a_little_longer(
        self, house: House
    ) -> None:
        """It hears within ten seconds; what it signs until then is good to its end."""
        await house.register()
        former = (await house.flows.keyring.keys()).signing
        grant = await house.sign_in()
        await house.flows.keyring.rotate(TRACE)
        verify, tokens = house.flows.access.by_access_token, house.shared.tokens
        assert grant.access is not None
        now = house.clock.advance(10 * SECOND) // SECOND
        claims = tokens.verify(grant.access.text, (await house.flows.keyring.keys()).verifying, now)
        late = tokens.issue(replace(claims, iat=now, exp=now + TTL // SECOND), former)
        house.clock.advance(TTL - 1)
        await verify(late)

    async def test_is_written_down(self, house: House) -> None:
        kid = await house.flows.keyring.rotate(TRACE)
        *_, event = await house.events("keys.rotated")
        assert details(event) == {"kid": kid}
        assert event.trace == TRACE

    async def test_makes_other_processes_forget_what_they_knew(self, house: House) -> None:
        house.flows.standings.catch_up()
        epoch = house.flows.keyring.epoch
        await house.flows.keyring.rotate(TRACE)
        after = house.flows.keyring.epoch
        house.flows.standings.catch_up()
        assert house.flows.keyring.epoch > after > epoch


class TestTheLifetimeOfAKey:
    async def test_ends_when_it_is_due_and_not_before(self, house: House) -> None:
        first = await signing(house)
        house.clock.advance(LIFETIME - 1)
        assert not await house.flows.keyring.rotate_if_due()
        house.clock.advance(1)
        assert await house.flows.keyring.rotate_if_due()
        assert await signing(house) != first
        assert not await house.flows.keyring.rotate_if_due()

    async def test_of_several_processes_that_find_it_due_one_rotates(self, house: House) -> None:
        """Else a key would sign that nobody's copy of the JWKS holds yet."""
        (following,) = await waiting(house)
        others = [
            KeyRing(
                house.store,
                house.flows.keyring._sealer,
                house.flows.keyring._policy,
                clock=house.clock,
                randomness=house.ground.randomness,
            )
            for _ in range(4)
        ]
        for ring in others:
            await ring.keys()
        house.clock.advance(LIFETIME)
        async with house.store.transaction():
            rotating = [asyncio.create_task(ring.rotate_if_due()) for ring in others]
            await asyncio.sleep(0)  # each has found it due, and waits for its turn
        rotated = await asyncio.gather(*rotating)
        assert sorted(rotated) == [False, False, False, True]
        house.flows.standings.catch_up()
        assert await signing(house) == following
        assert len(await waiting(house)) == 1


class TestAnotherSecret:
    """WATCHWORD_SECRET=new,old while rotating it; then new alone."""

    @pytest.fixture
    def restarted(self, house: House, open_house: OpenHouse) -> OpenHouse:
        return partial(open_house, store=house.store, clock=house.clock, seed=1)

    async def test_in_front_of_the_old_one_signs_nobody_out(
        self, house: House, restarted: OpenHouse
    ) -> None:
        await house.register()
        grant = await house.sign_in()
        after = await restarted(NEW, SECRET)
        await after.enter(grant)
        following = await after.refresh(grant.held)
        await after.enter(following)

    async def test_in_front_of_the_old_one_keeps_a_retry_a_retry(
        self, house: House, restarted: OpenHouse
    ) -> None:
        await house.register()
        grant = await house.sign_in()
        lost = await house.refresh(grant.held)
        after = await restarted(NEW, SECRET)
        again = await after.refresh(grant.held)
        assert again.session.generation == lost.session.generation
        await after.refresh(lost.held)

    async def test_alone_after_both_have_been_given_once_opens_all_keys(
        self, house: House, restarted: OpenHouse
    ) -> None:
        await house.register()
        both = await restarted(NEW, SECRET)
        following = await both.refresh((await both.sign_in()).held)
        alone = await restarted(NEW)
        await alone.enter(following)
        await alone.refresh(following.held)

    async def test_alone_without_that_says_what_to_do(
        self, house: House, restarted: OpenHouse
    ) -> None:
        with pytest.raises(KeysSealedByAnotherSecret, match="WATCHWORD_SECRET=new,former") as told:
            await restarted(NEW)
        assert isinstance(told.value, Unavailable)
        assert NEW.reveal().decode() not in str(told.value)

    async def test_alone_refuses_what_only_the_old_one_made(
        self, house: House, restarted: OpenHouse
    ) -> None:
        await house.register()
        grant = await house.sign_in()
        await restarted(NEW, SECRET)
        alone = await restarted(NEW)
        with pytest.raises(TokenInvalid):
            await alone.refresh(grant.held)
        assert (await house.session(grant)).ended_at is None
