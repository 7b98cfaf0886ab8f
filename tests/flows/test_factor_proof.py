"""Every try counts before it is made, on one account, and a code is burnt by its use."""

from dataclasses import replace

import pytest

from tests.flows.conftest import OpenHouse
from tests.flows.house import SECRET, TRACE, House
from tests.flows.second_factor import WRONG, an_owner, try_password
from watchword.crypto.secret import Secret
from watchword.domain.attempts import DISABLED_AFTER, LockoutPolicy
from watchword.domain.errors import MfaInvalid, TooManyAttempts
from watchword.domain.time import HOUR, MINUTE
from watchword.flows.factor_proof import FactorSealedByAnotherSecret, RecoveryCode
from watchword.flows.grants import Grant
from watchword.flows.second_step import FactorNeeded
from watchword.ports import Allowance

OTHER = Secret(b"another secret of the test, as long.")


class TestACode:
    async def test_b10_is_burnt_by_its_use_whatever_comes_of_it(self, house: House) -> None:
        ada = await an_owner(house)
        code = ada.next_code()
        proof = house.flows.factors.step.proof
        await proof(ada.account, None, code, TRACE)
        with pytest.raises(MfaInvalid):
            await proof(ada.account, None, code, TRACE)

    async def test_shows_itself_in_no_repr(self, house: House) -> None:
        ada = await an_owner(house)
        code, spare = ada.next_code(), RecoveryCode(ada.recovery_codes[0])
        assert code.text not in repr(code)
        assert spare.text not in repr(spare)

    async def test_is_none_once_the_password_is_disabled(self, open_house: OpenHouse) -> None:
        """After a hundred failures in a row only a reset helps (NIST SP 800-63B-4 3.2.2)."""
        policy = LockoutPolicy(1_000, MINUTE)
        house = await open_house(lockout_policy=policy, limit_mfa=None)
        ada = await an_owner(house)
        for _ in range(DISABLED_AFTER):
            await house.store.lockouts.begin(
                f"account:{ada.account.id}", policy, now=house.clock.now()
            )
        with pytest.raises(MfaInvalid):
            await house.flows.factors.step.proof(ada.account, None, ada.next_code(), TRACE)


class TestTheCount:
    async def test_b09_is_of_so_many_an_hour_and_a_success_is_none_of_them(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house(lockout_policy=None, limit_mfa=Allowance(2, HOUR))
        ada = await an_owner(house)
        proof = house.flows.factors.step.proof
        for _ in range(3):
            await proof(ada.account, None, ada.next_code(), TRACE)
        for _ in range(2):
            with pytest.raises(MfaInvalid):
                await proof(ada.account, None, WRONG, TRACE)
        with pytest.raises(TooManyAttempts) as refused:
            await proof(ada.account, None, ada.next_code(), TRACE)
        assert refused.value.allowed == 2
        assert 0 < refused.value.retry_after <= HOUR

    async def test_b09_a_try_beyond_it_locks_nobody(self, open_house: OpenHouse) -> None:
        house = await open_house(
            lockout_policy=LockoutPolicy(3, MINUTE), limit_mfa=Allowance(1, HOUR)
        )
        ada = await an_owner(house)
        proof = house.flows.factors.step.proof
        with pytest.raises(MfaInvalid):
            await proof(ada.account, None, WRONG, TRACE)
        for _ in range(9):
            with pytest.raises(TooManyAttempts):
                await proof(ada.account, None, WRONG, TRACE)
        assert isinstance(await try_password(house), FactorNeeded)

    async def test_b12_of_failures_is_not_cleared_by_half_a_proof(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house(lockout_policy=LockoutPolicy(3, MINUTE))
        await an_owner(house)
        for _ in range(2):
            assert isinstance(await try_password(house), FactorNeeded)
            with pytest.raises(MfaInvalid):
                await try_password(house, WRONG)
        with pytest.raises(MfaInvalid):
            await try_password(house, WRONG)
        with pytest.raises(TooManyAttempts):
            await try_password(house)

    async def test_is_cleared_by_the_whole_proof(self, open_house: OpenHouse) -> None:
        house = await open_house(lockout_policy=LockoutPolicy(3, MINUTE))
        ada = await an_owner(house)
        for _ in range(3):
            for _ in range(2):
                with pytest.raises(MfaInvalid):
                    await try_password(house, WRONG)
            assert isinstance(await try_password(house, ada.next_code()), Grant)


class TestASealedSecret:
    async def test_opens_by_every_secret_that_is_given(self, open_house: OpenHouse) -> None:
        first = await open_house(SECRET)
        ada = await an_owner(first)
        second = await open_house(OTHER, SECRET, store=first.store, clock=first.clock, seed=1)
        assert isinstance(await try_password(second, ada.next_code()), Grant)

    async def test_that_does_not_open_is_an_outage_and_no_failure_of_its_owner(
        self, open_house: OpenHouse
    ) -> None:
        house = await open_house(lockout_policy=LockoutPolicy(2, MINUTE))
        ada = await an_owner(house)
        moved = replace(ada.account, id="u-nobody")
        proof = house.flows.factors.step.proof
        async with house.store.transaction() as unit:
            held = await unit.totp.find(ada.account.id)
            assert held is not None
            await unit.totp.reseal(held, b"sealed by nobody here")
        for _ in range(5):
            with pytest.raises(FactorSealedByAnotherSecret) as refused:
                await proof(ada.account, None, ada.next_code(), TRACE)
            assert "WATCHWORD_SECRET" in str(refused.value)
            assert "WATCHWORD_SECRET" not in refused.value.detail
        with pytest.raises(MfaInvalid):
            await proof(moved, None, ada.next_code(), TRACE)
