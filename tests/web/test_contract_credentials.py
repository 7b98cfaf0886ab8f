"""The wire contract of one's own proof of identity: change it, show it again, step up by it."""

from pathlib import Path

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import (
    GRANT,
    SESSION,
    USER,
    accepted,
    fields_of,
    refused,
    rows,
    set_cookies,
)
from watchword.domain.time import MINUTE, SECOND

pytestmark = pytest.mark.every_store

NEW = "marble otter lantern quay"
WRONG = "wrong wrong wrong"


@pytest.fixture
async def server(server: Server) -> Server:
    """With Ada on it."""
    await server.register()
    return server


class TestChangePassword:
    async def test_ends_all_other_sessions_and_keeps_this_one(self, server: Server) -> None:
        here = await server.sign_in()
        others = [await server.sign_in(transport=t) for t in ("body", "cookie", "session")]
        body = {"currentPassword": PASSWORD, "newPassword": NEW}
        accepted(await here.post("/auth/change-password", json=body), 200, "message")
        for other in others:
            refused(await other.get("/profile"), 401, "SESSION_REVOKED")
        refused(await others[0].refresh(), 401, "SESSION_REVOKED")
        assert (await here.get("/profile")).status_code == 200
        assert (await here.refresh()).status_code == 200
        for password, status in ((PASSWORD, 401), (NEW, 200)):
            login = {"email": "ada@example.com", "password": password}
            answer = await server.client().post("/auth/login", json=login)
            assert answer.status_code == status

    async def test_by_cookie_it_keeps_the_cookie(self, server: Server) -> None:
        here = await server.sign_in(transport="session")
        body = {"currentPassword": PASSWORD, "newPassword": NEW}
        answer = await here.post("/auth/change-password", json=body)
        assert (answer.status_code, set_cookies(answer)) == (200, {})
        assert (await here.get("/profile")).status_code == 200

    async def test_a_wrong_current_password_is_403_and_changes_nothing(
        self, server: Server
    ) -> None:
        here, other = await server.sign_in(), await server.sign_in()
        before = rows(server, "SELECT password_hash FROM users")
        body = {"currentPassword": WRONG, "newPassword": NEW}
        answer = await here.post("/auth/change-password", json=body)
        refused(answer, 403, "INVALID_CREDENTIALS")
        assert rows(server, "SELECT password_hash FROM users") == before
        assert (await other.get("/profile")).status_code == 200

    @pytest.mark.parametrize(
        ("new", "code"),
        [
            ("short", "PASSWORD_TOO_SHORT"),
            ("ada@example.com", "PASSWORD_BLOCKED"),
            ("é" * 513, "VALIDATION_FAILED"),
            (PASSWORD, "VALIDATION_FAILED"),
        ],
    )
    async def test_a_new_password_at_fault_is_named(
        self, new: str, code: str, server: Server
    ) -> None:
        here, other = await server.sign_in(), await server.sign_in()
        body = {"currentPassword": PASSWORD, "newPassword": new}
        answer = await here.post("/auth/change-password", json=body)
        assert fields_of(refused(answer, 422, code)) == ["newPassword"]
        assert (await other.get("/profile")).status_code == 200

    async def test_both_fields_are_asked_for_at_once(self, server: Server) -> None:
        here = await server.sign_in()
        problem = refused(
            await here.post("/auth/change-password", json={}), 422, "VALIDATION_FAILED"
        )
        assert fields_of(problem) == ["currentPassword", "newPassword"]


class TestReauthenticate:
    @pytest.mark.parametrize("transport", ["body", "cookie"])
    async def test_gives_a_new_access_token_and_the_one_before_is_dead(
        self, transport: str, server: Server
    ) -> None:
        holder = await server.sign_in(transport=transport)
        before = holder.access
        answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
        content = accepted(answer, 200, *GRANT, "user", "session")
        assert (set(content["user"]), set(content["session"])) == (USER, SESSION)
        assert content["session"]["id"] == holder.session_id
        assert (content["tokenType"], content["expiresIn"]) == ("Bearer", 300)
        assert set_cookies(answer) == {}
        refused(await holder.get("/profile"), 401, "TOKEN_EXPIRED")
        holder.access = content["accessToken"]
        assert holder.access != before
        assert (await holder.get("/profile")).status_code == 200

    async def test_leaves_the_refresh_token_good(self, server: Server) -> None:
        holder = await server.sign_in()
        await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
        assert (await holder.refresh()).status_code == 200
        assert (await holder.get("/profile")).status_code == 200

    async def test_replaces_the_cookie_of_the_session_transport(self, server: Server) -> None:
        holder = await server.sign_in(transport="session")
        before = holder.client.cookies["session"]
        answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
        accepted(answer, 200, "message", "user", "session")
        assert "session" in set_cookies(answer)
        assert holder.client.cookies["session"] != before
        assert (await holder.get("/profile")).status_code == 200
        former = server.client()
        former.cookies.set("session", before)
        refused(await former.get("/profile"), 401, "SESSION_REVOKED")

    async def test_a_wrong_password_is_403_and_proves_nothing(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com")
        server.clock.advance(5 * MINUTE)
        await root.refresh()
        answer = await root.post("/auth/reauthenticate", json={"password": WRONG})
        refused(answer, 403, "INVALID_CREDENTIALS")
        refused(await _step_up(root), 403, "STEP_UP_REQUIRED")
        assert (await root.get("/profile")).status_code == 200

    async def test_a_body_at_fault_is_named(self, server: Server) -> None:
        holder = await server.sign_in()
        answer = await holder.post("/auth/reauthenticate", json={"pasword": PASSWORD})
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["pasword"]


async def _step_up(root: Holder) -> httpx2.Response:
    """A step-up action that changes nothing."""
    user_id = root.answer["user"]["id"]
    return await root.request("PUT", f"/users/{user_id}/role", json={"role": "admin"})


class TestStepUp:
    async def test_is_opened_by_signing_in_for_five_minutes(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com", transport="session")
        server.clock.advance(5 * MINUTE - 1)
        assert (await _step_up(root)).status_code == 200
        server.clock.advance(1)
        refused(await _step_up(root), 403, "STEP_UP_REQUIRED")

    async def test_is_never_opened_by_refreshing(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com")
        server.clock.advance(5 * MINUTE)
        for _ in range(2):
            await root.refresh()
            refused(await _step_up(root), 403, "STEP_UP_REQUIRED")

    async def test_is_opened_again_by_reauthenticating(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com", transport="session")
        server.clock.advance(MINUTE * 10)
        await root.post("/auth/reauthenticate", json={"password": PASSWORD})
        server.clock.advance(5 * MINUTE - 1)
        assert (await _step_up(root)).status_code == 200
        server.clock.advance(1)
        refused(await _step_up(root), 403, "STEP_UP_REQUIRED")

    async def test_lasts_as_long_as_it_is_set(self, tmp_path: Path) -> None:
        async with serving(tmp_path, step_up_ttl=SECOND) as server:
            await server.register_admin()
            root = await server.sign_in("root@example.com")
            assert (await _step_up(root)).status_code == 200
            server.clock.advance(SECOND)
            refused(await _step_up(root), 403, "STEP_UP_REQUIRED")


class TestTheCsrfToken:
    @pytest.mark.parametrize("transport", ["session", "body"])
    async def test_is_given_to_who_is_signed_in(self, transport: str, server: Server) -> None:
        holder = await server.sign_in(transport=transport)
        assert accepted(await holder.get("/auth/csrf"), 200, "csrfToken")["csrfToken"]

    async def test_is_of_one_session(self, server: Server) -> None:
        tokens = set()
        for _ in range(2):
            holder = await server.sign_in(transport="session")
            tokens.add((await holder.get("/auth/csrf")).json()["csrfToken"])
        assert len(tokens) == 2
