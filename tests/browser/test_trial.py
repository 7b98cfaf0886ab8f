"""Watchword tried as somebody new would: from an empty folder to what its operator sees of it.

The server is a process of its own, on the clock of this machine.
"""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from pyotp import TOTP

from tests.adapters.maxmind.archives import LINKOEPING, LONDON, MMDB
from tests.browser.album import Album
from tests.browser.person import EMAIL
from tests.browser.reader import DESK, PHONE, Guest
from tests.cli.test_serve import free_port, serving
from tests.driving import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = "root@example.com"
PLACES = MMDB / "GeoLite2-City-Test.mmdb"
AWAY, HERE = {"X-Forwarded-For": LINKOEPING}, {"X-Forwarded-For": LONDON}
ON_THE_PHONE = {
    "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "extra_http_headers": HERE,
}
ON_THE_LAPTOP = {
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/141.0.0.0 Safari/537.36",
    "extra_http_headers": HERE,
}


async def makes_the_administrator(guest: Guest, greeting: str) -> None:
    """By the link that the first start has printed."""
    (link,) = re.findall(r"(http\S+/setup#token=\S+)", greeting)
    await guest.page.goto(link)
    await guest.fills(email=ROOT, password=PASSWORD)
    await guest.album.keep(guest.page)
    await guest.clicks("Make the administrator")
    await guest.is_at("/account")


async def turns_on_two_factor(guest: Guest) -> list[str]:
    """The recovery codes; the app is lost right after."""
    await guest.goes_to("/account/two-factor")
    await guest.clicks("Set it up")
    secret = await guest.page.locator("details code").text_content()
    assert secret is not None
    await guest.album.keep(guest.page)
    await guest.fills(code=TOTP(secret).now())
    await guest.clicks("Turn it on")
    await expect(guest.page.locator(".codes code")).to_have_count(10)
    await guest.album.keep(guest.page)
    return await guest.page.locator(".codes code").all_text_contents()


async def recovers(guest: Guest, codes: list[str]) -> None:
    """Signs in without the app, and does away with what is lost."""
    await guest.signs_in()
    await guest.page.get_by_text("Use a recovery code instead").click()
    await guest.fills(recoveryCode=codes[0])
    await guest.album.keep(guest.page)
    await guest.page.locator("details").get_by_role("button", name="Go on").click()
    await guest.is_at("/account")
    await guest.goes_to("/account/two-factor")
    await guest.page.get_by_text("Use a recovery code instead").click()
    await guest.fills(recoveryCode=codes[1])
    await guest.page.locator("details").get_by_role("button", name="Turn it off").click()
    await guest.reads("Your second factor is off.")


async def ends_the_other_device(guest: Guest) -> None:
    await guest.goes_to("/account/devices")
    devices = guest.page.get_by_role("listitem").filter(has_text="Signed in")
    await expect(devices).to_have_count(2)
    await expect(devices.first).to_contain_text("this device")
    await expect(devices.first).to_contain_text("Chrome 141 on Linux")
    await expect(devices.last).to_contain_text("Mobile Safari 18 on iOS 18.5")
    for number in range(2):
        await expect(devices.nth(number)).to_contain_text("London, United Kingdom")
    await guest.page.get_by_role("button", name="End the session of").click()
    await guest.reads("The session was ended.")
    await expect(devices).to_have_count(1)


async def watches(guest: Guest) -> None:
    """What an operator sees of it all."""
    await guest.goes_to("/console")
    sign_ins = guest.page.get_by_role("heading", name="Sign-ins", exact=False).first
    await expect(sign_ins).to_have_text("Sign-ins 3")
    await expect(guest.page.locator("dd").first).to_have_text("2")
    await guest.goes_to("/console/audit")
    for happened in ("recovery_code_used", "mfa_enabled", "mfa_disabled", "session.ended"):
        await expect(guest.page.get_by_role("cell", name=happened).first).to_be_visible()
    await guest.goes_to("/console/users")
    await guest.page.get_by_role("link", name=EMAIL).click()
    await guest.reads("A recovery code was used")


async def test_from_an_empty_folder_to_a_console_that_tells_of_it_all(
    browser: Browser, album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("WATCHWORD_PUBLIC_URL", url)
    monkeypatch.setenv("WATCHWORD_GEO_DATABASE", str(PLACES))
    monkeypatch.setenv("WATCHWORD_TRUSTED_PROXIES", "127.0.0.1")
    with serving(tmp_path, port=port) as server:
        async with (
            album.context(browser, **DESK, extra_http_headers=AWAY) as of_root,
            album.context(browser, **PHONE, **ON_THE_PHONE) as of_phone,
            album.context(browser, **DESK, **ON_THE_LAPTOP) as of_laptop,
        ):
            root, phone, laptop = [
                Guest(url=url, context=context, page=await context.new_page(), album=album)
                for context in (of_root, of_phone, of_laptop)
            ]
            await makes_the_administrator(root, server.greeting())
            await phone.registers()
            codes = await turns_on_two_factor(phone)
            await recovers(laptop, codes)
            await ends_the_other_device(laptop)
            await phone.goes_to("/account/devices")
            await phone.is_at("/sign-in?returnTo=/account/devices")
            await watches(root)
            assert root.complaints + phone.complaints + laptop.complaints == []
        server.stop()
