"""Somebody in front of our own pages: what they click and read, and what must not be there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.album import Album
from tests.browser.person import EMAIL, Authenticator
from tests.driving import PASSWORD, Server

SERIOUS = {"serious", "critical"}
PHONE = {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 800}}


@dataclass(kw_only=True)
class Guest:
    """Of a server at ``url``. ``complaints``: what the browser's console said of it that is no
    mere information.
    """

    url: str
    context: BrowserContext
    page: Page
    album: Album
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def goes_to(self, path: str) -> None:
        await self.page.goto(f"{self.url}{path}")
        await self.album.keep(self.page)

    async def is_at(self, path: str) -> None:
        await expect(self.page).to_have_url(f"{self.url}{path}")

    async def fills(self, **fields: str) -> None:
        for name, text in fields.items():
            await self.page.locator(f"#{name}").fill(text)

    async def clicks(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).first.click()

    async def reads(self, text: str) -> None:
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def registers(self, email: str = EMAIL) -> None:
        await self.goes_to("/register")
        await self.fills(email=email, password=PASSWORD)
        await self.clicks("Make an account")
        await self.is_at("/account")

    async def signs_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        await self.goes_to("/sign-in")
        await self.fills(email=email, password=password)
        await self.clicks("Sign in")

    async def gets_authenticator(self) -> Authenticator:
        devtools = await self.context.new_cdp_session(self.page)
        await devtools.send("WebAuthn.enable", {"enableUI": False})
        return await Authenticator.attached(devtools)

    async def kept(self) -> list[int]:
        """How much is in Web Storage: of the browser, and of this tab."""
        counts: list[int] = await self.page.evaluate("[localStorage.length, sessionStorage.length]")
        return counts

    async def unusable(self, axe: str) -> list[str]:
        """What axe-core, whose source this is, finds that would keep people from using the page."""
        # Through the developer tools, for the page's own policy lets no script in.
        await self.page.evaluate(axe)
        found: dict[str, Any] = await self.page.evaluate("axe.run()")
        return [
            f"{violation['id']}: {node['html']}"
            for violation in found["violations"]
            if violation["impact"] in SERIOUS
            for node in violation["nodes"]
        ]

    async def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        width: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width

    async def moved(self) -> float:
        """How far what was drawn has moved by itself since, as a part of the window (Layout
        Instability API); what somebody's own typing or clicking moves is not in it.
        """
        sum_of_moves = """() => {
            const observer = new PerformanceObserver(() => {});
            observer.observe({ type: "layout-shift", buffered: true });
            const own = observer.takeRecords().filter((move) => !move.hadRecentInput);
            return own.reduce((sum, move) => sum + move.value, 0);
        }"""
        moved: float = await self.page.evaluate(sum_of_moves)
        return moved

    def _hear(self, said: ConsoleMessage) -> None:
        told_of = said.location["url"] or self.url
        if said.type in {"error", "warning"} and told_of.startswith(self.url):
            self.complaints.append(said.text)


@dataclass(kw_only=True)
class Reader(Guest):
    """Of a ``server`` that runs beside the test."""

    server: Server


Visiting = Callable[..., Awaitable[Reader]]
