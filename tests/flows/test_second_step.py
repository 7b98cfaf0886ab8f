"""Half a sign-in costs what it must, and gives nothing away."""

import pytest

from tests.flows.house import CountedStore, House
from tests.flows.second_factor import ARRIVAL, an_owner, try_password
from watchword.domain.errors import InvalidCredentials, TokenInvalid
from watchword.domain.risk import NOTHING
from watchword.flows.second_step import FactorNeeded


class TestASignIn:
    async def test_without_a_second_factor_costs_no_more_for_it(self) -> None:
        store = CountedStore()
        house = await House.open(store=store)
        await house.register()
        before = store.transactions
        await house.sign_in()
        assert store.transactions - before == 1
        await house.close()

    async def test_half_done_shows_its_token_in_no_repr(self, house: House) -> None:
        await an_owner(house)
        asked = await try_password(house)
        assert isinstance(asked, FactorNeeded)
        assert asked.token not in repr(asked)
        pending = await house.flows.factors.step.find(asked.token)
        assert repr(pending.token_hash) not in repr(pending)

    async def test_r09_is_not_even_half_done_by_a_password_that_was_replaced(
        self, house: House
    ) -> None:
        ada = await an_owner(house)
        step = house.flows.factors.step
        async with house.store.transaction() as unit:
            with pytest.raises(InvalidCredentials):
                await step.ask(
                    unit,
                    ada.account,
                    ARRIVAL,
                    methods=("pwd",),
                    proven="the hash before",
                    judged=NOTHING,
                )

    async def test_goes_on_once_of_many_at_once(self, house: House) -> None:
        ada = await an_owner(house)
        asked = await try_password(house)
        assert isinstance(asked, FactorNeeded)
        step = house.flows.factors.step
        pending = await step.find(asked.token)
        await step.complete(pending, ada.next_code(), ARRIVAL)
        with pytest.raises(TokenInvalid):
            await step.complete(pending, ada.next_code(), ARRIVAL)
