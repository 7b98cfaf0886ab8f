"""The O rows of the attack catalogue that a client of ours can be made to play: over HTTP, against
a provider that lies.

O03, O05, O06, O11 and O12 are about what a provider says: tests/adapters/federation.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.federation.lying import CODE
from tests.driving import PASSWORD, Holder
from tests.web.contract import accepted, change_rows, events, fields_of, refused, rows, set_cookies
from tests.web.federated import CALLBACK, Browser, Scene, beside, link, query_of
from tests.web.passkeys import add, an_authenticator
from watchword.domain.time import MINUTE
from watchword.settings.choices import EmailVerification

NEW = "marble otter lantern quay"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with beside(tmp_path) as one:
        yield one


def sessions(scene: Scene) -> int:
    return len(rows(scene.server, "SELECT 1 FROM sessions WHERE ended_at IS NULL"))


async def turned_away(scene: Scene, browser: Browser, pairs: list[tuple[str, str]]) -> None:
    """Before the provider is asked about anything."""
    before = scene.provider.count("/token")
    answer = await browser.come_back(pairs)
    refused(answer, 400, "OAUTH_FAILED")
    assert scene.provider.count("/token") == before
    assert set_cookies(answer) == {}


async def reset_by_mail(scene: Scene, email: str = "ada@example.com") -> None:
    client = scene.server.client()
    await client.post("/auth/forgot-password", json={"email": email})
    (mail,) = [each for each in await scene.server.mails() if "/reset-password#" in each.text]
    body = {"token": mail.token, "newPassword": NEW}
    accepted(await client.post("/auth/reset-password", json=body), 200, "message")


async def identities(holder: Holder) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (await holder.get("/auth/identities")).json()["identities"]
    return found


class TestState:
    @pytest.mark.parametrize("state", [None, "", "x", "another-state", "\0", "é", "s" * 4_000])
    async def test_o01_without_the_one_that_was_given_no_code_is_exchanged(
        self, state: str | None, scene: Scene
    ) -> None:
        browser = scene.browser()
        await browser.leave()
        pairs = [("code", CODE)] + ([] if state is None else [("state", state)])
        await turned_away(scene, browser, pairs)
        assert sessions(scene) == 0

    async def test_o01_it_is_good_once(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        assert (await browser.come_back(pairs)).status_code == 303
        await browser.leave()
        await turned_away(scene, browser, pairs)

    async def test_o01_it_is_used_up_by_a_failure_too(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        scene.provider.tokens = {"id_token": "broken"}
        refused(await browser.come_back(pairs), 400, "OAUTH_FAILED")
        scene.provider.tokens = {}
        await turned_away(scene, browser, pairs)

    async def test_o01_it_is_good_for_ten_minutes(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        scene.server.clock.advance(10 * MINUTE)
        await turned_away(scene, browser, pairs)

    async def test_o01_two_starts_of_a_browser_do_not_end_each_other(self, scene: Scene) -> None:
        browser, other = scene.browser(), scene.browser()
        first = await browser.leave()
        wanted = scene.provider.wanted
        await other.leave()
        await browser.leave()
        scene.provider.wanted = wanted
        assert (await browser.come_back(first)).status_code == 303

    async def test_o01_what_lies_in_the_database_starts_nothing(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        state = dict(pairs)["state"]
        (row,) = rows(scene.server, "SELECT token_hash, binding, detail FROM links")
        told = str(row)
        assert state not in told
        assert scene.provider.wanted["nonce"] not in told
        binding = browser.client.cookies["federation"]
        assert binding not in told
        await change_rows(scene.server, "UPDATE links SET detail = 'AAAA'")
        await turned_away(scene, browser, pairs)


class TestTheBrowser:
    async def test_o02_an_answer_in_another_browser_signs_nobody_in(self, scene: Scene) -> None:
        mallory, victim = scene.browser(), scene.browser()
        pairs = await mallory.leave()
        await turned_away(scene, victim, pairs)
        await victim.leave()
        await turned_away(scene, victim, pairs)
        assert sessions(scene) == 0

    async def test_o02_in_the_right_browser_it_stays_good(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        await turned_away(scene, scene.browser(), pairs)
        assert (await browser.come_back(pairs)).status_code == 303

    @pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "null"])
    async def test_o02_a_cookie_that_somebody_made_up_opens_nothing(
        self, cookie: str, scene: Scene
    ) -> None:
        pairs = await scene.browser().leave()
        victim = scene.browser(cookie=f"federation={cookie}")
        await turned_away(scene, victim, pairs)

    async def test_o02_a_weak_cookie_is_replaced_at_the_start(self, scene: Scene) -> None:
        answer = await scene.server.client(cookie="federation=known").get("/auth/other")
        assert len(set_cookies(answer)["federation"].value) == 43

    async def test_o02_the_cookie_twice_is_malformed(self, scene: Scene) -> None:
        client = scene.server.client(cookie="federation=a; federation=b")
        refused(await client.get(f"{CALLBACK}?state=x&code=y"), 400, "MALFORMED")

    async def test_o02_a_posted_answer_needs_the_cookie_as_well(self, tmp_path: Path) -> None:
        async with beside(tmp_path, posts_back=True) as scene:
            pairs = await scene.browser().leave()
            answer = await scene.server.client().post(CALLBACK, data=dict(pairs))
            refused(answer, 400, "OAUTH_FAILED")
            assert scene.provider.count("/token") == 0

    async def test_o02_nobody_is_made_to_link_what_is_an_attackers(self, scene: Scene) -> None:
        await scene.server.register("eve@example.com")
        await scene.server.register("victim@example.com")
        eve = await scene.server.sign_in("eve@example.com")
        victim = await scene.server.sign_in("victim@example.com")
        url = (await eve.post("/auth/other/link", json={})).json()["url"]
        pairs = scene.provider.approve(url)
        await victim.post("/auth/other/link", json={})
        await turned_away(scene, Browser(scene, victim.client), pairs)
        assert await identities(victim) == []

    async def test_o02_another_site_starts_no_link(self, scene: Scene) -> None:
        browser = await scene.enter(transport="session")
        answer = await browser.client.post(
            "/auth/other/link", json={}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        refused(answer, 403, "CSRF_FAILED")


class TestTheCode:
    async def test_o04_of_many_at_once_one_session_comes(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        headers = {"cookie": f"federation={browser.client.cookies['federation']}"}
        clients = [scene.server.client(**headers) for _ in range(8)]
        path = str(browser.client.base_url.join(CALLBACK))
        answers = await asyncio.gather(
            *(client.get(path, params=dict(pairs)) for client in clients)
        )
        assert sorted(answer.status_code for answer in answers) == [303, *[400] * 7]
        assert sessions(scene) == 1
        assert scene.provider.count("/token") == 1

    async def test_o05_an_answer_for_one_provider_is_none_for_another(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        answer = await browser.come_back(pairs, "/auth/second/callback")
        refused(answer, 400, "OAUTH_FAILED")
        assert scene.provider.count("/token") == 0


class TestAnAddress:
    @pytest.mark.parametrize("verified", [False, "true", 1, None, ..., "false"])
    async def test_o07_one_that_is_not_verified_leads_to_nobody(
        self, verified: object, scene: Scene
    ) -> None:
        await scene.server.register_admin("ada@example.com")
        scene.become("eve-1", "ada@example.com", verified=verified)
        problem = refused(await scene.browser().sign_in(), 400, "OAUTH_FAILED")
        assert "link" in problem["detail"]
        assert sessions(scene) == 0
        assert rows(scene.server, "SELECT 1 FROM identities") == []

    async def test_o07_one_that_both_have_verified_leads_to_its_owner_who_hears_of_it(
        self, scene: Scene
    ) -> None:
        await scene.server.register_admin("ada@example.com")
        scene.become("ada-1", "ADA@Example.COM")
        holder = await (await scene.enter()).hold()
        assert (await holder.get("/profile")).json()["user"]["role"] == "admin"
        assert (await scene.server.mail()).to == "ada@example.com"

    async def test_o07_another_subject_with_the_same_address_is_another_link(
        self, scene: Scene
    ) -> None:
        holder = await (await scene.enter()).hold()
        scene.become("ada-2", "ada@example.com", verified=False)
        refused(await scene.browser().sign_in(), 400, "OAUTH_FAILED")
        assert len(await identities(holder)) == 1

    async def test_o07_a_look_alike_is_not_the_address(self, scene: Scene) -> None:
        await scene.server.register_admin("kate@example.com")
        scene.become("eve-1", "\u212aate@example.com")
        answer = await scene.browser().sign_in()
        refused(answer, 400, "OAUTH_FAILED")
        assert sessions(scene) == 0

    async def test_o07_without_an_address_nobody_is_made(self, scene: Scene) -> None:
        scene.become("eve-1", ..., verified=...)
        refused(await scene.browser().sign_in(), 400, "OAUTH_FAILED")
        assert rows(scene.server, "SELECT 1 FROM users") == []

    async def test_e07_an_address_of_somebody_disabled_is_not_linked(self, scene: Scene) -> None:
        await scene.server.register_admin()
        await scene.server.register_admin("ada@example.com")
        await change_rows(
            scene.server, "UPDATE users SET status = 'disabled' WHERE email_key = 'ada@example.com'"
        )
        refused(await scene.browser().sign_in(), 403, "ACCOUNT_DISABLED")
        assert rows(scene.server, "SELECT 1 FROM identities") == []


class TestSomebodyWhoWasThereBefore:
    """Eve waits in an account with Ada's address."""

    async def test_o08_a_password_account_is_not_merged_with_its_owners_identity(
        self, scene: Scene
    ) -> None:
        await scene.server.register("ada@example.com")
        refused(await scene.browser().sign_in(), 400, "OAUTH_FAILED")
        await reset_by_mail(scene)
        assert (await scene.browser().sign_in()).status_code == 303
        body = {"email": "ada@example.com", "password": PASSWORD, "transport": "body"}
        eve = await scene.server.client("203.0.113.9").post("/auth/login", json=body)
        refused(eve, 401, "INVALID_CREDENTIALS")

    async def test_o08_a_session_from_before_ends_with_the_reset(self, scene: Scene) -> None:
        await scene.server.register("ada@example.com")
        eve = await scene.server.sign_in()
        await reset_by_mail(scene)
        refused(await eve.get("/profile"), 401, "SESSION_REVOKED")

    async def test_o08_an_identity_linked_before_ends_with_the_reset(self, scene: Scene) -> None:
        await scene.server.register("ada@example.com")
        scene.become("eve-1", "eve@example.com")
        assert (await link(scene, await scene.server.sign_in())).status_code == 303
        await reset_by_mail(scene)
        assert rows(scene.server, "SELECT 1 FROM identities") == []
        browser = scene.browser()
        assert (await browser.sign_in()).status_code == 303
        profile = (await (await browser.hold()).get("/profile")).json()
        assert profile["user"]["email"] == "eve@example.com"
        assert "credential.identity_unlinked" in {event.type for event in events(scene.server)}

    async def test_o08_a_provider_that_verifies_nothing_makes_no_way_in(self, scene: Scene) -> None:
        scene.become("eve-1", "ada@example.com", verified=False)
        eve = await (await scene.enter()).hold()
        scene.become("ada-1", "ada@example.com")
        refused(await scene.browser().sign_in(), 400, "OAUTH_FAILED")
        await reset_by_mail(scene)
        refused(await eve.get("/profile"), 401, "SESSION_REVOKED")
        assert (await scene.browser().sign_in()).status_code == 303
        scene.become("eve-1", "ada@example.com", verified=False)
        refused(await scene.browser().sign_in(), 400, "OAUTH_FAILED")

    async def test_o08_a_sign_in_link_shakes_it_off_as_well(self, scene: Scene) -> None:
        scene.become("eve-1", "ada@example.com", verified=False)
        await scene.enter()
        ada = scene.server.client()
        await ada.post("/auth/magic-link", json={"email": "ada@example.com"})
        mails = [mail for mail in await scene.server.mails() if "#token=" in mail.text]
        answer = await ada.post("/auth/magic-link/complete", json={"token": mails[0].token})
        assert answer.status_code == 200
        assert rows(scene.server, "SELECT 1 FROM identities") == []

    async def test_o08_what_the_owner_has_linked_stays_at_a_reset(self, scene: Scene) -> None:
        await scene.enter()
        await reset_by_mail(scene)
        assert (await scene.browser().sign_in()).status_code == 303
        assert rows(scene.server, "SELECT COUNT(*) FROM users") == [(1,)]

    async def test_o08_a_start_from_before_links_nothing_after(self, scene: Scene) -> None:
        await scene.server.register("ada@example.com")
        eve = await scene.server.sign_in()
        url = (await eve.post("/auth/other/link", json={})).json()["url"]
        pairs = scene.provider.approve(url)
        await reset_by_mail(scene)
        await turned_away(scene, Browser(scene, eve.client), pairs)

    async def test_o08_where_addresses_are_confirmed_nobody_waits_inside(
        self, tmp_path: Path
    ) -> None:
        required = EmailVerification.REQUIRED
        async with beside(tmp_path, email_verification=required) as scene:
            scene.become("eve-1", "ada@example.com", verified=False)
            refused(await scene.browser().sign_in(), 403, "EMAIL_NOT_VERIFIED")
            assert sessions(scene) == 0
            await reset_by_mail(scene)
            scene.become("eve-1", "ada@example.com", verified=False)
            refused(await scene.browser().sign_in(), 403, "EMAIL_NOT_VERIFIED")
            assert sessions(scene) == 0


class TestWhereItGoesOn:
    @pytest.mark.parametrize(
        "path",
        [
            *("//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example"),
            *("https://evil.example", "@evil.example", "/\t/evil.example", "/%2f%2fevil.example"),
            *("/%5cevil.example", "/%252fevil.example", "/\r\nSet-Cookie: a=b", ""),
        ],
    )
    async def test_o09_it_stays_on_this_site(self, path: str, scene: Scene) -> None:
        answer = await scene.server.client().get("/auth/other", params={"returnTo": path})
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["returnTo"]
        holder = await (await scene.enter()).hold()
        linking = await holder.post("/auth/other/link", json={"returnTo": path})
        assert fields_of(refused(linking, 422, "VALIDATION_FAILED")) == ["returnTo"]

    async def test_o09_the_callback_itself_takes_no_address(self, scene: Scene) -> None:
        browser = scene.browser()
        pairs = [*await browser.leave(returnTo="/here"), ("returnTo", "//evil.example")]
        assert (await browser.come_back(pairs)).headers["location"] == "/here"


class TestTheCallback:
    async def test_o10_the_redirect_address_is_ours_whatever_the_host_header_says(
        self, scene: Scene
    ) -> None:
        for headers in ({"host": "evil.example"}, {"x-forwarded-host": "evil.example"}):
            answer = await scene.server.client().get("/auth/other", headers=headers)
            asked = query_of(answer.headers["location"])
            assert asked["redirect_uri"] == f"http://localhost:8000{CALLBACK}"

    @pytest.mark.parametrize("name", ["code", "state", "iss"])
    async def test_o10_a_parameter_twice_is_refused(self, name: str, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        doubled = [*pairs, *(pair for pair in [*pairs, ("iss", "a")] if pair[0] == name)]
        if name == "iss":
            doubled.append(("iss", "b"))
        await turned_away(scene, browser, doubled)
        assert sessions(scene) == 0

    async def test_o10_what_is_posted_and_what_is_in_the_address_are_one(
        self, tmp_path: Path
    ) -> None:
        async with beside(tmp_path, posts_back=True) as scene:
            browser = scene.browser()
            pairs = dict(await browser.leave())
            path = f"{CALLBACK}?code=another"
            refused(await browser.client.post(path, data=pairs), 400, "OAUTH_FAILED")
            assert scene.provider.count("/token") == 0

    @pytest.mark.parametrize(
        "path", ["/auth/other/callback/", "/auth/other//callback", "/auth/OTHER/callback"]
    )
    async def test_o10_another_spelling_is_nothing(self, path: str, scene: Scene) -> None:
        browser = scene.browser()
        pairs = await browser.leave()
        refused(await browser.come_back(pairs, path), 404, "NOT_FOUND")

    @pytest.mark.parametrize(
        "raw", ["code=%ff&state=%ff", "&&&", "=&=", "a" * 20_000, "state=" + "&x=" * 100]
    )
    async def test_o10_rubbish_is_never_a_500(self, raw: str, scene: Scene) -> None:
        answer = await scene.server.client().get(f"{CALLBACK}?{raw}")
        assert answer.status_code == 400
        assert answer.json()["code"] in {"MALFORMED", "OAUTH_FAILED"}


class TestTheLastWayIn:
    async def test_o13_nobody_locks_themselves_out(self, scene: Scene) -> None:
        holder = await (await scene.enter()).hold()
        (only,) = await identities(holder)
        path = f"/auth/identities/{only['id']}"
        refused(await holder.request("DELETE", path), 409, "LAST_CREDENTIAL")
        assert await identities(holder) == [only]
        scene.become("ada-2", "ada@work.example")
        assert (await link(scene, holder)).status_code == 303
        accepted(await holder.request("DELETE", path), 200, "message")
        (rest,) = await identities(holder)
        last = await holder.request("DELETE", f"/auth/identities/{rest['id']}")
        refused(last, 409, "LAST_CREDENTIAL")

    async def test_o13_of_two_that_go_at_once_one_stays(self, scene: Scene) -> None:
        holder = await (await scene.enter()).hold()
        scene.become("ada-2", "ada@work.example")
        await link(scene, holder)
        paths = [f"/auth/identities/{each['id']}" for each in await identities(holder)]
        answers = await asyncio.gather(*(holder.request("DELETE", path) for path in paths))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert len(await identities(holder)) == 1

    async def test_o13_a_provider_that_is_configured_no_more_is_no_way_in(
        self, scene: Scene
    ) -> None:
        """It was counted as one, and the last that works could be given up beside it."""
        holder = await (await scene.enter()).hold()
        scene.become("ada-2", "ada@work.example")
        await link(scene, holder)
        await change_rows(
            scene.server,
            "UPDATE identities SET issuer = 'https://gone.example', provider = 'gone'"
            " WHERE subject = 'ada-2'",
        )
        works, dead = await identities(holder)
        paths = [f"/auth/identities/{each['id']}" for each in (works, dead)]
        refused(await holder.request("DELETE", paths[0]), 409, "LAST_CREDENTIAL")
        accepted(await holder.request("DELETE", paths[1]), 200, "message")
        assert await identities(holder) == [works]

    async def test_w09_a_passkey_stays_beside_a_provider_that_is_configured_no_more(
        self, scene: Scene
    ) -> None:
        holder = await (await scene.enter()).hold()
        passkey = await add(holder, an_authenticator())
        await change_rows(scene.server, "UPDATE identities SET issuer = 'https://gone.example'")
        answer = await holder.request("DELETE", f"/auth/passkeys/{passkey['id']}")
        refused(answer, 409, "LAST_CREDENTIAL")

    async def test_o13_linking_and_unlinking_need_a_recent_proof(self, scene: Scene) -> None:
        await scene.server.register("bob@example.com")
        holder = await scene.server.sign_in("bob@example.com")
        assert (await link(scene, holder)).status_code == 303
        (identity,) = await identities(holder)
        scene.server.clock.advance(5 * MINUTE)
        await holder.refresh()
        refused(await holder.post("/auth/other/link", json={}), 403, "STEP_UP_REQUIRED")
        gone = await holder.request("DELETE", f"/auth/identities/{identity['id']}")
        refused(gone, 403, "STEP_UP_REQUIRED")

    async def test_o13_a_proof_that_is_old_by_the_time_of_return_links_nothing(
        self, scene: Scene
    ) -> None:
        await scene.server.register("bob@example.com")
        holder = await scene.server.sign_in("bob@example.com")
        url = (await holder.post("/auth/other/link", json={})).json()["url"]
        pairs = scene.provider.approve(url)
        scene.server.clock.advance(5 * MINUTE)
        refused(await holder.client.get(CALLBACK, params=dict(pairs)), 403, "STEP_UP_REQUIRED")
        await holder.refresh()
        assert await identities(holder) == []

    async def test_o13_a_session_that_has_ended_meanwhile_links_nothing(self, scene: Scene) -> None:
        await scene.server.register("bob@example.com")
        holder = await scene.server.sign_in("bob@example.com")
        url = (await holder.post("/auth/other/link", json={})).json()["url"]
        pairs = scene.provider.approve(url)
        await holder.post("/auth/logout", json={"refreshToken": holder.refresh_token})
        refused(await holder.client.get(CALLBACK, params=dict(pairs)), 401, "SESSION_REVOKED")
        assert rows(scene.server, "SELECT 1 FROM identities") == []
