"""Somebody who has an account at a provider as well, and goes there and back.

Here and not in a test stands everything that knows the provider's words.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.browser.album import Album
from tests.browser.conftest import a_place, a_site_at, url_of
from tests.browser.person import Person
from tests.browser.reader import Reader
from tests.real_provider import configured, running
from watchword.adapters.system import SystemClock
from watchword.testing import FakeClock

ID = "elsewhere"
NAME = ID.title()
CALLBACK = f"/auth/{ID}/callback"


async def be_somebody(page: Page, name: str) -> None:
    """At the provider, which asks nobody for proof."""
    await page.get_by_placeholder("Enter any login").fill(name)
    await page.get_by_placeholder("and password").fill("any")
    await page.get_by_role("button", name="Sign-in", exact=True).click()


async def agree(page: Page) -> None:
    await page.get_by_role("button", name="Continue", exact=True).click()


@dataclass
class Traveller:
    person: Person

    @property
    def page(self) -> Page:
        return self.person.page

    async def leaves(self) -> None:
        await self.page.get_by_role("link", name=f"Sign in with {NAME}", exact=True).click()

    async def goes_through(self, name: str) -> None:
        """There and back."""
        await self.leaves()
        await be_somebody(self.page, name)
        await agree(self.page)

    async def cancels(self) -> None:
        await self.page.get_by_role("link", name="Cancel").click()

    async def links(self, name: str) -> None:
        await self.person.clicks(f"Link {NAME}")
        await be_somebody(self.page, name)
        await agree(self.page)

    async def sees_linked(self, *told: str) -> None:
        await expect(self.page.locator("#identities span")).to_have_text(list(told))

    async def is_refused(self) -> dict[str, Any]:
        """The problem that the browser shows where it came back."""
        await self.page.wait_for_url(f"**{CALLBACK}?*")
        problem: dict[str, Any] = json.loads(await self.page.locator("pre").inner_text())
        return problem

    async def goes_home(self) -> None:
        await self.page.goto(f"{self.person.server.core.settings.public_url}/#account")

    async def is_a_stranger(self) -> None:
        """Nobody is signed in here."""
        await self.goes_home()
        await expect(self.page.get_by_role("button", name="Register")).to_be_visible()
        names = {cookie["name"] for cookie in await self.page.context.cookies()}
        assert not names & {"session", "refreshToken"}

    async def is_held_up(self, name: str) -> str:
        """The address on which the browser would have come back; it has not asked for it."""
        found: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        devtools = self.person.devtools
        devtools.on("Fetch.requestPaused", found.put_nowait)
        await devtools.send("Fetch.enable", {"patterns": [{"urlPattern": f"*{CALLBACK}?*"}]})
        going = asyncio.create_task(self.goes_through(name))
        paused = await found.get()
        told = {"requestId": paused["requestId"], "errorReason": "Aborted"}
        await devtools.send("Fetch.failRequest", told)
        await going
        await devtools.send("Fetch.disable")
        return str(paused["request"]["url"])


@contextmanager
def beside(listening: socket.socket, modules: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """A new provider, which has verified Ada's address, in the settings of a site."""
    callback = f"{url_of(listening)}{CALLBACK}"
    with running(modules, folder / "provider", callback=callback) as issuer:
        # The provider's tokens are of this moment.
        clock = FakeClock(SystemClock().now())
        yield {"clock": clock, "providers": (configured(ID, issuer),)}


@asynccontextmanager
async def a_traveller(
    browser: Browser, modules: Path, folder: Path, album: Album
) -> AsyncIterator[Traveller]:
    """At a new browser, on a new site beside a new provider."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        beside(listening, modules, folder) as settings,
    ):
        site = a_site_at(listening, folder / "data", **settings)
        async with site as server, album.context(browser) as context:
            yield Traveller(await Person.at(server, context, autofill=False))


@asynccontextmanager
async def on_our_pages(
    browser: Browser, modules: Path, folder: Path, album: Album, **how: Any
) -> AsyncIterator[Reader]:
    """In the same place, in front of our own pages."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        beside(listening, modules, folder) as settings,
    ):
        url = url_of(listening)
        site = a_place(listening, folder / "data", public_url=url, **settings)
        async with site as server, album.context(browser, **how) as context:
            page = await context.new_page()
            yield Reader(url=url, context=context, page=page, album=album, server=server)
