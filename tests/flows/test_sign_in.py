import asyncio
from dataclasses import replace

import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, House, details
from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters
from watchword.domain.accounts import Status
from watchword.domain.errors import (
    AccountDisabled,
    Invalid,
    InvalidCredentials,
    SessionLimitReached,
    SessionRevoked,
)
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, SECOND
from watchword.ports import HashState
from watchword.settings import SessionLimit

OTHER = "another phrase altogether"


class Watched:
    """A hasher that remembers what it was asked to verify with, and can be made to wait."""

    def __init__(self, hasher: Argon2Hasher) -> None:
        self._hasher = hasher
        self.verified: list[str | None] = []
        self.meanwhile: list[asyncio.Event] = []

    async def hash(self, password: str) -> str:
        return await self._hasher.hash(password)

    async def verify(self, password: str, encoded: str | None) -> HashState:
        self.verified.append(encoded)
        return await self._hasher.verify(password, encoded)


def watch_hashing(house: House) -> Watched:
    flow = house.flows.sign_in
    watched = Watched(Argon2Hasher(Argon2Parameters.for_tests(), house.ground.pool))
    proof = replace(flow.proof, hasher=watched)
    house.flows = replace(house.flows, sign_in=replace(flow, proof=proof))
    return watched


class TestTheRightPassword:
    @pytest.mark.parametrize("transport", Transport)
    async def test_opens_a_session_that_works(self, house: House, transport: Transport) -> None:
        account = await house.register()
        grant = await house.sign_in(transport=transport)
        caller = await house.enter(grant)
        assert caller.account == account
        assert (caller.session.transport, caller.session.amr) == (transport, ("pwd",))

    async def test_s01_opens_a_new_session_each_time(self, house: House) -> None:
        await house.register()
        grants = [await house.sign_in() for _ in range(5)]
        assert len({grant.session.id for grant in grants}) == 5
        assert len({grant.session.salt for grant in grants}) == 5

    async def test_b03_is_the_same_for_every_spelling_of_the_address(self, house: House) -> None:
        account = await house.register("Zoë@Example.com")
        for spelled in ("zoe\u0308@example.com", " ZOË@EXAMPLE.COM.", "zoë@example.com"):
            assert (await house.sign_in(spelled)).account == account

    async def test_is_the_same_composed_or_decomposed(self, house: House) -> None:
        """NIST SP 800-63B-4 section 3.1.1.2: NFC before hashing."""
        await house.register(password="crème brûlée à la plage")
        await house.sign_in(password="cre\u0300me bru\u0302le\u0301e a\u0300 la plage")

    @pytest.mark.parametrize(
        "altered", [PASSWORD + " ", " " + PASSWORD, PASSWORD.title(), PASSWORD[:-1], ""]
    )
    async def test_is_taken_exactly_as_it_is(self, house: House, altered: str) -> None:
        """ASVS 6.2.8."""
        await house.register()
        with pytest.raises(InvalidCredentials):
            await house.sign_in(password=altered)

    async def test_is_written_down(self, house: House) -> None:
        account = await house.register()
        grant = await house.sign_in()
        (event,) = await house.events("session.signed_in")
        assert (event.subject, event.session) == (account.id, grant.session.id)
        assert details(event) == {"amr": "pwd", "new_device": True}

    async def test_of_a_service_that_remembers_not_lasts_a_day(self, house: House) -> None:
        await house.register()
        grant = await house.sign_in(remember=False)
        assert grant.session.expires_at == house.clock.now() + DAY
        assert grant.session.idle_ttl == DAY
        assert not grant.session.remembered

    async def test_lives_no_longer_unremembered_than_remembered(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house(session_absolute_ttl=HOUR, session_idle_ttl=HOUR)
        await house.register()
        for remember in (True, False):
            grant = await house.sign_in(remember=remember)
            assert grant.session.expires_at == house.clock.now() + HOUR


class TestARefusal:
    async def test_e01_is_one_for_a_wrong_password_and_an_unknown_address(
        self, house: House
    ) -> None:
        await house.register()
        told = []
        for email in ("ada@example.com", "nobody@example.com"):
            with pytest.raises(InvalidCredentials) as refused:
                await house.sign_in(email, OTHER)
            told.append((type(refused.value), str(refused.value)))
        assert told[0] == told[1]

    async def test_e02_costs_the_same_work_for_every_kind_of_account(self, house: House) -> None:
        """An unknown address, one without a password and a disabled one are all hashed for."""
        known = await house.register()
        disabled = await house.register("dan@example.com")
        await house.flows.users.change_status(None, disabled.id, Status.DISABLED, TRACE)
        bare = replace(known, id="u-bare", email=replace(known.email, key="bare@example.com"))
        async with house.store.transaction() as unit:
            await unit.accounts.insert(replace(bare, password_hash=None))
        watched = watch_hashing(house)
        for email in ("ada@example.com", "nobody@example.com", "dan@example.com", "bare@example.com"):
            with pytest.raises(InvalidCredentials):
                await house.sign_in(email, OTHER)
        assert watched.verified == [known.password_hash, None, disabled.password_hash, None]

    async def test_e01_of_a_disabled_account_is_told_only_to_who_has_its_password(
        self, house: House
    ) -> None:
        account = await house.register()
        await house.flows.users.change_status(None, account.id, Status.DISABLED, TRACE)
        with pytest.raises(InvalidCredentials):
            await house.sign_in(password=OTHER)
        with pytest.raises(AccountDisabled):
            await house.sign_in()
        assert await house.live(account) == []

    async def test_is_written_down_without_the_address(self, house: House) -> None:
        with pytest.raises(InvalidCredentials):
            await house.sign_in("nobody@example.com")
        (event,) = await house.events("session.sign_in_failed")
        assert event.subject is None
        assert "nobody" not in repr(event)

    async def test_of_what_is_no_address_is_a_refusal_of_the_field(self, house: House) -> None:
        with pytest.raises(Invalid) as refused:
            await house.sign_in("not an address")
        assert refused.value.errors[0].field == "email"


class TestWhatChangesMeanwhile:
    """While a password is hashed, others act: what is true at the end of it decides."""

    async def sign_in_while(self, house: House, *acts: object) -> None:
        raise AssertionError

    async def test_r09_a_password_that_was_changed_wins(self, house: House) -> None:
        account = await house.register()
        stale = replace(account, password_hash=account.password_hash)
        encoded = await house.ground.hasher.hash(OTHER)
        async with house.store.transaction() as unit:
            await unit.accounts.replace_password(
                account.id, encoded, instead_of=account.password_hash or ""
            )
        with pytest.raises(InvalidCredentials):
            await self.finish(house, stale)
        assert await house.live(account) == []

    async def test_a07_an_account_that_was_disabled_stays_out(self, house: House) -> None:
        account = await house.register()
        await house.flows.users.change_status(None, account.id, Status.DISABLED, TRACE)
        with pytest.raises(AccountDisabled):
            await self.finish(house, account)
        assert await house.live(account) == []

    async def test_a07_an_account_that_was_deleted_stays_out(self, house: House) -> None:
        account = await house.register()
        async with house.store.transaction() as unit:
            await unit.accounts.delete(account.id)
        with pytest.raises(InvalidCredentials):
            await self.finish(house, account)
