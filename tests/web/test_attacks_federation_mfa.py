"""A sign-in elsewhere is no way round the second factor here."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.web.contract import accepted, refused, rows, set_cookies
from tests.web.federated import Browser, Scene, beside, query_of
from tests.web.passkeys import SIGNED_IN
from tests.web.second_factor import Phone, complete, enrol


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with beside(tmp_path) as one:
        yield one


async def with_phone(scene: Scene) -> tuple[Phone, Browser]:
    scene.become("ada", "ada@example.com")
    browser = await scene.enter()
    return await enrol(scene.server, await browser.hold()), browser


def pending_of(answer: httpx2.Response) -> str:
    """The token that leads on, and nothing else that is good for anything."""
    assert (answer.status_code, answer.json()["code"]) == (401, "MFA_REQUIRED")
    assert set(set_cookies(answer)) == {"federation"}  # which is cleared
    return str(answer.json()["mfaToken"])


class TestASecondFactor:
    async def test_s14_is_asked_for_before_there_is_a_session(self, scene: Scene) -> None:
        phone, _ = await with_phone(scene)
        thief = scene.browser()
        token = pending_of(await thief.sign_in())
        page = {"Sec-Fetch-Site": "same-origin"}
        refused(
            await thief.client.post("/auth/refresh", headers=page, json={}), 401, "TOKEN_MISSING"
        )
        wrong = await complete(scene.server, token, code=phone.wrong_code(), transport="body")
        refused(wrong, 401, "MFA_INVALID")
        right = await complete(scene.server, token, code=phone.next_code(), transport="body")
        session = accepted(right, 200, *SIGNED_IN)["session"]
        assert session["amr"] == ["fed", "otp", "mfa"]

    async def test_s14_is_not_shown_by_what_the_provider_asked_for(self, scene: Scene) -> None:
        await with_phone(scene)
        scene.provider.claims |= {
            "amr": ["pwd", "otp", "mfa"],
            "acr": "https://refeds.org/profile/mfa",
        }
        assert pending_of(await scene.browser().sign_in())

    async def test_is_not_asked_for_in_a_browser_that_is_trusted(self, scene: Scene) -> None:
        phone, browser = await with_phone(scene)
        token = pending_of(await browser.sign_in())
        answer = await browser.client.post(
            "/auth/mfa/complete",
            json={"mfaToken": token, "code": phone.next_code(), "trustDevice": True},
        )
        assert answer.status_code == 200, answer.text
        assert (await browser.sign_in()).status_code == 303
        assert pending_of(await scene.browser().sign_in())


class TestAStart:
    @pytest.mark.parametrize("destination", ["image", "iframe", "empty", "script", "frame"])
    async def test_o02_is_made_by_a_person_who_goes_there_and_by_no_page_behind_them(
        self, destination: str, scene: Scene
    ) -> None:
        headers = {"Sec-Fetch-Dest": destination, "Sec-Fetch-Site": "cross-site"}
        answer = await scene.server.client().get("/auth/other", headers=headers)
        refused(answer, 403, "CSRF_FAILED")
        assert set_cookies(answer) == {}
        assert rows(scene.server, "SELECT count(*) FROM links") == [(0,)]

    async def test_may_be_a_link_on_another_site(self, scene: Scene) -> None:
        headers = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
        answer = await scene.server.client().get("/auth/other", headers=headers)
        assert answer.status_code == 302
        assert "state" in query_of(answer.headers["location"])
