"""Joining an outside identity to one's account in a real Chromium: what is read, and what follows.

The provider is another site to the browser, as in `test_providers`.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.album import Album
from tests.browser.elsewhere import NAME, agree, be_somebody, on_our_pages
from tests.browser.person import EMAIL
from tests.browser.reader import DESK, PHONE, Reader
from tests.real_provider import modules_of
from tests.web.contract import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> Path:
    return modules_of(pytestconfig)


async def comes_back(reader: Reader, name: str) -> None:
    """From one's own page to the provider as somebody there, to the page that asks."""
    await reader.registers()
    await reader.goes_to("/account/providers")
    await reader.clicks(f"Link {NAME}")
    await be_somebody(reader.page, name)
    await agree(reader.page)
    await is_asked(reader)


async def is_asked(reader: Reader) -> None:
    heading = reader.page.get_by_role("heading", name=f"Link your account at {NAME}?")
    await expect(heading).to_be_visible()
    await reader.album.keep(reader.page)


def linked(reader: Reader) -> list[tuple[Any, ...]]:
    return rows(reader.server, "SELECT address FROM identities")


@pytest.mark.parametrize("how", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_is_for_everybody_names_both_accounts_and_fits(
    browser: Browser,
    installed: Path,
    tmp_path: Path,
    album: Album,
    axe: str,
    how: dict[str, Any],
    scheme: str,
) -> None:
    how = {**how, "color_scheme": scheme}
    async with on_our_pages(browser, installed, tmp_path, album, **how) as reader:
        await comes_back(reader, "countess")
        accounts = reader.page.get_by_role("definition")
        await expect(accounts).to_contain_text(["countess@example.com", EMAIL])
        assert await reader.unusable(axe) == []
        assert await reader.overflow() == 0
        assert reader.complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
async def test_nothing_is_linked_before_a_yes_and_nothing_after_a_no(
    browser: Browser, installed: Path, tmp_path: Path, album: Album, scripts: bool
) -> None:
    how = {"java_script_enabled": scripts}
    async with on_our_pages(browser, installed, tmp_path, album, **how) as reader:
        await comes_back(reader, "countess")
        assert linked(reader) == []
        await reader.clicks("Do not link")
        await reader.reads("Nothing was linked.")
        assert linked(reader) == []
        await reader.clicks(f"Link {NAME}")  # the provider knows by now who it is
        await is_asked(reader)
        await reader.clicks("Link them")
        await reader.reads("You can sign in by this provider from now on.")
        assert linked(reader) == [("countess@example.com",)]
        assert reader.complaints == []


async def test_o04_going_back_to_a_page_that_was_answered_asks_nothing_more(
    browser: Browser, installed: Path, tmp_path: Path, album: Album
) -> None:
    async with on_our_pages(browser, installed, tmp_path, album) as reader:
        await comes_back(reader, "countess")
        await reader.clicks("Do not link")
        await reader.reads("Nothing was linked.")
        await reader.page.go_back()
        await reader.reads("Nothing was linked this time.")
        assert linked(reader) == []
