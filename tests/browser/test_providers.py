"""Signing in elsewhere from the first click to the last: Chromium, and a provider that is not ours.

The provider is another site to the browser, so its rules for cookies and for referrers are at work.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from pyotp import TOTP

from tests.browser.album import Album
from tests.browser.elsewhere import Traveller, a_traveller
from tests.browser.person import EMAIL, Person
from tests.real_provider import modules_of
from tests.web.contract import change_rows, events, rows
from watchword.domain.time import SECOND

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINKED = f"elsewhere: {EMAIL}"


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> Path:
    return modules_of(pytestconfig)


@pytest_asyncio.fixture(loop_scope="module")
async def ada(
    browser: Browser, installed: Path, tmp_path: Path, album: Album
) -> AsyncIterator[Traveller]:
    async with a_traveller(browser, installed, tmp_path, album) as traveller:
        yield traveller


async def has_a_second_factor(person: Person) -> TOTP:
    _, app = await person.posts("/auth/mfa/enable", {})
    phone = TOTP(app["secret"])
    code = phone.at(person.server.clock.now() // SECOND)
    assert (await person.posts("/auth/mfa/verify", {"code": code}))[0] == 200
    return phone


class TestSigningIn:
    async def test_goes_there_and_comes_back_with_an_account(self, ada: Traveller) -> None:
        await ada.goes_through("ada")
        await ada.person.sees_account("fed")
        await ada.sees_linked(LINKED)
        await ada.page.reload()
        await ada.person.sees_account("fed")
        assert rows(ada.person.server, "SELECT email_verified FROM users") == [(1,)]
        assert ada.person.complaints == []

    async def test_a_second_time_takes_one_click(self, ada: Traveller) -> None:
        await ada.goes_through("ada")
        await ada.person.sees_account("fed")
        await ada.person.signs_out()
        await ada.leaves()
        await ada.person.sees_account("fed")
        assert rows(ada.person.server, "SELECT count(*) FROM users") == [(1,)]

    async def test_leaves_the_cookies_of_a_session_and_no_other(self, ada: Traveller) -> None:
        await ada.goes_through("ada")
        await ada.person.sees_account("fed")
        own = await ada.page.context.cookies(ada.person.server.core.settings.public_url)
        held = {cookie["name"]: (cookie["sameSite"], cookie["httpOnly"]) for cookie in own}
        assert held == {"session": ("Lax", True), "device": ("Strict", True)}

    async def test_a_no_at_the_provider_is_told_and_can_be_thought_over(
        self, ada: Traveller
    ) -> None:
        await ada.leaves()
        await ada.cancels()
        problem = await ada.is_refused()
        assert (problem["status"], problem["code"]) == (400, "OAUTH_FAILED")
        assert "End-User" not in problem["message"]  # the provider's words are not ours
        await ada.is_a_stranger()
        await ada.goes_through("ada")
        await ada.person.sees_account("fed")

    async def test_o02_an_answer_in_another_browser_signs_nobody_in(
        self, ada: Traveller, browser: Browser
    ) -> None:
        address = await ada.is_held_up("ada")
        async with await browser.new_context() as context:
            other = Traveller(await Person.at(ada.person.server, context, autofill=False))
            await other.page.goto(address)
            problem = await other.is_refused()
            assert (problem["status"], problem["code"]) == (400, "OAUTH_FAILED")
            await other.is_a_stranger()
        assert rows(ada.person.server, "SELECT count(*) FROM users") == [(0,)]
        await ada.page.goto(address)
        await ada.person.sees_account("fed")

    async def test_o04_the_way_back_is_good_once(self, ada: Traveller) -> None:
        address = await ada.is_held_up("ada")
        await ada.page.goto(address)
        await ada.person.sees_account("fed")
        await ada.page.goto(address)
        assert (await ada.is_refused())["code"] == "OAUTH_FAILED"

    async def test_s14_asks_for_the_second_factor_on_the_way_back(self, ada: Traveller) -> None:
        await ada.goes_through("ada")
        await ada.person.sees_account("fed")
        phone = await has_a_second_factor(ada.person)
        await ada.person.signs_out()
        await ada.leaves()
        problem = await ada.is_refused()
        assert (problem["status"], problem["code"]) == (401, "MFA_REQUIRED")
        await ada.is_a_stranger()
        code = phone.at(ada.person.server.clock.advance(30 * SECOND) // SECOND)
        body = {"mfaToken": problem["mfaToken"], "code": code, "transport": "session"}
        status, answer = await ada.person.posts("/auth/mfa/complete", body)
        assert (status, answer["session"]["amr"]) == (200, ["fed", "otp", "mfa"])


class TestAnAccountThatWasThereBefore:
    async def test_o07_is_reached_by_signing_in_and_linking(self, ada: Traveller) -> None:
        await ada.person.registers()
        await ada.person.signs_out()
        await ada.goes_through("ada")
        problem = await ada.is_refused()
        assert (problem["status"], problem["code"]) == (400, "OAUTH_FAILED")
        assert "link this provider there" in problem["message"]
        await ada.is_a_stranger()
        await ada.person.signs_in()
        await ada.person.clicks("Link Elsewhere")
        await ada.sees_linked(LINKED)
        await ada.person.sees_account("pwd")
        await ada.person.signs_out()
        await ada.leaves()
        await ada.person.sees_account("fed")

    async def test_o07_with_an_address_that_both_have_verified_is_linked_by_itself(
        self, ada: Traveller
    ) -> None:
        await ada.person.registers()
        await ada.person.signs_out()
        await change_rows(ada.person.server, "UPDATE users SET email_verified = 1")
        await ada.goes_through("ada")
        await ada.person.sees_account("fed")
        mail = await ada.person.server.mail()
        assert (mail.to, mail.subject) == (EMAIL, "New way to sign in at Watchword")

    async def test_may_have_another_address_there(self, ada: Traveller) -> None:
        await ada.person.registers()
        await ada.links("countess")
        await ada.sees_linked("elsewhere: countess@example.com")
        await ada.person.signs_out()
        await ada.leaves()
        await ada.person.sees_account("fed")

    async def test_is_left_as_it_was_by_a_no(self, ada: Traveller) -> None:
        await ada.person.registers()
        await ada.person.clicks("Link Elsewhere")
        await ada.cancels()
        assert (await ada.is_refused())["code"] == "OAUTH_FAILED"
        await ada.goes_home()
        await ada.person.sees_account("pwd")
        await ada.sees_linked()

    async def test_o13_keeps_the_last_way_in(self, ada: Traveller) -> None:
        await ada.goes_through("ada")
        await ada.person.sees_account("fed")
        await ada.person.clicks("Unlink")
        await expect(ada.page.get_by_role("status")).to_contain_text("last")
        await ada.sees_linked(LINKED)

    async def test_is_unlinked_by_a_click(self, ada: Traveller) -> None:
        await ada.person.registers()
        await ada.links("ada")
        await ada.person.clicks("Unlink")
        await ada.sees_linked()
        written = [event.type for event in events(ada.person.server)]
        assert written[-2:] == ["credential.identity_linked", "credential.identity_unlinked"]
