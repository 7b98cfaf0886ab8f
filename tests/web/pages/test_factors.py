"""The page of one's own second factor, without a script: what it refuses, and what stays."""

import re

import pytest

from tests.driving import Server
from tests.web.second_factor import Phone, complete, login, token_of
from tests.web.visitor import Page, Visitor

HOME = "/account/two-factor"
CODES = f"{HOME}/recovery-codes"
OFF = f"{HOME}/disable"


def codes_on(page: Page) -> list[str]:
    return re.findall(r"<code>([^<]+)</code>", page.answer.text)


def by_code(page: Page) -> int:
    """Of the two forms that turn it off, the one that takes a code of the app."""
    return next(
        n for n, form in enumerate(page.forms) if form.action == OFF and "code" in form.names
    )


@pytest.fixture
async def ada(server: Server) -> Visitor:
    await server.register()
    visitor = Visitor(server)
    await visitor.sign_in()
    return visitor


async def set_up(ada: Visitor) -> Phone:
    page = await ada.look(HOME)
    page = await ada.send(page.form(f"{HOME}/app"))
    (secret,) = codes_on(page)
    phone = Phone(ada.server, secret)
    page = await ada.send(page.form(f"{HOME}/app/confirm"), code=phone.code())
    phone.recovery_codes = codes_on(page)
    return phone


async def is_on(server: Server) -> bool:
    return bool((await login(server)).json().get("code") == "MFA_REQUIRED")


class TestSettingItUp:
    async def test_from_a_tab_that_does_not_know_that_it_is_on_changes_nothing(
        self, ada: Visitor
    ) -> None:
        other = await ada.look(HOME)
        phone = await set_up(ada)
        page = await ada.send(other.form(f"{HOME}/app"))
        assert (page.status, page.focus) == (409, ["alert"])
        assert page.alert == "Your second factor is on already. Turn it off first."
        token = await token_of(ada.server)
        assert (await complete(ada.server, token, code=phone.next_code())).status_code == 200

    async def test_b09_by_guesses_ends_with_the_tries(self, ada: Visitor) -> None:
        page = await ada.look(HOME)
        page = await ada.send(page.form(f"{HOME}/app"))
        (secret,) = codes_on(page)
        phone, form = Phone(ada.server, secret), page.form(f"{HOME}/app/confirm")
        statuses = [(await ada.send(form, code=phone.wrong_code())).status for _ in range(11)]
        assert statuses[0] == 401
        assert statuses[-1] == 429
        assert (await ada.send(form, code=phone.code())).status == 429
        assert ada.page.answer.headers["retry-after"].isdecimal()
        assert not await is_on(ada.server)


class TestNewRecoveryCodes:
    async def test_take_the_place_of_the_old_ones(self, ada: Visitor) -> None:
        phone = await set_up(ada)
        page = await ada.look(HOME)
        fresh = codes_on(await ada.send(page.form(CODES)))
        assert len(fresh) == 10
        assert not set(fresh) & set(phone.recovery_codes)
        token = await token_of(ada.server)
        old = await complete(ada.server, token, recoveryCode=phone.recovery_codes[0])
        assert old.status_code == 401
        assert (await complete(ada.server, token, recoveryCode=fresh[0])).status_code == 200

    async def test_are_made_for_nobody_whose_second_factor_is_off(self, ada: Visitor) -> None:
        phone = await set_up(ada)
        page = await ada.look(HOME)
        renewing, ending = page.form(CODES), page.forms[by_code(page)]
        await ada.send(ending, code=phone.next_code())
        page = await ada.send(renewing)
        assert (page.status, page.focus) == (409, ["alert"])
        assert page.alert == "Your second factor is off. Turn it on first."
        assert codes_on(page) == []


class TestTurningItOff:
    async def test_takes_a_code_that_is_right(self, ada: Visitor) -> None:
        phone = await set_up(ada)
        page = await ada.look(HOME)
        wrong = phone.wrong_code()
        page = await ada.send(page.forms[by_code(page)], code=wrong)
        assert (page.status, page.focus) == (401, ["alert"])
        assert wrong not in page.answer.text
        assert await is_on(ada.server)

    async def test_takes_a_recovery_code_that_nobody_has_used(self, ada: Visitor) -> None:
        phone = await set_up(ada)
        used = phone.recovery_codes[0]
        token = await token_of(ada.server)
        assert (await complete(ada.server, token, recoveryCode=used)).status_code == 200
        page = await ada.look(HOME)
        (form,) = [form for form in page.forms if "recoveryCode" in form.names]
        page = await ada.send(form, recoveryCode=used)
        assert page.status == 401
        assert used not in page.answer.text
        assert await is_on(ada.server)

    async def test_twice_says_that_it_is_off(self, ada: Visitor) -> None:
        phone = await set_up(ada)
        page = await ada.look(HOME)
        form = page.forms[by_code(page)]
        await ada.send(form, code=phone.next_code())
        page = await ada.send(form, code=phone.next_code())
        assert (page.status, page.alert) == (409, "Your second factor is off already.")
        assert not await is_on(ada.server)
