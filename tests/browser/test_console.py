"""The operator's console in a real Chromium, on a phone and on a desk."""

import csv
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.browser.person import EMAIL
from tests.browser.reader import DESK, PHONE, Reader, Visiting
from tests.web.second_factor import somebody
from watchword.domain.accounts import EmailAddress
from watchword.domain.time import DAY, HOUR

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = "root@example.com"
NOON = 1_795_176_000  # in seconds: 12:00 UTC
BOB = "bob@example.com"
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
        assert (path, await reader.moved()) == (path, 0)
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


class TestTheFiguresOfThisMoment:
    """With the browser's clock in the hands of the test; that of the server stands still."""

    async def an_overview(self, visiting: Visiting) -> Reader:
        reader = await an_operator(visiting, **DESK)
        await reader.server.register(BOB)
        await reader.page.clock.install(time=NOON - 60)
        await reader.page.clock.pause_at(NOON)
        await reader.goes_to("/console")
        await self.shows(reader, "2", "2")
        return reader

    async def shows(self, reader: Reader, live: str, came: str) -> None:
        await expect(reader.page.locator("#live-sessions")).to_have_text(live)
        came_in = reader.page.locator("[data-type='session.signed_in']")
        await expect(came_in.locator("h2 strong")).to_have_text(came)
        await expect(came_in.locator("tbody tr").last.locator("td").last).to_have_text(came)
        told = f"{came} in all, at most {came} at once"
        await expect(came_in.get_by_role("img")).to_have_accessible_name(told)

    async def is_told(self, reader: Reader, text: str) -> None:
        await expect(reader.page.get_by_role("status")).to_have_text(text)

    async def becomes(self, reader: Reader, hidden: str) -> None:
        await reader.page.evaluate(
            f"Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )

    async def test_are_drawn_anew_while_somebody_looks_and_focus_stays(
        self, visiting: Visiting
    ) -> None:
        reader = await self.an_overview(visiting)
        link = reader.page.get_by_role("link", name="Last hour")
        await link.focus()
        await reader.server.sign_in(BOB)
        await reader.page.clock.run_for(5_000)
        await self.shows(reader, "3", "3")
        await expect(link).to_be_focused()
        reader.server.clock.advance(2 * HOUR)
        await reader.server.sign_in(BOB)
        await reader.page.clock.run_for(5_000)
        counts = reader.page.locator("[data-type='session.signed_in'] tbody td:last-child")
        await expect(counts).to_have_text(["0"] * 21 + ["3", "0", "1"])
        drawn = reader.page.locator("[data-type='session.signed_in'] rect")
        await expect(drawn.nth(21)).to_have_attribute("height", "100")
        await expect(drawn.nth(23)).to_have_attribute("height", "34")
        before = await reader.page.locator("tbody time").all_inner_texts()
        await self.is_told(reader, "")
        await reader.page.reload()
        assert await reader.page.locator("tbody time").all_inner_texts() == before
        await expect(counts).to_have_text(["0"] * 21 + ["3", "0", "1"])
        assert reader.complaints == []

    async def test_are_not_asked_for_while_nobody_looks(self, visiting: Visiting) -> None:
        reader = await self.an_overview(visiting)
        asked: list[str] = []
        reader.page.on("request", lambda request: asked.append(request.url))
        await self.becomes(reader, "true")
        await reader.server.sign_in(BOB)
        await reader.page.clock.run_for(60_000)
        assert asked == []
        await self.becomes(reader, "false")
        await self.shows(reader, "3", "3")
        assert len(asked) == 1

    async def test_that_are_old_say_so_and_are_asked_for_less_often(
        self, visiting: Visiting, axe: str
    ) -> None:
        reader = await self.an_overview(visiting)
        refused = 0

        async def refuse(route: Route) -> None:
            nonlocal refused
            refused += 1
            await route.fulfill(status=503)

        await reader.page.route("**/console/figures?*", refuse)
        for number, seconds in enumerate((5, 10, 20, 40, 60, 60)):
            await reader.page.clock.run_for(seconds * 1_000 - 1)
            assert refused == number
            await reader.page.evaluate("document.querySelector('#age').textContent = ''")
            await reader.page.clock.run_for(1)
            await self.is_told(reader, "No answer since 12:00:00 UTC: the figures are of then.")
            assert refused == number + 1
        await reader.page.clock.resume()  # axe-core waits by it
        assert await reader.unusable(axe) == []
        await reader.page.unroute("**/console/figures?*")
        await reader.page.clock.run_for(60_000)
        await self.is_told(reader, "")

    async def test_end_with_the_session_and_say_so(self, visiting: Visiting) -> None:
        reader = await self.an_overview(visiting)
        reader.server.clock.advance(31 * DAY)
        await reader.page.clock.run_for(5_000)
        told = "The figures stand still since 12:00:00 UTC. Load the page again to go on."
        await self.is_told(reader, told)
        asked: list[str] = []
        reader.page.on("request", lambda request: asked.append(request.url))
        await reader.page.clock.run_for(600_000)
        await self.becomes(reader, "false")
        assert asked == []
