import asyncio
from typing import Any

import pytest

from tests.driving import PASSWORD
from tests.flows.conftest import OpenHouse
from tests.flows.house import TRACE, CountedStore, House, details
from watchword.domain.errors import (
    Busy,
    InvalidCredentials,
    TooManyAttempts,
    Unavailable,
    WrongCurrentPassword,
)
from watchword.domain.sessions import Transport
from watchword.domain.time import DAY, HOUR, MINUTE
from watchword.flows.grants import Grant

WRONG = "not the phrase at all"
SPELLINGS = ("ADA@example.com", " ada@example.com", "ada@example.com.", "Ada@Example.Com")


async def fail(house: House, times: int, email: str = "ada@example.com", **arrival: Any) -> None:
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            await house.sign_in(email, WRONG, **arrival)


async def require_locked(house: House, email: str = "ada@example.com", **arrival: Any) -> int:
    """With the right password; how long it still is."""
    with pytest.raises(TooManyAttempts) as refused:
        await house.sign_in(email, PASSWORD, **arrival)
    return refused.value.retry_after


class TestALock:
    async def test_comes_after_five_failures_right_password_or_not(self, house: House) -> None:
        await house.register()
        await fail(house, 5)
        assert await require_locked(house) == 15 * MINUTE
        with pytest.raises(TooManyAttempts):
            await house.sign_in(password=WRONG)

    async def test_is_over_at_its_end(self, house: House) -> None:
        await house.register()
        await fail(house, 5)
        house.clock.advance(15 * MINUTE - 1)
        assert await require_locked(house) == 1
        house.clock.advance(1)
        await house.sign_in()

    async def test_doubles_and_a_success_begins_anew(self, house: House) -> None:
        await house.register()
        await fail(house, 5)
        house.clock.advance(15 * MINUTE)
        await fail(house, 5)
        assert await require_locked(house) == 30 * MINUTE
        house.clock.advance(30 * MINUTE)
        await house.sign_in()
        await fail(house, 5)
        assert await require_locked(house) == 15 * MINUTE

    async def test_is_not_made_longer_by_knocking(self, house: House) -> None:
        await house.register()
        await fail(house, 5)
        for _ in range(20):
            await require_locked(house)
        house.clock.advance(15 * MINUTE)
        await house.sign_in()

    async def test_b03_counts_every_spelling_of_the_address(self, house: House) -> None:
        await house.register()
        for spelled in SPELLINGS:
            await fail(house, 1, spelled)
        await fail(house, 1)
        await require_locked(house, "aDa@example.com")

    async def test_e06_is_the_same_for_an_address_that_does_not_exist(self, house: House) -> None:
        await house.register()
        for email in ("ada@example.com", "nobody@example.com"):
            await fail(house, 5, email)
            assert await require_locked(house, email) == 15 * MINUTE

    async def test_is_of_one_account_and_no_other(self, house: House) -> None:
        await house.register()
        await house.register("bob@example.com")
        await fail(house, 5)
        await house.sign_in("bob@example.com")

    async def test_b08_success_with_one_account_takes_nothing_off_another(
        self, house: House
    ) -> None:
        await house.register()
        await house.register("mallory@example.com")
        for _ in range(4):
            await fail(house, 1)
            await house.sign_in("mallory@example.com")
        await fail(house, 1)
        await require_locked(house)

    async def test_is_written_down_with_the_failure_that_brings_it(self, house: House) -> None:
        account = await house.register()
        await fail(house, 4)
        assert await house.events("account.locked") == []
        await fail(house, 1)
        (event,) = await house.events("account.locked")
        assert (event.subject, details(event)) == (account.id, {"seconds": 900, "failures": 5})

    async def test_can_be_turned_off(self, open_house: OpenHouse) -> None:
        house = await open_house(lockout_policy=None)
        await house.register()
        await fail(house, 30)
        await house.sign_in()


class TestEveryDoor:
    """Attack B13: guesses by one door count at all of them."""

    @pytest.fixture
    async def grant(self, house: House) -> Grant:
        await house.register()
        return await house.sign_in()

    async def guess(self, house: House, grant: Grant, door: str) -> None:
        caller = await house.enter(grant)
        credentials = house.flows.credentials
        if door == "reauthenticate":
            await credentials.reauthenticate(caller, WRONG, TRACE, device=None)
        elif door == "change_password":
            await credentials.change_password(caller, WRONG, "x" * 20, TRACE, device=None)
        else:
            await house.sign_in(password=WRONG)

    @pytest.mark.parametrize("door", ["sign_in", "reauthenticate", "change_password"])
    async def test_b13_leads_to_the_same_count(self, house: House, grant: Grant, door: str) -> None:
        for _ in range(5):
            with pytest.raises((InvalidCredentials, WrongCurrentPassword)):
                await self.guess(house, grant, door)
        for other in ("sign_in", "reauthenticate", "change_password"):
            with pytest.raises(TooManyAttempts):
                await self.guess(house, grant, other)

    async def test_b13_mixed_is_one_count(self, house: House, grant: Grant) -> None:
        for door in ("sign_in", "reauthenticate", "change_password", "sign_in", "reauthenticate"):
            with pytest.raises((InvalidCredentials, WrongCurrentPassword)):
                await self.guess(house, grant, door)
        await require_locked(house)

    async def test_is_locked_for_guesses_and_not_for_who_is_signed_in(
        self, house: House, grant: Grant
    ) -> None:
        await fail(house, 5)
        await house.enter(grant)
        await house.refresh(grant.held)


class TestManyAtOnce:
    async def test_b04_are_hashed_no_more_often_than_the_limit(self, house: House) -> None:
        await house.register()
        told = await asyncio.gather(
            *(house.sign_in(password=WRONG) for _ in range(100)), return_exceptions=True
        )
        kinds = [type(answer) for answer in told]
        assert kinds.count(InvalidCredentials) == 5
        assert kinds.count(TooManyAttempts) == 95

    async def test_b04_guesses_hide_no_right_one_among_them(self, house: House) -> None:
        """A hundred with the right one last: it comes too late."""
        await house.register()
        guesses = [house.sign_in(password=WRONG) for _ in range(99)]
        told = await asyncio.gather(*guesses, house.sign_in(), return_exceptions=True)
        assert isinstance(told[-1], TooManyAttempts)


class TestAFailure:
    async def test_b05_stays_counted_when_all_else_of_it_fails(self, open_house: OpenHouse) -> None:
        """What was to be written with it is rolled back; the count is not."""
        store = CountedStore()
        house = await open_house(store=store)
        await house.register()
        store.is_down = True
        for _ in range(5):
            with pytest.raises(Unavailable):
                await house.sign_in(password=WRONG)
        store.is_down = False
        assert await house.events("session.sign_in_failed") == []
        await require_locked(house)

    async def test_b05_is_known_to_every_process_on_the_store(
        self, house: House, open_house: OpenHouse
    ) -> None:
        await house.register()
        await fail(house, 4)
        other = await open_house(store=house.store, clock=house.clock, seed=1)
        await fail(other, 1)
        await require_locked(house)
        await require_locked(other)

    async def test_of_a_deleted_account_is_forgotten_with_it(self, house: House) -> None:
        account = await house.register()
        grant = await house.sign_in(transport=Transport.COOKIE)
        await fail(house, 4)
        await fail(house, 3, device=grant.device)
        await house.flows.users.delete(await house.enter(grant), account.id, TRACE)
        assert house.memory.lockouts._attempts == {}


class TestAKnownDevice:
    """Attack B06: whoever locks an account must not lock its owner out."""

    async def test_b06_gets_in_while_strangers_have_locked_the_account(self, house: House) -> None:
        await house.register()
        device = (await house.sign_in(transport=Transport.COOKIE)).device
        await fail(house, 5)
        await require_locked(house)
        await house.sign_in(transport=Transport.COOKIE, device=device)

    async def test_b06_lets_nobody_else_in_with_its_success(self, house: House) -> None:
        await house.register()
        device = (await house.sign_in(transport=Transport.COOKIE)).device
        await fail(house, 5)
        await house.sign_in(transport=Transport.COOKIE, device=device)
        await require_locked(house)

    async def test_has_a_limit_of_its_own(self, house: House) -> None:
        await house.register()
        device = (await house.sign_in(transport=Transport.COOKIE)).device
        await fail(house, 5, device=device)
        await require_locked(house, device=device)
        await house.sign_in()

    async def test_of_another_account_is_a_stranger(self, house: House) -> None:
        await house.register()
        await house.register("mallory@example.com")
        strange = (await house.sign_in("mallory@example.com", transport=Transport.COOKIE)).device
        await fail(house, 5, device=strange)
        await require_locked(house)

    async def test_that_is_forged_is_a_stranger(self, house: House) -> None:
        await house.register()
        await fail(house, 5, device="made.up")
        await require_locked(house)


class TestAHundredFailuresInARow:
    async def fail_patiently(self, house: House, times: int) -> None:
        """One every other day, so that no lock stands in the way."""
        for _ in range(times):
            house.clock.advance(2 * DAY)
            await fail(house, 1)

    async def test_disable_the_password(self, house: House) -> None:
        """NIST SP 800-63B-4 section 3.2.2: attempt 101 fails with the right password."""
        await house.register()
        await self.fail_patiently(house, 100)
        house.clock.advance(2 * DAY)
        with pytest.raises(InvalidCredentials):
            await house.sign_in()

    async def test_are_a_hundred_and_not_ninety_nine(self, house: House) -> None:
        await house.register()
        await self.fail_patiently(house, 99)
        house.clock.advance(2 * DAY)
        await house.sign_in()
        await self.fail_patiently(house, 99)
        house.clock.advance(2 * DAY)
        await house.sign_in()


class TestABusyService:
    async def test_says_so_before_any_work(self, open_house: OpenHouse) -> None:
        house = await open_house(hash_queue=1)
        await house.register()
        told = await asyncio.gather(
            *(house.sign_in(f"u{number}@example.com", WRONG) for number in range(40)),
            return_exceptions=True,
        )
        assert {type(answer) for answer in told} == {Busy, InvalidCredentials}

    async def test_keeps_a_lock_no_longer_than_an_hour(self, house: House) -> None:
        await house.register()
        for _ in range(6):
            await fail(house, 5)
            house.clock.advance(HOUR)
        await house.sign_in()
