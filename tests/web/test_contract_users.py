"""The wire contract of users: search and paging, role, status, and an end that leaves nothing."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import (
    MANAGED_USER,
    SESSION,
    USER,
    accepted,
    fields_of,
    refused,
    rows,
    set_cookies,
    tables_of,
)
from watchword.domain.roles import Permission, Roles
from watchword.domain.time import MINUTE, SECOND

pytestmark = pytest.mark.every_store

UNKNOWN = "0" * 32


@pytest.fixture
async def root(server: Server) -> Holder:
    """The administrator, signed in."""
    await server.register_admin()
    return await server.sign_in("root@example.com")


def id_of(holder: Holder) -> str:
    return str(holder.answer["user"]["id"])


async def ada_of(server: Server, *, transport: str = "body") -> Holder:
    await server.register()
    return await server.sign_in(transport=transport)


async def page(root: Holder, query: str = "") -> dict[str, Any]:
    return accepted(await root.get(f"/users?{query}"), 200, "message", "users", "nextCursor")


async def addresses(root: Holder, query: str) -> list[str]:
    """The local parts of who is found, newest first."""
    return [user["email"].split("@")[0] for user in (await page(root, query))["users"]]


async def people(server: Server, *names: str) -> None:
    for name in names:
        server.clock.advance(SECOND)
        await server.register(f"{name}@example.com")


class TestTheList:
    async def test_shows_users_newest_first_with_their_status(
        self, root: Holder, server: Server
    ) -> None:
        await people(server, "ada", "bob")
        found = await page(root)
        assert [user["email"] for user in found["users"]] == [
            *("bob@example.com", "ada@example.com", "root@example.com")
        ]
        assert all(set(user) == MANAGED_USER for user in found["users"])
        assert {user["status"] for user in found["users"]} == {"active"}
        assert found["nextCursor"] is None

    async def test_can_be_narrowed(self, root: Holder, server: Server) -> None:
        await people(server, "ada", "bob", "under_score", "o'hara")
        ada = await server.sign_in()
        await ada.request("PATCH", "/profile", json={"name": "Countess Lovelace"})
        path = f"/users/{id_of(ada)}/status"
        await root.request("PUT", path, json={"status": "disabled"})
        assert await addresses(root, "role=admin") == ["root"]
        assert await addresses(root, "status=disabled") == ["ada"]
        assert await addresses(root, "status=active&role=user&q=b") == ["bob"]
        assert await addresses(root, "q=LOVELACE") == ["ada"]
        assert await addresses(root, "q=bob%40example") == ["bob"]
        assert await addresses(root, "q=_") == ["under_score"]
        assert await addresses(root, "q=%25") == []
        assert await addresses(root, "q='") == ["o'hara"]
        assert len(await addresses(root, "q=")) == 5

    async def test_pages_to_the_end_with_everybody_once(self, root: Holder, server: Server) -> None:
        await people(server, *(f"p{number}" for number in range(6)))
        seen, query = [], "limit=3"
        while query:
            found = await page(root, query)
            seen += [user["id"] for user in found["users"]]
            query = found["nextCursor"] and f"limit=3&cursor={found['nextCursor']}"
        assert len(seen) == len(set(seen)) == 7

    async def test_a_cursor_stands_still_while_people_come_and_go(
        self, root: Holder, server: Server
    ) -> None:
        await people(server, "a", "b", "c", "d")
        first = await page(root, "limit=2")
        await people(server, "newcomer")
        last_shown = first["users"][-1]["id"]
        assert (await root.request("DELETE", f"/users/{last_shown}")).status_code == 200
        assert await addresses(root, f"limit=2&cursor={first['nextCursor']}") == ["b", "a"]

    async def test_a_full_last_page_has_no_cursor(self, root: Holder, server: Server) -> None:
        await people(server, "ada")
        assert (await page(root, "limit=2"))["nextCursor"] is None
        assert (await page(root, "limit=200"))["nextCursor"] is None

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            *((f"limit={n}", "limit") for n in ("0", "201", "-1", "ten", "", "1.5", "%C2%B2")),
            ("limit=1&limit=2", "limit"),
            ("cursor=MTox.forged", "cursor"),
            ("cursor=x", "cursor"),
            ("status=gone", "status"),
            ("role=emperor", "role"),
            ("page=2", "page"),
        ],
    )
    async def test_a_query_at_fault_is_named(self, query: str, field: str, root: Holder) -> None:
        problem = refused(await root.get(f"/users?{query}"), 422, "VALIDATION_FAILED")
        assert fields_of(problem) == [field]

    async def test_a_cursor_of_another_list_is_none_of_this_one(
        self, root: Holder, server: Server
    ) -> None:
        await people(server, "ada")
        cursor = (await root.get("/audit?limit=1")).json()["nextCursor"]
        refused(await root.get(f"/users?cursor={cursor}"), 422, "VALIDATION_FAILED")


class TestOneUser:
    async def test_is_shown_to_the_owner_and_to_an_administrator(
        self, root: Holder, server: Server
    ) -> None:
        ada = await ada_of(server)
        for holder in (ada, root):
            content = accepted(await holder.get(f"/users/{id_of(ada)}"), 200, "message", "user")
            assert set(content["user"]) == MANAGED_USER
            assert content["user"]["email"] == "ada@example.com"

    async def test_sessions_are_listed_and_ended_by_the_owner_or_an_administrator(
        self, root: Holder, server: Server
    ) -> None:
        ada = await ada_of(server)
        path = f"/users/{id_of(ada)}/sessions"
        for holder in (ada, root):
            [session] = accepted(await holder.get(path), 200, "message", "sessions")["sessions"]
            assert set(session) == SESSION
            assert (session["id"], session["current"]) == (ada.session_id, holder is ada)
        answer = await root.request("DELETE", path)
        assert accepted(answer, 200, "message", "revoked")["revoked"] == 1
        refused(await ada.get("/profile"), 401, "SESSION_REVOKED")


class TestTheRole:
    @staticmethod
    async def put(root: Holder, user_id: str, role: str, *, by_path: bool) -> httpx2.Response:
        if by_path:
            return await root.request("PUT", f"/users/{user_id}/{role}")
        return await root.request("PUT", f"/users/{user_id}/role", json={"role": role})

    @pytest.mark.parametrize("by_path", [False, True])
    async def test_holds_on_the_next_request_of_every_live_session(
        self, by_path: bool, root: Holder, server: Server
    ) -> None:
        await server.register()
        body = await server.sign_in()
        cookie = await server.sign_in(transport="session")
        for role, status in (("admin", 200), ("user", 403)):
            answer = await self.put(root, id_of(body), role, by_path=by_path)
            user = accepted(answer, 200, "message", "user")["user"]
            assert (set(user), user["role"]) == (MANAGED_USER, role)
            for holder in (body, cookie):
                assert (await holder.get("/users")).status_code == status
                assert (await holder.get("/profile")).json()["user"]["role"] == role

    @pytest.mark.parametrize("by_path", [False, True])
    async def test_must_be_a_configured_one(
        self, by_path: bool, root: Holder, server: Server
    ) -> None:
        ada = id_of(await ada_of(server))
        for role in ("emperor", "ADMIN", "role ", "sessions"):
            answer = await self.put(root, ada, role, by_path=by_path)
            assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["role"]

    @pytest.mark.parametrize("by_path", [False, True])
    async def test_of_the_last_administrator_stays(self, by_path: bool, root: Holder) -> None:
        answer = await self.put(root, id_of(root), "user", by_path=by_path)
        refused(answer, 409, "LAST_ADMIN")
        assert (await self.put(root, id_of(root), "admin", by_path=by_path)).status_code == 200

    async def test_can_be_one_of_the_operators_own(self, tmp_path: Path) -> None:
        roles = Roles.of({"support": frozenset({Permission.USERS_READ})})
        async with serving(tmp_path, roles=roles) as server:
            await server.register_admin()
            root = await server.sign_in("root@example.com")
            ada = await ada_of(server)
            refused(await ada.get("/users"), 403, "FORBIDDEN")
            await self.put(root, id_of(ada), "support", by_path=True)
            assert (await ada.get("/users?role=support")).json()["users"][0]["role"] == "support"
            refused(await ada.get("/audit"), 403, "FORBIDDEN")

    async def test_in_the_path_takes_an_empty_body_or_an_empty_object(
        self, root: Holder, server: Server
    ) -> None:
        ada = id_of(await ada_of(server))
        bare = await root.client.put(f"/users/{ada}/admin", headers=root.headers())
        assert bare.status_code == 200
        answer = await root.request("PUT", f"/users/{ada}/user", json={})
        assert answer.status_code == 200
        answer = await root.request("PUT", f"/users/{ada}/user", json={"role": "admin"})
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["role"]


class TestTheStatus:
    async def test_disabled_ends_every_session_and_shuts_the_door(
        self, root: Holder, server: Server
    ) -> None:
        await server.register()
        holders = [await server.sign_in(transport=t) for t in ("body", "cookie", "session")]
        path = f"/users/{id_of(holders[0])}/status"
        answer = await root.request("PUT", path, json={"status": "disabled"})
        assert accepted(answer, 200, "message", "user")["user"]["status"] == "disabled"
        for holder in holders:
            refused(await holder.get("/profile"), 401, "SESSION_REVOKED")
        refused(await holders[0].refresh(), 401, "SESSION_REVOKED")
        body = {"email": "ada@example.com", "password": PASSWORD}
        refused(await server.client().post("/auth/login", json=body), 403, "ACCOUNT_DISABLED")
        answer = await root.request("PUT", path, json={"status": "active"})
        assert answer.json()["user"]["status"] == "active"
        refused(await holders[0].get("/profile"), 401, "SESSION_REVOKED")
        assert (await server.client().post("/auth/login", json=body)).status_code == 200

    async def test_is_one_of_two(self, root: Holder, server: Server) -> None:
        path = f"/users/{id_of(await ada_of(server))}/status"
        for status in ("deleted", "Active", 1, None):
            answer = await root.request("PUT", path, json={"status": status})
            assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["status"]

    async def test_of_the_last_administrator_stays(self, root: Holder) -> None:
        path = f"/users/{id_of(root)}/status"
        answer = await root.request("PUT", path, json={"status": "disabled"})
        refused(answer, 409, "LAST_ADMIN")
        assert (await root.get("/profile")).status_code == 200


def traces_of(server: Server, user_id: str) -> set[str]:
    """The tables in which the id is still to be found, in whatever column."""
    return {
        table
        for table in tables_of(server)
        for row in rows(server, f"SELECT * FROM {table}")
        if any(user_id in str(value) for value in row)
    }


class TestTheEnd:
    async def test_of_ones_own_account_signs_out_and_says_so(self, server: Server) -> None:
        ada = await ada_of(server, transport="cookie")
        answer = await ada.request("DELETE", f"/users/{id_of(ada)}")
        content = accepted(answer, 200, "message", "user")
        assert content["message"] == "Your account deleted"
        assert set(content["user"]) == USER
        assert set_cookies(answer)["refreshToken"].max_age == 0
        assert answer.headers["clear-site-data"]
        refused(await ada.get("/profile"), 401, "SESSION_REVOKED")

    async def test_by_an_administrator_keeps_the_administrators_own_session(
        self, root: Holder, server: Server
    ) -> None:
        ada = await ada_of(server)
        answer = await root.request("DELETE", f"/users/{id_of(ada)}")
        assert accepted(answer, 200, "message", "user")["message"] == "User deleted"
        assert set_cookies(answer) == {}
        assert (await root.get("/profile")).status_code == 200
        refused(await ada.refresh(), 401, "SESSION_REVOKED")
        refused(await root.request("DELETE", f"/users/{id_of(ada)}"), 404, "NOT_FOUND")

    async def test_leaves_no_row_but_the_record_of_what_happened(
        self, root: Holder, server: Server
    ) -> None:
        ada = await ada_of(server, transport="cookie")
        await server.sign_in()
        await server.sign_in(transport="session")
        wrong = {"email": "ada@example.com", "password": "wrong wrong wrong"}
        await server.client("192.0.2.2").post("/auth/login", json=wrong)
        await ada.client.post("/auth/login", json=wrong)  # from a known device: its own count
        present = {"users", "sessions", "devices", "lockouts", "audit_events"}
        assert present <= traces_of(server, id_of(ada))
        await root.request("DELETE", f"/users/{id_of(ada)}")
        assert traces_of(server, id_of(ada)) == {"audit_events", "changes"}
        assert traces_of(server, "ada@example.com") == set()

    async def test_frees_the_address(self, root: Holder, server: Server) -> None:
        old = await ada_of(server)
        for _ in range(4):
            body = {"email": "ada@example.com", "password": "wrong wrong wrong"}
            await server.client("192.0.2.2").post("/auth/login", json=body)
        await root.request("DELETE", f"/users/{id_of(old)}")
        new = await ada_of(server)
        assert id_of(new) != id_of(old)
        refused(await old.get("/profile"), 401, "SESSION_REVOKED")
        listed = (await new.get("/sessions")).json()["sessions"]
        assert [session["id"] for session in listed] == [new.session_id]

    async def test_of_the_last_administrator_is_refused(self, root: Holder) -> None:
        path = f"/users/{id_of(root)}"
        refused(await root.request("DELETE", path), 409, "LAST_ADMIN")
        assert (await root.get("/profile")).status_code == 200

    async def test_of_ones_own_account_needs_a_fresh_proof(self, server: Server) -> None:
        ada = await ada_of(server)
        server.clock.advance(5 * MINUTE)
        await ada.refresh()
        refused(await ada.request("DELETE", f"/users/{id_of(ada)}"), 403, "STEP_UP_REQUIRED")
        answer = await ada.post("/auth/reauthenticate", json={"password": PASSWORD})
        ada.access = answer.json()["accessToken"]
        assert (await ada.request("DELETE", f"/users/{id_of(ada)}")).status_code == 200

    async def test_of_nobody_is_not_found(self, root: Holder) -> None:
        for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/admin"), ("GET", "/sessions")):
            answer = await root.request(method, f"/users/{UNKNOWN}{path}")
            refused(answer, 404, "NOT_FOUND")
