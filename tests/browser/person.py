"""Somebody in front of the page: what they click, what they read, and the authenticator they hold.

Here and not in a test stands everything that knows the page's words.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import BrowserContext, CDPSession, ConsoleMessage, Page, expect

from tests.browser.chromium import AUTHENTICATOR, WITHOUT_AUTOFILL
from tests.driving import PASSWORD, Server

EMAIL = "ada@example.com"


class Authenticator:
    """One that the browser makes believe, through the DevTools protocol (domain WebAuthn)."""

    def __init__(self, devtools: CDPSession, name: str) -> None:
        self._devtools = devtools
        self._name = name

    @classmethod
    async def attached(cls, devtools: CDPSession, **options: Any) -> Self:
        answer = await devtools.send(
            "WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, **options}}
        )
        return cls(devtools, answer["authenticatorId"])

    async def knows_its_owner(self, told: bool) -> None:
        """Whether a PIN, a finger or a face is right from now on."""
        await self._send("setUserVerified", isUserVerified=told)

    async def credentials(self) -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = (await self._send("getCredentials"))["credentials"]
        return kept

    async def keep(self, credential: dict[str, Any]) -> None:
        await self._send("addCredential", credential=credential)

    async def remove(self) -> None:
        await self._send("removeVirtualAuthenticator")

    async def _send(self, verb: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self._devtools.send(
            f"WebAuthn.{verb}", {"authenticatorId": self._name, **parameters}
        )
        return answer


@dataclass
class Person:
    """``complaints``: what the browser's console said of this site that is no mere information."""

    server: Server
    page: Page
    devtools: CDPSession
    complaints: list[str] = field(default_factory=list)

    @classmethod
    async def at(cls, server: Server, context: BrowserContext, *, autofill: bool) -> Self:
        """In front of the page, with a browser that has no authenticator yet."""
        if not autofill:
            await context.add_init_script(WITHOUT_AUTOFILL)
        page = await context.new_page()
        devtools = await context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable", {"enableUI": False})
        person = cls(server, page, devtools)
        page.on("console", person._hear)
        page.on("pageerror", lambda error: person.complaints.append(str(error)))
        await page.goto(f"{server.core.settings.public_url}/")
        await expect(page.get_by_role("button", name="Register")).to_be_visible()
        return person

    async def gets_authenticator(self, **options: Any) -> Authenticator:
        return await Authenticator.attached(self.devtools, **options)

    async def clicks(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def registers(self) -> None:
        await self._fill()
        await self.clicks("Register")
        await self.sees_account("pwd")

    async def signs_in(self) -> None:
        await self._fill()
        await self.clicks("Sign in")
        await self.sees_account("pwd")

    async def adds_passkey(self) -> None:
        before = await self.page.get_by_role("listitem").count()
        await self.clicks("Add a passkey")
        await expect(self.page.get_by_role("listitem")).to_have_count(before + 1)

    async def signs_out(self) -> None:
        await self.clicks("Sign out")
        await expect(self.page.get_by_role("button", name="Register")).to_be_visible()

    async def sees_account(self, methods: str) -> None:
        await expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()
        await expect(self.page.locator("#who")).to_have_text(EMAIL)
        await expect(self.page.locator("#methods")).to_have_text(methods)

    async def reads(self, text: str) -> None:
        await expect(self.page.get_by_role("status")).to_have_text(text)

    async def sees_passkeys(self, *names: str) -> None:
        fields = self.page.get_by_role("listitem").get_by_role("textbox")
        await expect(fields).to_have_count(len(names))
        for at, name in enumerate(names):
            await expect(fields.nth(at)).to_have_value(name)

    async def posts(self, path: str, body: object) -> tuple[int, Any]:
        """What a script of this page would be answered."""
        answer = await self.page.evaluate(
            """async ([path, body]) => {
                const headers = { "Content-Type": "application/json" };
                const options = { method: "POST", headers, body: JSON.stringify(body) };
                const answer = await fetch(path, options);
                return [answer.status, await answer.json()];
            }""",
            [path, body],
        )
        return answer[0], answer[1]

    async def asserts(self, options: object) -> Any:
        """An AuthenticationResponseJSON of whatever page is open, for options that a hostile script
        may have changed.
        """
        return await self.page.evaluate(
            """async (options) => {
                const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
                return (await navigator.credentials.get({ publicKey })).toJSON();
            }""",
            options,
        )

    async def request_options(self) -> dict[str, Any]:
        _, options = await self.posts("/auth/passkeys/login/options", {})
        asked: dict[str, Any] = options
        return asked

    def _hear(self, said: ConsoleMessage) -> None:
        is_ours = said.location["url"].startswith(self.server.core.settings.public_url)
        if said.type in {"error", "warning"} and is_ours:
            self.complaints.append(said.text)

    async def _fill(self) -> None:
        await self.page.get_by_label("E-mail").fill(EMAIL)
        await self.page.get_by_label("Password").fill(PASSWORD)
