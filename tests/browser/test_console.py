"""The operator's console in a real Chromium, on a phone and on a desk."""

import csv
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.person import EMAIL
from tests.browser.reader import DESK, PHONE, Reader, Visiting
from tests.web.second_factor import somebody
from watchword.domain.accounts import EmailAddress

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = "root@example.com"
PAGES = ["/console", "/console?over=hour", "/console?over=month", "/console/users"]
PAGES += ["/console/invite", "/console/audit", "/console/keys", "/console/settings"]


async def an_operator(visiting: Visiting, **how: Any) -> Reader:
    reader = await visiting(**how)
    await reader.server.register_admin(ROOT)
    await somebody(reader.server, EMAIL)
    await reader.signs_in(ROOT)
    await reader.is_at("/account")
    return reader


async def page_of_ada(reader: Reader) -> str:
    accounts = reader.server.core.store.reading.accounts
    ada = await accounts.find_by_address(EmailAddress.parse(EMAIL))
    assert ada is not None
    return f"/console/users/{ada.id}"


@pytest.mark.parametrize("how", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_for_everybody_fits_and_complains_of_nothing(
    visiting: Visiting, axe: str, how: dict[str, Any], scheme: str
) -> None:
    reader = await an_operator(visiting, **how, color_scheme=scheme)
    for path in [*PAGES, await page_of_ada(reader)]:
        await reader.goes_to(path)
        await reader.page.evaluate("document.querySelectorAll('details').forEach(e => e.open = 1)")
        assert (path, await reader.unusable(axe)) == (path, [])
        assert (path, await reader.overflow()) == (path, 0)
    assert reader.complaints == []
    assert await reader.kept() == [0, 0]


async def test_a_plot_is_seen(visiting: Visiting) -> None:
    reader = await an_operator(visiting, **DESK)
    await reader.goes_to("/console")
    plot = reader.page.get_by_role("img").first
    drawn = await plot.locator("rect").last.bounding_box()
    assert drawn is not None
    assert drawn["height"] > 50
    assert drawn["width"] > 5
    color = "getComputedStyle(document.querySelector('.plot rect')).fill"
    assert await reader.page.evaluate(color) != "rgb(0, 0, 0)"
    await reader.page.get_by_role("link", name="Last hour").click()
    await reader.is_at("/console?over=hour")
    assert reader.complaints == []


async def test_an_operator_goes_through_it_without_a_script(
    visiting: Visiting, tmp_path: Path
) -> None:
    reader = await an_operator(visiting, java_script_enabled=False)
    await reader.page.get_by_role("link", name="Console").click()
    await reader.is_at("/console")
    await reader.page.get_by_role("link", name="Users").click()
    await reader.page.get_by_role("link", name=EMAIL).click()
    await reader.page.get_by_text("Remove the second factor").click()
    await reader.clicks("Remove it")
    await reader.reads("The second factor was removed")
    await reader.page.get_by_role("link", name="Keys").click()
    await reader.clicks("Sign with the next key")
    await reader.reads("Another key signs from now on.")
    await expect(reader.page.get_by_role("row")).to_have_count(4)
    await reader.page.get_by_role("link", name="Audit", exact=True).click()
    async with reader.page.expect_download() as downloading:
        await reader.page.get_by_role("link", name="Save as CSV").click()
    saved = tmp_path / "audit.csv"
    await (await downloading.value).save_as(saved)
    types = [row["type"] for row in csv.DictReader(StringIO(saved.read_text("utf-8")))]
    assert types[:2] == ["keys.rotated", "credential.mfa_disabled"]
    await reader.page.get_by_role("link", name=re.compile("Settings")).click()
    await reader.reads("WATCHWORD_PUBLIC_URL")
    assert reader.complaints == []
