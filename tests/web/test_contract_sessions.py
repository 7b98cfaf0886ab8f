"""The wire contract of holding a session: refresh, its three transports, ends, and sign-out."""

from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server
from tests.web.contract import (
    GRANT,
    SESSION,
    USER,
    accepted,
    refused,
    rows,
    set_cookies,
)
from watchword.domain.time import DAY, MINUTE, SECOND

pytestmark = pytest.mark.every_store

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
async def server(server: Server) -> Server:
    """With Ada on it."""
    await server.register()
    return server


class TestProfile:
    async def test_shows_the_caller_and_the_session(self, server: Server) -> None:
        client = server.client("203.0.113.7", **{"User-Agent": FIREFOX})
        body = {"email": "ada@example.com", "password": PASSWORD, "transport": "body"}
        holder = Holder(client, (await client.post("/auth/login", json=body)).json())
        server.clock.advance(MINUTE)
        content = accepted(await holder.get("/profile"), 200, "message", "user", "session")
        assert set(content["user"]) == USER
        assert content["session"] == {
            "id": holder.session_id,
            "createdAt": "2027-01-15T08:00:00Z",
            "lastSeenAt": "2027-01-15T08:01:00Z",
            "expiresAt": "2027-02-14T08:00:00Z",
            "idleExpiresAt": "2027-01-29T08:01:00Z",
            "ip": "203.0.113.7",
            "userAgent": FIREFOX,
            "device": {"browser": "Firefox 140", "os": "Linux", "type": "desktop"},
            "location": None,
            "current": True,
            "amr": ["pwd"],
        }

    async def test_an_agent_that_says_nothing_is_no_device_that_is_known(
        self, server: Server
    ) -> None:
        client = server.client(**{"User-Agent": ""})
        body = {"email": "ada@example.com", "password": PASSWORD}
        session = (await client.post("/auth/login", json=body)).json()["session"]
        assert set(session["device"]) == {"browser", "os", "type"}
        assert session["device"]["browser"] is None

    async def test_the_name_can_be_changed_and_nothing_else(self, server: Server) -> None:
        holder = await server.sign_in()
        answer = await holder.request("PATCH", "/profile", json={"name": "Ada King"})
        assert accepted(answer, 200, "message", "user")["user"]["name"] == "Ada King"
        assert (await holder.get("/profile")).json()["user"]["name"] == "Ada King"
        for body in ({"name": "A", "role": "admin"}, {"name": "A", "email": "a@b.example"}, {}):
            answer = await holder.request("PATCH", "/profile", json=body)
            refused(answer, 422, "VALIDATION_FAILED")


class TestRefresh:
    async def test_answers_by_the_way_that_the_token_came(self, server: Server) -> None:
        body = await server.sign_in()
        content = accepted(await body.refresh(), 200, *GRANT, "refreshToken")
        assert content["refreshToken"] != body.answer["refreshToken"]
        cookie = await server.sign_in(transport="cookie")
        ways: list[dict[str, Any]] = [{"json": {}}, {"headers": {"Sec-Fetch-Site": "same-origin"}}]
        for sent in ways:
            before = cookie.client.cookies["refreshToken"]
            answer = await cookie.client.post("/auth/refresh", **sent)
            accepted(answer, 200, *GRANT)
            assert set(set_cookies(answer)) == {"refreshToken"}
            assert set_cookies(answer)["refreshToken"].value != before

    async def test_both_a_cookie_and_a_body_token_are_400_and_neither_is_used_up(
        self, server: Server
    ) -> None:
        cookie = await server.sign_in(transport="cookie")
        body = await server.sign_in()
        both = {"refreshToken": body.refresh_token}
        answer = await cookie.client.post("/auth/refresh", json=both)
        refused(answer, 400, "MALFORMED")
        assert set_cookies(answer) == {}
        assert rows(server, "SELECT DISTINCT generation FROM sessions") == [(1,)]
        assert (await cookie.client.post("/auth/refresh", json={})).status_code == 200
        assert (await body.refresh()).status_code == 200

    async def test_a_bearer_token_of_another_session_beside_it_is_ignored(
        self, server: Server
    ) -> None:
        await server.register("bob@example.com")
        ada, bob = await server.sign_in(), await server.sign_in("bob@example.com")
        for headers in (bob.headers(), {"Authorization": "Bearer nonsense"}):
            token = {"refreshToken": ada.refresh_token}
            answer = await ada.client.post("/auth/refresh", json=token, headers=headers)
            assert answer.status_code == 200
            ada.refresh_token = answer.json()["refreshToken"]
            ada.access = answer.json()["accessToken"]
            profile = (await ada.get("/profile")).json()
            assert profile["user"]["email"] == "ada@example.com"

    async def test_without_a_token_or_with_garbage_it_is_401(self, server: Server) -> None:
        client = server.client()
        for body in ({}, {"refreshToken": None}, {"refreshToken": ""}):
            refused(await client.post("/auth/refresh", json=body), 401, "TOKEN_MISSING")
        holder = await server.sign_in()
        for token in ("x", holder.access, f"{holder.refresh_token}x"):
            refused(await holder.refresh(token), 401, "TOKEN_INVALID")

    async def test_the_direct_predecessor_gets_the_same_successor_for_ten_seconds(
        self, server: Server
    ) -> None:
        holder = await server.sign_in()
        first = holder.refresh_token
        successor = (await holder.refresh()).json()["refreshToken"]
        for _ in range(2):  # the window is fixed: a retry does not make it longer
            server.clock.advance(5 * SECOND - 1)
            assert (await holder.refresh(first)).json()["refreshToken"] == successor
        server.clock.advance(2)
        refused(await holder.refresh(first), 401, "TOKEN_REUSED")
        refused(await holder.refresh(successor), 401, "SESSION_REVOKED")

    async def test_once_its_successor_was_presented_it_is_reused(self, server: Server) -> None:
        holder = await server.sign_in()
        first = holder.refresh_token
        await holder.refresh()
        await holder.refresh()
        refused(await holder.refresh(first), 401, "TOKEN_REUSED")
        refused(await holder.get("/profile"), 401, "SESSION_REVOKED")

    async def test_a_losing_answer_clears_no_cookie(self, server: Server) -> None:
        holder = await server.sign_in(transport="cookie")
        first = holder.client.cookies["refreshToken"]
        await holder.client.post("/auth/refresh", json={})
        server.clock.advance(11 * SECOND)
        loser = server.client()
        loser.cookies.set("refreshToken", first)
        answer = await loser.post("/auth/refresh", json={})
        refused(answer, 401, "TOKEN_REUSED")
        assert set_cookies(answer) == {}
        assert "clear-site-data" not in answer.headers


class TestHowLongASessionLives:
    async def test_fourteen_days_unused(self, server: Server) -> None:
        holder = await server.sign_in()
        server.clock.advance(14 * DAY - 1)
        assert (await holder.refresh()).status_code == 200
        server.clock.advance(14 * DAY)
        refused(await holder.refresh(), 401, "SESSION_EXPIRED")

    async def test_thirty_days_however_much_it_is_used(self, server: Server) -> None:
        holder = await server.sign_in()
        for _ in range(5):
            server.clock.advance(6 * DAY - 1)
            assert (await holder.refresh()).status_code == 200
        server.clock.advance(4)
        expires_in = (await holder.refresh()).json()["expiresIn"]
        assert expires_in == 1  # the token does not outlive its session
        server.clock.advance(1)
        refused(await holder.refresh(), 401, "SESSION_EXPIRED")

    async def test_a_use_by_cookie_slides_as_well(self, server: Server) -> None:
        holder = await server.sign_in(transport="session")
        for _ in range(2):
            server.clock.advance(13 * DAY)
            assert (await holder.get("/profile")).status_code == 200
        server.clock.advance(4 * DAY)
        refused(await holder.get("/profile"), 401, "SESSION_EXPIRED")


class TestOwnSessions:
    async def test_are_listed_newest_first_with_this_one_marked(self, server: Server) -> None:
        first = await server.sign_in()
        server.clock.advance(MINUTE)
        second = await server.sign_in(transport="cookie")
        await server.register("bob@example.com")
        await server.sign_in("bob@example.com")
        listed = accepted(await first.get("/sessions"), 200, "message", "sessions")["sessions"]
        assert [(s["id"], s["current"]) for s in listed] == [
            (second.session_id, False),
            (first.session_id, True),
        ]
        assert all(set(session) == SESSION for session in listed)

    async def test_only_live_ones_are_listed(self, server: Server) -> None:
        ended, idle = await server.sign_in(), await server.sign_in()
        await ended.post("/auth/logout")
        server.clock.advance(14 * DAY)
        present = await server.sign_in()
        ids = [s["id"] for s in (await present.get("/sessions")).json()["sessions"]]
        assert ids == [present.session_id]
        assert idle.session_id not in ids

    async def test_one_can_be_ended_once(self, server: Server) -> None:
        here, there = await server.sign_in(), await server.sign_in()
        path = f"/sessions/{there.session_id}"
        accepted(await here.request("DELETE", path), 200, "message")
        refused(await there.get("/profile"), 401, "SESSION_REVOKED")
        refused(await there.refresh(), 401, "SESSION_REVOKED")
        refused(await here.request("DELETE", path), 404, "NOT_FOUND")

    async def test_all_but_this_one_can_be_ended(self, server: Server) -> None:
        here, *others = [await server.sign_in() for _ in range(3)]
        answer = await here.request("DELETE", "/sessions")
        assert accepted(answer, 200, "message", "revoked")["revoked"] == 2
        for other in others:
            refused(await other.get("/profile"), 401, "SESSION_REVOKED")
        assert (await here.get("/profile")).status_code == 200
        answer = await here.request("DELETE", "/sessions")
        assert answer.json()["revoked"] == 0


def signed_out(answer: httpx2.Response) -> None:
    """The one answer of signing out."""
    assert accepted(answer, 200, "message")["message"] == "You are signed out."
    cleared = set_cookies(answer)
    assert {name: (cookie.value, cookie.max_age) for name, cookie in cleared.items()} == {
        "refreshToken": ("", 0),
        "session": ("", 0),
    }
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


class TestLogout:
    @pytest.mark.parametrize("proof", ["access", "expired access", "refresh", "used refresh"])
    async def test_any_token_of_the_body_transport_ends_the_session(
        self, proof: str, server: Server
    ) -> None:
        holder = await server.sign_in()
        first = holder.refresh_token
        await holder.refresh()
        if proof == "expired access":
            server.clock.advance(DAY)
        token = first if proof == "used refresh" else holder.refresh_token
        for _ in range(2):  # whoever is signed out already is signed out
            if "access" in proof:
                answer = await holder.post("/auth/logout")
            else:
                answer = await holder.client.post("/auth/logout", json={"refreshToken": token})
            signed_out(answer)
        refused(await holder.refresh(), 401, "SESSION_REVOKED")

    @pytest.mark.parametrize("transport", ["cookie", "session"])
    async def test_a_cookie_ends_the_session_and_is_taken_back(
        self, transport: str, server: Server
    ) -> None:
        holder = await server.sign_in(transport=transport)
        signed_out(await holder.client.post("/auth/logout", json={}))
        assert set(holder.client.cookies) == {"device"}
        [(reason,)] = rows(server, "SELECT ended_reason FROM sessions")
        assert reason == "signed_out"

    @pytest.mark.parametrize(
        "sent",
        [
            {"json": {}},
            {},
            {"json": {"refreshToken": "garbage"}},
            {"headers": {"Authorization": "Bearer garbage"}},
            {"headers": {"Authorization": "Basic YTpi"}},
        ],
    )
    async def test_nothing_and_garbage_are_signed_out_too(
        self, sent: dict[str, Any], server: Server
    ) -> None:
        signed_out(await server.client().post("/auth/logout", **sent))

    async def test_only_the_session_that_was_shown_ends(self, server: Server) -> None:
        here, there = await server.sign_in(), await server.sign_in()
        await here.post("/auth/logout")
        assert (await there.get("/profile")).status_code == 200

    async def test_everywhere_ends_every_session_and_counts_them(self, server: Server) -> None:
        holders = [await server.sign_in(transport=t) for t in ("cookie", "body", "session")]
        answer = await holders[0].post("/auth/logout-all")
        assert accepted(answer, 200, "message", "revoked")["revoked"] == 3
        assert answer.headers["clear-site-data"]
        for holder in holders:
            refused(await holder.get("/profile"), 401, "SESSION_REVOKED")


class TestTheSessionTransport:
    async def test_its_cookie_authenticates_where_an_access_token_does(
        self, server: Server
    ) -> None:
        holder = await server.sign_in(transport="session")
        assert holder.headers() == {}
        for path in ("/profile", "/sessions", "/auth/csrf", f"/users/{_id_of(holder)}"):
            assert (await holder.get(path)).status_code == 200
        answer = await holder.request("PATCH", "/profile", json={"name": "Ada"})
        assert answer.status_code == 200

    async def test_an_access_token_wins_over_the_cookie(self, server: Server) -> None:
        await server.register("bob@example.com")
        ada = await server.sign_in(transport="session")
        bob = await server.sign_in("bob@example.com")
        answer = await ada.client.get("/profile", headers=bob.headers())
        assert answer.json()["user"]["email"] == "bob@example.com"

    async def test_a_refresh_cookie_is_no_session_cookie(self, server: Server) -> None:
        holder = await server.sign_in(transport="cookie")
        refused(await holder.client.get("/profile"), 401, "TOKEN_MISSING")
        client = server.client()
        client.cookies.set("session", holder.client.cookies["refreshToken"])
        refused(await client.get("/profile"), 401, "TOKEN_INVALID")

    async def test_its_cookie_refreshes_nothing(self, server: Server) -> None:
        holder = await server.sign_in(transport="session")
        refused(await holder.client.post("/auth/refresh", json={}), 401, "TOKEN_MISSING")
        cookie = holder.client.cookies["session"]
        answer = await server.client().post("/auth/refresh", json={"refreshToken": cookie})
        refused(answer, 401, "TOKEN_INVALID")


def _id_of(holder: Holder) -> str:
    return str(holder.answer["user"]["id"])
