"""Our own pages in a real Chromium: with a script and without, on a phone and on a desk."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect
from pyotp import TOTP

from tests.browser.person import EMAIL
from tests.browser.reader import DESK, PHONE, Visiting
from tests.driving import PASSWORD
from watchword.domain.time import MINUTE, SECOND

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = "another battery staple, and a horse"
PUBLIC = ["/sign-in", "/register", "/forgot-password", "/reset-password", "/verify-email"]
PUBLIC += ["/magic-link", "/setup", "/nowhere"]
OWN = ["/account", "/account/password", "/account/devices", "/account/two-factor", "/confirm"]
OWN += ["/account/passkeys", "/account/passkeys/add", "/account/providers", "/account/activity"]
OWN += ["/account/data", "/account/delete"]


class TestEveryPage:
    @pytest.mark.parametrize("how", [PHONE, DESK], ids=["phone", "desk"])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_is_for_everybody_fits_and_complains_of_nothing(
        self, visiting: Visiting, axe: str, how: dict[str, Any], scheme: str
    ) -> None:
        reader = await visiting(**how, color_scheme=scheme)
        for path in PUBLIC:
            await reader.goes_to(path)
            assert (path, await reader.unusable(axe)) == (path, [])
            assert (path, await reader.overflow()) == (path, 0)
            assert (path, await reader.moved()) == (path, 0)
        missing = "Failed to load resource: the server responded with a status of 404 (Not Found)"
        assert reader.complaints == [missing]
        reader.complaints.clear()
        await reader.registers()
        for path in OWN:
            await reader.goes_to(path)
            assert (path, await reader.unusable(axe)) == (path, [])
            assert (path, await reader.overflow()) == (path, 0)
            assert (path, await reader.moved()) == (path, 0)
        assert reader.complaints == []
        assert await reader.kept() == [0, 0]

    async def test_is_read_in_the_language_of_the_browser(self, visiting: Visiting) -> None:
        reader = await visiting(locale="de-DE")
        await reader.goes_to("/sign-in")
        await expect(reader.page.get_by_role("heading")).to_have_text("Anmelden")
        assert await reader.page.locator("html").get_attribute("lang") == "de"

    async def test_is_small(self, visiting: Visiting) -> None:
        """Everything that the first page loads, as it goes over the wire."""
        reader = await visiting()
        sizes: list[int] = []

        async def weigh(answer: Any) -> None:
            sizes.append(len(await answer.body()))

        reader.page.on("response", weigh)
        await reader.goes_to("/sign-in")
        await reader.page.wait_for_load_state("networkidle")
        assert len(sizes) >= 4
        assert sum(sizes) <= 60_000


class TestWithoutAScript:
    async def test_the_whole_life_of_an_account_goes_on(self, visiting: Visiting) -> None:
        reader = await visiting(java_script_enabled=False)
        await reader.registers()
        await reader.goes_to("/account/two-factor")
        await reader.clicks("Set it up")
        secret = await reader.page.locator("details code").text_content()
        assert secret is not None
        clock = reader.server.clock
        await reader.fills(code=TOTP(secret).at(clock.now() // SECOND))
        await reader.clicks("Turn it on")
        recovery = await reader.page.locator(".codes code").first.text_content()
        assert recovery is not None
        await reader.clicks("Sign out")
        await reader.signs_in()
        await reader.page.locator("summary").click()
        await reader.fills(recoveryCode=recovery)
        await reader.page.locator("details button").click()
        await reader.is_at("/account")
        await reader.clicks("Sign out")

        await reader.goes_to("/forgot-password")
        await reader.fills(email=EMAIL)
        await reader.clicks("Mail me the link")
        mails = await reader.server.mails()
        link = next(mail.link for mail in mails if "#token=" in mail.text)
        await reader.goes_to("/reset-password")
        await reader.fills(token=link, newPassword=NEW)
        await reader.clicks("Set the password")
        await reader.reads("The password was set")
        assert reader.complaints == []


class TestALinkFromAMail:
    async def test_fills_itself_in_and_leaves_the_address(self, visiting: Visiting) -> None:
        reader = await visiting()
        await reader.registers()
        await reader.clicks("Sign out")
        await reader.goes_to("/forgot-password")
        await reader.fills(email=EMAIL)
        await reader.clicks("Mail me the link")
        mail = await reader.server.mail()
        await reader.page.goto(mail.link)
        await reader.is_at("/reset-password")
        await expect(reader.page.locator("#token")).to_be_hidden()
        await reader.fills(newPassword="short")
        await reader.clicks("Set the password")
        await expect(reader.page.locator("#newPassword")).to_be_focused()
        await reader.fills(newPassword=NEW)
        await reader.clicks("Set the password")
        await reader.reads("The password was set")
        await reader.signs_in(password=NEW)
        await reader.is_at("/account")

    async def test_takes_the_place_of_one_before_it_in_the_same_tab(
        self, visiting: Visiting
    ) -> None:
        reader = await visiting()
        await reader.goes_to("/reset-password#token=of-last-week")
        await reader.fills(newPassword=NEW)
        await reader.clicks("Set the password")
        await expect(reader.page.locator("#token")).to_be_visible()
        address = reader.page.url
        await reader.page.evaluate("location.hash = '#token=of-today'")
        await expect(reader.page.locator("#token")).to_have_value("of-today")
        await expect(reader.page.locator("#token")).to_be_hidden()
        assert reader.page.url == address


async def test_s05_a_form_says_where_it_comes_from(visiting: Visiting) -> None:
    """What browsers go by that have never heard of Sec-Fetch-Site."""
    reader = await visiting()
    async with reader.page.expect_request(lambda request: request.method == "POST") as posted:
        await reader.registers()
    form = await posted.value
    assert await form.header_value("origin") == reader.server.core.settings.public_url


class TestALinkThatSignsIn:
    async def test_leads_where_one_wanted_to_go_in_the_browser_that_asked(
        self, visiting: Visiting
    ) -> None:
        reader = await visiting()
        await reader.registers()
        await reader.clicks("Sign out")
        await reader.goes_to("/account/activity")
        await reader.page.get_by_role("link", name="Mail me a link to sign in").click()
        await reader.fills(email=EMAIL)
        await reader.clicks("Mail me a link to sign in")
        await reader.reads("a mail is on its way")
        mails = await reader.server.mails()
        link = next(mail.link for mail in mails if "/magic-link#" in mail.text)
        tab = await reader.context.new_page()
        await tab.goto(link)
        await tab.get_by_role("button", name="Sign in", exact=True).click()
        await expect(tab).to_have_url(f"{reader.url}/account/activity")


class TestACopyOfOnesData:
    @pytest.mark.parametrize("runs_scripts", [True, False])
    async def test_takes_a_fresh_proof_and_is_a_file(
        self, visiting: Visiting, *, runs_scripts: bool
    ) -> None:
        reader = await visiting(java_script_enabled=runs_scripts)
        await reader.registers()
        reader.server.clock.advance(6 * MINUTE)
        await reader.page.get_by_role("link", name="Download all that is kept about you").click()
        await reader.is_at("/confirm?returnTo=/account/data")
        await reader.fills(password=PASSWORD)
        await reader.clicks("Confirm")
        await reader.is_at("/account/data")
        async with reader.page.expect_download() as begun:
            await reader.clicks("Download")
        file = await begun.value
        assert file.suggested_filename == "account.json"
        assert json.loads((await file.path()).read_bytes())["user"]["email"] == EMAIL
        await reader.is_at("/account/data")
        assert reader.complaints == []


class TestAPasskey:
    async def test_w09_that_is_added_on_a_page_from_long_ago_takes_a_fresh_proof_first(
        self, visiting: Visiting
    ) -> None:
        reader = await visiting()
        await reader.registers()
        authenticator = await reader.gets_authenticator()
        await reader.goes_to("/account/passkeys/add")
        reader.server.clock.advance(6 * MINUTE)
        await reader.clicks("Add a passkey")
        await reader.is_at("/confirm?returnTo=/account/passkeys/add")
        await reader.fills(password=PASSWORD)
        await reader.clicks("Confirm")
        await reader.is_at("/account/passkeys/add")
        await reader.clicks("Add a passkey")
        await reader.reads("The passkey was added.")
        assert len(await authenticator.credentials()) == 1

    async def test_is_added_signs_in_and_is_removed(self, visiting: Visiting) -> None:
        reader = await visiting()
        authenticator = await reader.gets_authenticator()
        await reader.registers()
        await reader.goes_to("/account/passkeys/add")
        await reader.fills(name="My laptop")
        await reader.clicks("Add a passkey")
        await reader.is_at("/account/passkeys?done=passkey_added")
        assert len(await authenticator.credentials()) == 1
        await reader.clicks("Sign out")
        await reader.is_at("/account")  # the address field offers it, and it is taken at once
        await reader.goes_to("/account/passkeys")
        await reader.page.get_by_role("button", name="Remove My laptop").click()
        await reader.reads("The passkey was removed.")
        assert reader.complaints == []

    async def test_that_cannot_be_offered_is_told_to_whoever_asks_for_one_alone(
        self, visiting: Visiting
    ) -> None:
        reader = await visiting()
        await reader.page.route("**/login/options", lambda route: route.fulfill(status=429))
        await reader.goes_to("/sign-in")
        await reader.page.wait_for_load_state("networkidle")
        problem = reader.page.locator("#passkey-problem")
        await expect(problem).to_be_hidden()
        await reader.clicks("Sign in with a passkey")
        await expect(problem).to_be_visible()


class TestDevices:
    async def test_are_seen_and_ended_from_another(self, visiting: Visiting) -> None:
        one, other = await visiting(), await visiting(**PHONE)
        await one.registers()
        await other.signs_in()
        await other.is_at("/account")
        await one.goes_to("/account/devices")
        await expect(one.page.get_by_role("listitem").filter(has_text="Signed in")).to_have_count(2)
        await one.page.get_by_role("button", name="End the session of").click()
        await one.reads("The session was ended.")
        await other.goes_to("/account")
        assert urlsplit(other.page.url).path == "/sign-in"


async def test_every_cookie_is_kept_from_scripts_and_other_sites(visiting: Visiting) -> None:
    reader = await visiting()
    await reader.registers()
    cookies = {cookie["name"]: cookie for cookie in await reader.context.cookies()}
    assert cookies.keys() == {"session", "device"}
    assert all(cookie["httpOnly"] for cookie in cookies.values())
    assert cookies["session"]["sameSite"] == "Lax"
    assert cookies["device"]["sameSite"] == "Strict"


async def test_a_wrong_password_is_told_where_the_eye_and_the_reader_are(
    visiting: Visiting,
) -> None:
    reader = await visiting()
    await reader.registers()
    await reader.clicks("Sign out")
    await reader.signs_in(password="not it, and still long enough")
    alert = reader.page.get_by_role("alert").first
    await expect(alert).to_have_text("The e-mail address or the password is not right.")
    await expect(alert).to_be_focused()
    await expect(reader.page.locator("#email")).to_have_value(EMAIL)
    await expect(reader.page.locator("#password")).to_have_value("")
    assert PASSWORD not in await reader.page.content()
