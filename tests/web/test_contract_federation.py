"""Other identity providers, as the contract has them: every call, and what it leaves behind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.federation.lying import Answer
from tests.driving import Holder, Server
from tests.web.contract import SESSION, accepted, events, fields_of, refused, rows, set_cookies
from tests.web.federated import CALLBACK, Scene, beside, link, query_of
from watchword.domain.time import MINUTE
from watchword.settings.choices import EmailVerification

pytestmark = pytest.mark.every_store

IDENTITY = {"id", "provider", "email", "createdAt", "lastUsedAt"}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with beside(tmp_path) as one:
        yield one


async def own_identities(holder: Holder) -> list[dict[str, str]]:
    found: list[dict[str, str]] = accepted(await holder.get("/auth/identities"), 200, "identities")[
        "identities"
    ]
    assert all(set(identity) == IDENTITY for identity in found)
    return found


class TestChoosingAProvider:
    async def test_those_of_the_settings_are_listed(self, scene: Scene) -> None:
        answer = accepted(await scene.server.client().get("/auth/providers"), 200, "providers")
        assert answer["providers"] == [
            {"id": "other", "name": "Other"},
            {"id": "second", "name": "Other"},
        ]

    async def test_there_may_be_none(self, server: Server) -> None:
        client = server.client()
        assert (await client.get("/auth/providers")).json() == {"providers": []}
        for path in ("/auth/google", "/auth/google/callback?state=x"):
            refused(await client.get(path), 404, "NOT_FOUND")

    async def test_one_that_is_not_configured_is_not_there(self, scene: Scene) -> None:
        client = scene.server.client()
        for path in ("/auth/google", "/auth/google/callback?state=x", "/auth/OTHER"):
            refused(await client.get(path), 404, "NOT_FOUND")

    @pytest.mark.parametrize("path", ["/auth/login", "/auth/logout", "/auth/change-email"])
    async def test_a_word_of_the_table_is_no_provider(self, path: str, scene: Scene) -> None:
        answer = await scene.server.client().get(path)
        refused(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "POST"


class TestGoingThere:
    async def test_the_browser_is_sent_with_all_that_binds_the_answer(self, scene: Scene) -> None:
        answer = await scene.server.client().get("/auth/other")
        assert (answer.status_code, answer.content) == (302, b"")
        asked = query_of(answer.headers["location"])
        assert asked["redirect_uri"] == "http://localhost:8000/auth/other/callback"
        assert asked["code_challenge_method"] == "S256"
        assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
        cookie = set_cookies(answer)["federation"]
        assert cookie.attributes == {"Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=600"}
        assert cookie.value not in answer.headers["location"]

    async def test_on_https_the_cookie_is_bound_to_the_host(self, tmp_path: Path) -> None:
        async with beside(tmp_path, public_url="https://auth.example.com") as scene:
            (cookie,) = set_cookies(await scene.server.client().get("/auth/other")).items()
        assert cookie[0] == "__Host-federation"
        assert cookie[1].attributes >= {"Secure", "SameSite=Lax"}

    async def test_for_an_answer_that_is_posted_the_cookie_crosses_sites(
        self, tmp_path: Path
    ) -> None:
        async with beside(
            tmp_path, posts_back=True, public_url="https://auth.example.com"
        ) as scene:
            (cookie,) = set_cookies(await scene.server.client().get("/auth/other")).values()
        assert cookie.attributes >= {"Secure", "HttpOnly", "SameSite=None"}

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("transport=body", "transport"),
            ("transport=jwt", "transport"),
            ("remember=1", "remember"),
            ("returnTo=https://evil.example", "returnTo"),
            ("returnTo=/a&returnTo=/b", "returnTo"),
            ("next=/a", "next"),
        ],
    )
    async def test_what_cannot_be_done_is_refused_at_the_start(
        self, query: str, field: str, scene: Scene
    ) -> None:
        problem = refused(
            await scene.server.client().get(f"/auth/other?{query}"), 422, "VALIDATION_FAILED"
        )
        assert fields_of(problem) == [field]
        assert rows(scene.server, "SELECT 1 FROM links") == []

    async def test_a_provider_that_is_down_is_503_and_leaves_nothing(self, scene: Scene) -> None:
        scene.provider.answers["/.well-known/openid-configuration"] = Answer(b"", 500)
        refused(await scene.server.client().get("/auth/other"), 503, "UNAVAILABLE")
        assert rows(scene.server, "SELECT 1 FROM links") == []
        told = [fields for name, fields in scene.server.log.events if name == "federation_failed"]
        assert len(told) == 1
        assert "reason" in told[0]


class TestComingBack:
    async def test_somebody_new_gets_an_account_and_a_session(self, scene: Scene) -> None:
        browser = scene.browser()
        answer = await browser.sign_in(returnTo="/welcome?from=there")
        assert (answer.status_code, answer.content) == (303, b"")
        assert answer.headers["location"] == "/welcome?from=there"
        cookies = set_cookies(answer)
        assert set(cookies) == {"refreshToken", "device", "federation"}
        assert cookies["federation"].max_age == 0
        profile = (await (await browser.hold()).get("/profile")).json()
        assert profile["user"]["email"] == "ada@example.com"
        assert (profile["user"]["name"], profile["user"]["emailVerified"]) == ("Ada", True)
        assert set(profile["session"]) == SESSION
        assert profile["session"]["amr"] == ["fed"]
        assert [event.type for event in events(scene.server)][1:] == [
            *("account.registered", "credential.identity_linked", "session.signed_in"),
        ]
        assert await scene.server.mails() == []

    async def test_without_a_wish_it_goes_on_at_the_root(self, scene: Scene) -> None:
        assert (await scene.browser().sign_in()).headers["location"] == "/"

    async def test_the_session_transport_gets_its_cookie(self, scene: Scene) -> None:
        browser = scene.browser()
        answer = await browser.sign_in(transport="session")
        assert "session" in set_cookies(answer)
        assert "refreshToken" not in set_cookies(answer)
        assert (await browser.client.get("/profile")).status_code == 200

    async def test_a_session_that_is_not_to_be_remembered_goes_with_the_browser(
        self, scene: Scene
    ) -> None:
        answer = await scene.browser().sign_in(remember="false")
        assert set_cookies(answer)["refreshToken"].max_age is None

    async def test_somebody_known_comes_to_the_same_account(self, scene: Scene) -> None:
        first = await (await scene.enter()).hold()
        scene.become("ada-1", "ada@elsewhere.example")
        scene.server.clock.advance(MINUTE)
        second = await (await scene.enter()).hold()
        users = [(await holder.get("/profile")).json()["user"]["id"] for holder in (first, second)]
        assert users[0] == users[1]
        (identity,) = await own_identities(second)
        assert identity["email"] == "ada@elsewhere.example"
        assert identity["createdAt"] < identity["lastUsedAt"]

    async def test_the_session_that_the_browser_held_gives_way(self, scene: Scene) -> None:
        browser = await scene.enter()
        before = await browser.hold()
        pairs = await browser.leave()
        # What is strict stays at home when another site sends the browser.
        kept = browser.client.cookies.pop("refreshToken")
        device = browser.client.cookies.pop("device")
        assert kept
        answer = await browser.come_back(pairs)
        assert answer.status_code == 303
        assert set_cookies(answer)["device"].value == device
        refused(await before.get("/profile"), 401, "SESSION_REVOKED")
        ended = [event for event in events(scene.server) if event.type == "session.ended"]
        assert [event.details["reason"] for event in ended] == ["replaced"]

    async def test_an_answer_may_be_posted(self, tmp_path: Path) -> None:
        async with beside(tmp_path, posts_back=True) as scene:
            browser = scene.browser(
                origin="https://appleid.example.com", **{"sec-fetch-site": "cross-site"}
            )
            pairs = await browser.leave()
            answer = await browser.client.post(CALLBACK, data=dict(pairs))
            assert answer.status_code == 303
            assert "refreshToken" in set_cookies(answer)

    async def test_what_is_posted_is_a_form(self, scene: Scene) -> None:
        browser = scene.browser()
        body = dict(await browser.leave())
        refused(await browser.client.post(CALLBACK, json=body), 415, "UNSUPPORTED_MEDIA_TYPE")

    async def test_a_no_at_the_provider_is_told_in_one_way(self, scene: Scene) -> None:
        browser = scene.browser()
        (_, state) = (await browser.leave())[1]
        answer = await browser.come_back([("error", "access_denied"), ("state", state)])
        refused(answer, 400, "OAUTH_FAILED")
        assert ("federation_failed", "callback: access_denied") in [
            (name, fields.get("reason")) for name, fields in scene.server.log.events
        ]

    async def test_a07_a_disabled_account_stays_shut(self, scene: Scene) -> None:
        holder = await (await scene.enter()).hold()
        user = (await holder.get("/profile")).json()["user"]["id"]
        await scene.server.register_admin()
        admin = await scene.server.sign_in("root@example.com")
        await admin.request("PUT", f"/users/{user}/status", json={"status": "disabled"})
        answer = await scene.browser().sign_in()
        refused(answer, 403, "ACCOUNT_DISABLED")
        assert "refreshToken" not in set_cookies(answer)

    async def test_a07_a_deleted_account_leaves_no_identity(self, scene: Scene) -> None:
        holder = await (await scene.enter()).hold()
        user = (await holder.get("/profile")).json()["user"]["id"]
        assert (await holder.request("DELETE", f"/users/{user}")).status_code == 200
        assert rows(scene.server, "SELECT 1 FROM identities") == []
        again = await (await scene.enter()).hold()
        assert (await again.get("/profile")).json()["user"]["id"] != user


class TestWhereAddressesHaveToBeConfirmed:
    @pytest.fixture
    async def scene(self, tmp_path: Path) -> AsyncIterator[Scene]:
        async with beside(tmp_path, email_verification=EmailVerification.REQUIRED) as one:
            yield one

    async def test_a_verified_address_is_enough(self, scene: Scene) -> None:
        assert (await scene.browser().sign_in()).status_code == 303
        assert await scene.server.mails() == []

    async def test_another_is_confirmed_by_mail_first(self, scene: Scene) -> None:
        scene.become("ada-1", "ada@example.com", verified=False)
        refused(await scene.browser().sign_in(), 403, "EMAIL_NOT_VERIFIED")
        mail = await scene.server.mail()
        refused(await scene.browser().sign_in(), 403, "EMAIL_NOT_VERIFIED")
        assert await scene.server.mails() == []
        confirmed = await scene.server.client().post(
            "/auth/verify-email", json={"token": mail.token}
        )
        accepted(confirmed, 200, "message", "user")
        assert (await scene.browser().sign_in()).status_code == 303

    async def test_e07_whether_an_address_has_an_account_is_told_by_mail_alone(
        self, scene: Scene
    ) -> None:
        await scene.server.register_admin("ada@example.com")
        answers = []
        for subject, email in (("eve-1", "ada@example.com"), ("eve-2", "free@example.com")):
            scene.become(subject, email, verified=False)
            answer = await scene.browser().sign_in()
            problem = refused(answer, 403, "EMAIL_NOT_VERIFIED")
            answers.append({**problem, "requestId": ""})
        assert answers[0] == answers[1]
        mails = {mail.to: mail for mail in await scene.server.mails()}
        assert "#token=" not in mails["ada@example.com"].text
        assert mails["free@example.com"].token
        assert rows(scene.server, "SELECT subject FROM identities") == [("eve-2",)]


class TestLinking:
    async def test_somebody_signed_in_links_what_they_have_there(self, scene: Scene) -> None:
        await scene.server.register("ada@home.example")
        holder = await scene.server.sign_in("ada@home.example")
        answer = await link(scene, holder, returnTo="/account")
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert "refreshToken" not in set_cookies(answer)
        (identity,) = await own_identities(holder)
        assert (identity["provider"], identity["email"]) == ("other", "ada@example.com")
        mail = await scene.server.mail()
        assert mail.to == "ada@home.example"
        assert "Other" in mail.text
        browser = await scene.enter()
        profile = (await (await browser.hold()).get("/profile")).json()
        assert profile["user"]["email"] == "ada@home.example"

    async def test_to_link_again_changes_nothing(self, scene: Scene) -> None:
        holder = await (await scene.enter()).hold()
        assert (await link(scene, holder)).status_code == 303
        assert len(await own_identities(holder)) == 1
        assert await scene.server.mails() == []

    async def test_what_leads_to_somebody_else_is_a_conflict(self, scene: Scene) -> None:
        await scene.enter()
        await scene.server.register("bob@example.com")
        holder = await scene.server.sign_in("bob@example.com")
        refused(await link(scene, holder), 409, "CONFLICT")
        assert await own_identities(holder) == []

    async def test_nobody_links_who_is_not_signed_in(self, scene: Scene) -> None:
        client = scene.server.client()
        refused(await client.post("/auth/other/link", json={}), 401, "TOKEN_MISSING")
        refused(await client.get("/auth/identities"), 401, "TOKEN_MISSING")

    async def test_an_unknown_provider_is_not_there(self, scene: Scene) -> None:
        holder = await (await scene.enter()).hold()
        refused(await holder.post("/auth/google/link", json={}), 404, "NOT_FOUND")

    async def test_one_of_two_ways_in_can_go(self, scene: Scene) -> None:
        await scene.server.register("ada@home.example")
        holder = await scene.server.sign_in("ada@home.example")
        await link(scene, holder)
        await scene.server.mails()
        (identity,) = await own_identities(holder)
        gone = await holder.request("DELETE", f"/auth/identities/{identity['id']}")
        accepted(gone, 200, "message")
        assert await own_identities(holder) == []
        assert (await scene.server.mail()).to == "ada@home.example"
        assert events(scene.server)[-1].type == "credential.identity_unlinked"
        again = await holder.request("DELETE", f"/auth/identities/{identity['id']}")
        refused(again, 404, "NOT_FOUND")

    async def test_a02_nobody_unlinks_what_is_somebody_elses(self, scene: Scene) -> None:
        ada = await (await scene.enter()).hold()
        (identity,) = await own_identities(ada)
        await scene.server.register("bob@example.com")
        bob = await scene.server.sign_in("bob@example.com")
        gone = await bob.request("DELETE", f"/auth/identities/{identity['id']}")
        refused(gone, 404, "NOT_FOUND")
        assert len(await own_identities(ada)) == 1
