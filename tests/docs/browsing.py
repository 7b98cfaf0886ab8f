"""A newcomer's browser: what `docs/walkthrough.md` tells them to click, clicked.

The names of what is clicked are the document's own; what is typed and seen stands here.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright, expect

from tests.browser.chromium import AUTHENTICATOR, WITHOUT_AUTOFILL, launched


@asynccontextmanager
async def a_browser() -> AsyncIterator[Page]:
    """With an authenticator that it makes believe."""
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        try:
            page = await browser.new_page()
            await page.add_init_script(WITHOUT_AUTOFILL)
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("WebAuthn.enable", {"enableUI": False})
            await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
            yield page
        finally:
            await browser.close()


async def add_a_passkey(page: Page, url: str, clicks: list[str]) -> None:
    assert clicks == ["Sign in", "Add a passkey", "Sign out", "Sign in with a passkey"]
    sign_in, add, sign_out, use = clicks
    await page.goto(url)
    await _type(page)
    await _click(page, sign_in)
    await _see(page, "ada@example.com", "pwd")
    await _click(page, add)
    await expect(page.get_by_role("listitem")).to_have_count(1)
    await _click(page, sign_out)
    await _click(page, use)
    await _see(page, "ada@example.com", "hwk user mfa")


async def come_from_elsewhere(page: Page, url: str, provider: str, clicks: list[str]) -> None:
    new, leave, taken, known, link, again = _stages(clicks)
    await page.goto(url)
    await _go_there(page, "bob", new)
    await _see(page, "bob@example.com", "fed")
    await _click(page, leave[0])
    await expect(page.get_by_role("button", name="Register")).to_be_visible()
    await page.goto(f"{provider}/session/end")
    await _click(page, leave[1])
    await page.goto(url)
    await _go_there(page, "ada", taken)
    await page.wait_for_url(f"{url}/auth/elsewhere/callback?*")
    problem = json.loads(await page.locator("pre").inner_text())
    assert problem["code"] == "OAUTH_FAILED"
    await page.goto(url)
    await _type(page)
    await _click(page, known[0])
    await _see(page, "ada@example.com", "pwd")
    await _click(page, link[0])
    await expect(page.get_by_text("elsewhere: ada@example.com", exact=True)).to_be_visible()
    await _click(page, again[0])
    await page.get_by_role("link", name=again[1], exact=True).click()
    await _see(page, "ada@example.com", "fed")


def _stages(clicks: list[str]) -> list[list[str]]:
    """The clicks of each numbered step."""
    there = ["Sign in with Elsewhere", "Sign-in", "Continue"]
    stages = [
        there,
        ["Sign out", "Yes, sign me out"],
        there,
        ["Sign in"],
        ["Link Elsewhere"],
        ["Sign out", "Sign in with Elsewhere"],
    ]
    assert clicks == [name for stage in stages for name in stage]
    return stages


async def _go_there(page: Page, name: str, clicks: list[str]) -> None:
    leave, sign_in, agree = clicks
    await page.get_by_role("link", name=leave, exact=True).click()
    await page.get_by_placeholder("Enter any login").fill(name)
    await page.get_by_placeholder("and password").fill("any")
    await _click(page, sign_in)
    await _click(page, agree)


async def _type(page: Page) -> None:
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password").fill("seven green bottles on a wall")


async def _click(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def _see(page: Page, who: str, methods: str) -> None:
    account = page.locator("#account:visible")
    await expect(account.locator("#who")).to_have_text(who)
    await expect(account.locator("#methods")).to_have_text(methods)
