"""Passkeys from the first click to the last: Chromium's own checks, then ours."""

from base64 import b64decode
from pathlib import Path

import pytest
from playwright.async_api import expect
from pyotp import TOTP

from tests.browser.conftest import Opening, a_site
from tests.browser.person import EMAIL, Authenticator, Person
from tests.driving import Server
from tests.web.contract import change_rows, events, rows
from watchword.domain.time import MINUTE, SECOND
from watchword.settings.choices import Profile

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERIFIED = "hwk user mfa"  # RFC 8176: a key in hardware, of somebody who was there, two factors
USE = "Sign in with a passkey"


async def has_a_passkey(person: Person) -> Authenticator:
    """And is signed out."""
    authenticator = await person.gets_authenticator()
    await person.registers()
    await person.adds_passkey()
    await person.signs_out()
    return authenticator


async def unverified(person: Person) -> dict[str, object]:
    """A body by an assertion for which a script asked the browser to verify nobody."""
    options = {**await person.request_options(), "userVerification": "discouraged"}
    return {"credential": await person.asserts(options), "transport": "session"}


def counters(server: Server) -> list[int]:
    return [count for (count,) in rows(server, "SELECT sign_count FROM passkeys ORDER BY id")]


def refusals(server: Server) -> list[str]:
    written = (event for event in events(server) if event.type == "session.sign_in_failed")
    return [event.details["reason"] for event in written]


class TestSigningIn:
    async def test_takes_a_click_and_two_factors(self, ada: Person) -> None:
        authenticator = await has_a_passkey(ada)
        await ada.clicks(USE)
        await ada.sees_account(VERIFIED)
        await ada.page.reload()
        await ada.sees_account(VERIFIED)
        assert len(await authenticator.credentials()) == 1
        assert ada.complaints == []

    async def test_moves_the_counter_each_time(self, ada: Person) -> None:
        authenticator = await has_a_passkey(ada)
        seen = counters(ada.server)
        for _ in range(2):
            await ada.clicks(USE)
            await ada.sees_account(VERIFIED)
            seen += counters(ada.server)
            assert seen[-1] == (await authenticator.credentials())[0]["signCount"]
            await ada.signs_out()
        assert seen == sorted(set(seen))
        assert len(seen) == 3

    async def test_is_offered_where_the_address_is_typed(self, opening: Opening) -> None:
        ada = await opening(autofill=True)
        await ada.gets_authenticator()
        await ada.registers()
        await ada.adds_passkey()
        await ada.clicks("Sign out")  # the authenticator takes what autofill offers at once
        await ada.sees_account(VERIFIED)
        assert ada.complaints == []

    async def test_can_be_tried_again_after_the_browser_gave_nothing(self, ada: Person) -> None:
        authenticator = await has_a_passkey(ada)
        (credential,) = await authenticator.credentials()
        await authenticator.remove()
        other = await ada.gets_authenticator()
        await ada.clicks(USE)
        await ada.reads("The browser gave no passkey.")
        await other.keep(credential)
        await ada.clicks(USE)
        await ada.sees_account(VERIFIED)

    async def test_w03_without_verification_is_by_one_factor(self, ada: Person) -> None:
        await has_a_passkey(ada)
        status, answer = await ada.posts("/auth/passkeys/login", await unverified(ada))
        assert (status, answer["session"]["amr"]) == (200, ["hwk", "user"])

    async def test_leaves_nothing_where_scripts_could_read_it(self, ada: Person) -> None:
        await has_a_passkey(ada)
        await ada.clicks(USE)
        await ada.sees_account(VERIFIED)
        left = await ada.page.evaluate(
            """async () => [
                localStorage.length, sessionStorage.length, document.cookie,
                (await indexedDB.databases()).length, (await caches.keys()).length,
            ]"""
        )
        assert left == [0, 0, "", 0, 0]

    @pytest.mark.parametrize(
        ("transport", "name", "same_site"),
        [("session", "session", "Lax"), ("cookie", "refreshToken", "Strict")],
    )
    async def test_sets_a_cookie_that_the_browser_guards(
        self, transport: str, name: str, same_site: str, ada: Person
    ) -> None:
        await has_a_passkey(ada)
        told = await ada.asserts(await ada.request_options())
        body = {"credential": told, "transport": transport}
        status, answer = await ada.posts("/auth/passkeys/login", body)
        cookies = await ada.page.context.cookies()
        (cookie,) = [cookie for cookie in cookies if cookie["name"] != "device"]
        assert (status, "refreshToken" in answer) == (200, False)
        assert (cookie["name"], cookie["sameSite"]) == (name, same_site)
        assert (cookie["domain"], cookie["path"]) == ("localhost", "/")
        assert (cookie["httpOnly"], cookie["secure"]) == (True, False)  # the URL is http

    async def test_out_leaves_the_cookie_of_a_known_device_alone(self, ada: Person) -> None:
        await has_a_passkey(ada)
        (cookie,) = await ada.page.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (
            *("device", True, "Strict"),
        )


class TestSigningInIsRefused:
    async def test_w01_to_an_assertion_that_is_posted_twice(self, ada: Person) -> None:
        await has_a_passkey(ada)
        told = await ada.asserts(await ada.request_options())
        body = {"credential": told, "transport": "session"}
        first, _ = await ada.posts("/auth/passkeys/login", body)
        second, problem = await ada.posts("/auth/passkeys/login", body)
        assert (first, second, problem["code"]) == (200, 401, "INVALID_CREDENTIALS")
        assert refusals(ada.server) == ["passkey: challenge"]

    async def test_w01_to_an_assertion_that_is_posted_too_late(self, ada: Person) -> None:
        await has_a_passkey(ada)
        told = await ada.asserts(await ada.request_options())
        ada.server.clock.advance(5 * MINUTE)
        status, _ = await ada.posts("/auth/passkeys/login", {"credential": told})
        assert (status, refusals(ada.server)) == (401, ["passkey: challenge"])

    async def test_w02_to_what_was_made_on_another_port_of_the_host(
        self, ada: Person, tmp_path: Path
    ) -> None:
        await has_a_passkey(ada)
        options, own = await ada.request_options(), ada.page.url
        async with a_site(tmp_path / "other") as other:
            await ada.page.goto(f"{other.core.settings.public_url}/page.css")
            told = await ada.asserts(options)
            await ada.page.goto(own)
            status, _ = await ada.posts("/auth/passkeys/login", {"credential": told})
        assert (status, refusals(ada.server)) == (401, ["passkey: client data"])

    async def test_w03_without_verification_where_it_is_required(self, opening: Opening) -> None:
        ada = await opening(profile=Profile.STRICT)
        authenticator = await has_a_passkey(ada)
        await authenticator.knows_its_owner(False)
        await ada.clicks(USE)
        await ada.reads("The browser gave no passkey.")
        status, problem = await ada.posts("/auth/passkeys/login", await unverified(ada))
        assert (status, problem["code"]) == (401, "INVALID_CREDENTIALS")
        assert refusals(ada.server) == ["passkey: assertion"]

    async def test_w03_without_verification_to_an_account_with_a_second_factor(
        self, ada: Person
    ) -> None:
        await ada.gets_authenticator()
        await ada.registers()
        await ada.adds_passkey()
        _, app = await ada.posts("/auth/mfa/enable", {})
        code = TOTP(app["secret"]).at(ada.server.clock.now() // SECOND)
        assert (await ada.posts("/auth/mfa/verify", {"code": code}))[0] == 200
        await ada.signs_out()
        status, problem = await ada.posts("/auth/passkeys/login", await unverified(ada))
        assert (status, "needs two factors" in problem["message"]) == (401, True)
        await ada.clicks(USE)
        await ada.sees_account(VERIFIED)

    async def test_w06_to_a_copy_that_was_used_less_often(self, ada: Person) -> None:
        authenticator = await has_a_passkey(ada)
        (copy,) = await authenticator.credentials()
        await ada.clicks(USE)
        await ada.sees_account(VERIFIED)
        await ada.signs_out()
        await authenticator.remove()
        await (await ada.gets_authenticator()).keep(copy)
        told = await ada.asserts(await ada.request_options())
        status, _ = await ada.posts("/auth/passkeys/login", {"credential": told})
        assert status == 401
        assert "credential.passkey_suspected" in {event.type for event in events(ada.server)}
        assert counters(ada.server) == [copy["signCount"] + 1]


class TestLookingAfterThem:
    async def test_the_same_authenticator_is_not_added_twice(self, ada: Person) -> None:
        await ada.gets_authenticator()
        await ada.registers()
        await ada.adds_passkey()
        await ada.clicks("Add a passkey")
        await ada.reads("You have added this one already.")
        await ada.sees_passkeys("Passkey")

    async def test_a_second_one_is_added_renamed_and_removed(self, ada: Person) -> None:
        await ada.registers()
        phone = await ada.gets_authenticator()
        await ada.adds_passkey()
        await phone.remove()
        await ada.gets_authenticator(transport="usb")
        await ada.adds_passkey()
        second = ada.page.get_by_role("listitem").nth(1)
        await second.get_by_role("textbox").fill("Key ring")
        await second.get_by_role("button", name="Rename").click()
        await ada.reads("The passkey was renamed.")
        await ada.page.reload()
        await ada.sees_passkeys("Passkey", "Key ring")
        await ada.page.get_by_role("button", name="Remove").first.click()
        await ada.sees_passkeys("Key ring")
        assert ada.complaints == []

    async def test_one_that_is_removed_is_forgotten_by_the_browser_and_lets_nobody_in(
        self, ada: Person
    ) -> None:
        authenticator = await ada.gets_authenticator()
        await ada.registers()
        await ada.adds_passkey()
        (copy,) = await authenticator.credentials()
        await ada.clicks("Remove")
        await ada.sees_passkeys()
        assert await authenticator.credentials() == []
        await authenticator.keep(copy)
        await ada.signs_out()
        told = await ada.asserts(await ada.request_options())
        status, _ = await ada.posts("/auth/passkeys/login", {"credential": told})
        assert (status, refusals(ada.server)) == (401, ["passkey: unknown"])

    async def test_w09_the_last_way_in_stays(self, ada: Person) -> None:
        await ada.gets_authenticator()
        await ada.registers()
        await ada.adds_passkey()
        await change_rows(ada.server, "UPDATE users SET password_hash = NULL")
        await ada.clicks("Remove")
        await expect(ada.page.get_by_role("status")).to_contain_text("last")
        await ada.page.reload()
        await ada.sees_passkeys("Passkey")

    async def test_w09_one_is_added_after_a_fresh_sign_in_alone(self, ada: Person) -> None:
        authenticator = await ada.gets_authenticator()
        await ada.registers()
        ada.server.clock.advance(5 * MINUTE)
        await ada.clicks("Add a passkey")
        await ada.reads("This needs a fresh sign-in: sign out, and in again.")
        assert await authenticator.credentials() == []

    async def test_what_an_authenticator_shows_of_its_owner_is_no_secret(self, ada: Person) -> None:
        authenticator = await has_a_passkey(ada)
        (credential,) = await authenticator.credentials()
        assert credential["userName"] == EMAIL
        assert b"@" not in b64decode(credential["userHandle"])
