import asyncio
from dataclasses import replace

import pytest

from tests.driving import PASSWORD
from tests.flows.house import ORIGIN, TRACE, House
from watchword.domain.accounts import Status
from watchword.domain.errors import Conflict, Invalid, LinkInvalid, PasswordRefused
from watchword.domain.roles import ADMIN, USER
from watchword.domain.sessions import Transport
from watchword.domain.time import HOUR
from watchword.flows.grants import Grant
from watchword.flows.sign_in import Arrival
from watchword.ports import AccountQuery, Hasher, HashState, PageRequest

ARRIVAL = Arrival(transport=Transport.BODY, origin=ORIGIN, trace=TRACE)


async def count_accounts(house: House) -> int:
    page = await house.flows.users.list_accounts(AccountQuery(), PageRequest(200))
    return len(page.rows)


class TestRegistering:
    async def test_makes_an_active_user_without_rights(self, house: House) -> None:
        account = await house.register("Ada@Example.com")
        assert (account.role, account.status, account.email_verified) == (
            USER,
            Status.ACTIVE,
            False,
        )
        assert account.email.text == "Ada@example.com"
        assert account.created_at == house.clock.now()
        assert (await house.enter(await house.sign_in())).permissions == frozenset()

    async def test_keeps_only_a_hash_of_the_password(self, house: House) -> None:
        account = await house.register()
        assert (account.password_hash or "").startswith("$argon2id$")
        assert PASSWORD not in (account.password_hash or "")

    async def test_is_written_down(self, house: House) -> None:
        account = await house.register()
        (event,) = await house.events("account.registered")
        assert (event.subject, event.actor, event.trace) == (account.id, account.id, TRACE)

    @pytest.mark.parametrize("spelled", ["ada@example.com", "ADA@EXAMPLE.COM.", " ada@example.com"])
    async def test_b03_takes_each_address_once_in_any_spelling(
        self, house: House, spelled: str
    ) -> None:
        await house.register()
        with pytest.raises(Conflict):
            await house.register(spelled)
        assert await count_accounts(house) == 1

    async def test_of_many_at_once_takes_the_address_once(self, house: House) -> None:
        told = await asyncio.gather(*(house.register() for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(answer, Conflict) for answer in told) == 9
        assert await count_accounts(house) == 1
        assert len(await house.events("account.registered")) == 1

    @pytest.mark.parametrize(
        ("email", "password", "fields"),
        [
            ("not an address", PASSWORD, {"email"}),
            ("ada@example.com", "short", {"password"}),
            ("ada@example.com", "ada@example.com", {"password"}),
            ("ada@example.com", "", {"password"}),
            ("not an address", "short", {"email", "password"}),
        ],
    )
    async def test_with_bad_input_names_every_field_and_makes_nobody(
        self, house: House, email: str, password: str, fields: set[str]
    ) -> None:
        with pytest.raises(Invalid) as refused:
            await house.register(email, password)
        assert {error.field for error in refused.value.errors} == fields
        assert await count_accounts(house) == 0

    async def test_a05_by_the_operators_word_makes_an_administrator(self, house: House) -> None:
        assert (await house.register_admin()).role == ADMIN


class TestTheSetUpLink:
    async def complete(self, house: House, token: str, email: str = "root@example.com") -> Grant:
        return await house.flows.setup.complete(token, email, PASSWORD, ARRIVAL)

    async def test_makes_the_first_administrator_and_signs_them_in(self, house: House) -> None:
        token = await house.flows.setup.make_link(TRACE)
        grant = await self.complete(house, token)
        assert grant.account.role == ADMIN
        assert (await house.enter(grant)).account == grant.account
        assert not await house.flows.setup.needs_admin()

    async def test_is_good_once(self, house: House) -> None:
        token = await house.flows.setup.make_link(TRACE)
        await self.complete(house, token)
        with pytest.raises(LinkInvalid):
            await self.complete(house, token, "other@example.com")

    async def test_of_many_at_once_makes_one_administrator(self, house: House) -> None:
        token = await house.flows.setup.make_link(TRACE)
        told = await asyncio.gather(
            *(self.complete(house, token, f"root{number}@example.com") for number in range(10)),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, Grant) for answer in told) == 1
        assert sum(isinstance(answer, LinkInvalid) for answer in told) == 9
        assert await count_accounts(house) == 1

    async def test_is_good_for_an_hour(self, house: House) -> None:
        token = await house.flows.setup.make_link(TRACE)
        house.clock.advance(HOUR)
        with pytest.raises(LinkInvalid):
            await self.complete(house, token)

    async def test_is_replaced_by_the_next(self, house: House) -> None:
        first = await house.flows.setup.make_link(TRACE)
        second = await house.flows.setup.make_link(TRACE)
        with pytest.raises(LinkInvalid):
            await self.complete(house, first)
        await self.complete(house, second)

    async def test_stays_good_when_the_password_is_refused(self, house: House) -> None:
        token = await house.flows.setup.make_link(TRACE)
        with pytest.raises(PasswordRefused):
            await house.flows.setup.complete(token, "root@example.com", "short", ARRIVAL)
        await self.complete(house, token)

    async def test_stays_good_when_the_address_is_taken(self, house: House) -> None:
        await house.register()
        token = await house.flows.setup.make_link(TRACE)
        with pytest.raises(Conflict):
            await self.complete(house, token, "ada@example.com")
        await self.complete(house, token)

    @pytest.mark.parametrize("token", ["", "x", "\udc80", "é" * 50])
    async def test_that_is_made_up_is_refused(self, house: House, token: str) -> None:
        await house.flows.setup.make_link(TRACE)
        with pytest.raises(LinkInvalid):
            await self.complete(house, token)

    async def test_is_of_no_use_once_there_is_an_administrator(self, house: House) -> None:
        token = await house.flows.setup.make_link(TRACE)
        await house.register_admin()
        with pytest.raises(LinkInvalid):
            await self.complete(house, token, "other@example.com")

    async def test_is_of_no_use_when_somebody_became_administrator_meanwhile(
        self, house: House
    ) -> None:
        """While the password is hashed, the operator's command makes one."""
        setup = house.flows.setup
        hasher = setup.registration.hasher

        class Slow(Hasher):
            async def hash(self, password: str) -> str:
                await house.register_admin()
                return await hasher.hash(password)

            async def verify(self, password: str, encoded: str | None) -> HashState:
                return await hasher.verify(password, encoded)

        token = await setup.make_link(TRACE)
        slow = replace(setup, registration=replace(setup.registration, hasher=Slow()))
        with pytest.raises(LinkInvalid):
            await slow.complete(token, "other@example.com", PASSWORD, ARRIVAL)
        assert await count_accounts(house) == 1
