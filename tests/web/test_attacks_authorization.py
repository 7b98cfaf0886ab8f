"""Nobody gets at what is not theirs, by any id, role, field or spelling (catalogue A, S06)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import events, rows
from tests.web.raw import AS_JSON, Reply, ask, bearer
from watchword.domain.roles import Permission, Roles
from watchword.domain.time import MINUTE
from watchword.web.app import ROUTES

FORBIDDEN = (403, "FORBIDDEN")
NOT_FOUND = (404, "NOT_FOUND")
REVOKED = (401, "SESSION_REVOKED")
LAST_ADMIN = (409, "LAST_ADMIN")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")

ROLES = Roles.of(
    {
        "support": frozenset({Permission.USERS_READ, Permission.SESSIONS_END}),
        "clerk": frozenset(
            {Permission.USERS_ROLE, Permission.USERS_STATUS, Permission.USERS_DELETE}
        ),
    }
)


def id_of(holder: Holder) -> str:
    return str(holder.answer["user"]["id"])


def verdict(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


async def act(server: Server, holder: Holder, method: str, path: str, body: object = None) -> Reply:
    """A request by ``holder``, with ``path`` taken as it is."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = [AS_JSON, bearer(holder.access)]
    return await ask(server, method, path, headers=headers, body=content)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """With two roles of its own, and no limit on the sweeps of these tests."""
    async with serving(tmp_path, roles=ROLES, limit_auth=None) as running:
        yield running


@pytest.fixture
async def ada(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


@pytest.fixture
async def eve(server: Server) -> Holder:
    await server.register("eve@example.com")
    return await server.sign_in("eve@example.com")


@pytest.fixture
async def admin(server: Server) -> Holder:
    await server.register_admin()
    return await server.sign_in("root@example.com")


async def with_role(server: Server, admin: Holder, role: str) -> Holder:
    """Somebody new who holds ``role``."""
    email = f"{role}@example.com"
    await server.register(email)
    holder = await server.sign_in(email)
    answer = await act(server, admin, "PUT", f"/users/{id_of(holder)}/role", {"role": role})
    assert answer.status == 200
    return holder


class TestMassAssignment:
    FIELDS: tuple[tuple[str, object], ...] = (
        ("role", "admin"),
        ("isAdmin", True),
        ("is_admin", True),
        ("emailVerified", True),
        ("email_verified", True),
        ("mfaEnabled", False),
        ("id", "chosen"),
        ("status", "active"),
        ("tenant", "x"),
        ("passwordHash", "x"),
        ("createdAt", "2000-01-01T00:00:00Z"),
        ("permissions", ["*"]),
        ("__proto__", {"role": "admin"}),
    )

    async def test_a01_registering_takes_no_field_but_its_own(self, server: Server) -> None:
        good = {"email": "mal@example.com", "password": PASSWORD}
        for name, value in self.FIELDS:
            answer = await server.client().post("/auth/register", json={**good, name: value})
            assert verdict(answer) == (422, "VALIDATION_FAILED"), name
            assert [error["field"] for error in answer.json()["errors"]] == [name]
        nested = await server.client().post("/auth/register", json={"user": good, **good})
        assert verdict(nested) == (422, "VALIDATION_FAILED")
        assert rows(server, "SELECT id FROM users") == []

    async def test_a01_neither_does_signing_in_or_changing_the_profile(
        self, server: Server, ada: Holder
    ) -> None:
        for name, value in self.FIELDS:
            changed = await act(server, ada, "PATCH", "/profile", {"name": "A", name: value})
            assert changed.verdict == (422, "VALIDATION_FAILED"), name
            body = {"email": "ada@example.com", "password": PASSWORD, name: value}
            signed_in = await server.client().post("/auth/login", json=body)
            assert verdict(signed_in) == (422, "VALIDATION_FAILED"), name
        profile = (await ada.get("/profile")).json()["user"]
        assert (profile["role"], profile["name"], profile["emailVerified"]) == ("user", "", False)

    async def test_a01_an_administrators_forms_take_one_field_each(
        self, server: Server, admin: Holder, ada: Holder
    ) -> None:
        path = f"/users/{id_of(ada)}"
        for body in (
            {"role": "user", "status": "disabled"},
            {"role": ["admin"]},
            {"role": None},
            {"role": ""},
            {"role": "Admin"},
            {"role": "admin "},
            {"role": "root"},
            {"role": "*"},
            {},
        ):
            answer = await act(server, admin, "PUT", f"{path}/role", body)
            assert answer.verdict == (422, "VALIDATION_FAILED"), body
        for state in ("locked", "Active", "", None, True, 1):
            answer = await act(server, admin, "PUT", f"{path}/status", {"status": state})
            assert answer.verdict == (422, "VALIDATION_FAILED"), state
        user = (await admin.get(path)).json()["user"]
        assert (user["role"], user["status"]) == ("user", "active")


class TestOtherPeoplesThings:
    async def test_a02_a_stranger_learns_nothing_of_an_id_known_or_not(
        self, server: Server, ada: Holder, eve: Holder
    ) -> None:
        known = id_of(ada)
        unknown = known[:-1] + ("0" if known[-1] != "0" else "1")
        for method, path in (
            ("GET", "/users/{}"),
            ("DELETE", "/users/{}"),
            ("GET", "/users/{}/sessions"),
            ("DELETE", "/users/{}/sessions"),
            ("PUT", "/users/{}/admin"),
        ):
            answers = [
                await act(server, eve, method, path.format(user_id))
                for user_id in (known, unknown, "x", "..", "%00", "1 OR 1=1", "me", "0")
            ]
            assert {answer.verdict for answer in answers} == {FORBIDDEN}, path
            texts = {answer.body.replace(_request_id(answer), b"") for answer in answers}
            assert len(texts) == 1, path
        assert (await ada.get("/profile")).status_code == 200

    async def test_a02_an_id_has_one_spelling(
        self, server: Server, ada: Holder, admin: Holder
    ) -> None:
        user_id = id_of(ada)
        for spelling in (
            user_id.upper() + "/",
            user_id + " ",
            " " + user_id,
            user_id + "%00",
            user_id + "\u200b",
            f"{{{user_id}}}",
            f"{user_id},{id_of(admin)}",
            f"{user_id[:8]}-{user_id[8:]}",
        ):
            assert (await act(server, ada, "GET", f"/users/{spelling}")).status in {403, 404}
            assert (await act(server, admin, "GET", f"/users/{spelling}")).status == 404

    async def test_a02_anothers_session_is_not_there(
        self, server: Server, ada: Holder, eve: Holder, admin: Holder
    ) -> None:
        for holder in (eve, admin):
            answer = await act(server, holder, "DELETE", f"/sessions/{ada.session_id}")
            assert answer.verdict == NOT_FOUND
        unknown = await act(server, eve, "DELETE", "/sessions/0190")
        assert unknown.verdict == NOT_FOUND
        assert (await ada.get("/profile")).status_code == 200

    async def test_a02_lists_hold_ones_own_alone(
        self, server: Server, ada: Holder, eve: Holder
    ) -> None:
        listed = (await eve.get("/sessions")).json()["sessions"]
        assert [session["id"] for session in listed] == [eve.session_id]
        ended = await eve.request("DELETE", "/sessions")
        assert ended.json()["revoked"] == 0
        assert (await ada.get("/profile")).status_code == 200

    async def test_a02_a_user_id_in_a_body_or_a_query_is_nobody(
        self, server: Server, ada: Holder, eve: Holder
    ) -> None:
        for body in ({"name": "X", "id": id_of(ada)}, {"name": "X", "userId": id_of(ada)}):
            assert (await act(server, eve, "PATCH", "/profile", body)).status == 422
        query = f"user={id_of(ada)}&id={id_of(ada)}".encode()
        answer = await ask(server, "GET", "/profile", headers=[bearer(eve.access)], query=query)
        assert answer.json()["user"]["email"] == "eve@example.com"


def _request_id(answer: Reply) -> bytes:
    return str(answer.one("x-request-id")).encode()


class TestPrivileges:
    async def test_a03_a_demoted_administrator_is_none_on_the_next_request(
        self, server: Server, admin: Holder
    ) -> None:
        second = await with_role(server, admin, "admin")
        assert (await second.get("/users")).status_code == 200
        before = second.access
        path = f"/users/{id_of(second)}/role"
        assert (await act(server, admin, "PUT", path, {"role": "user"})).status == 200
        assert second.access == before
        for method, target in (
            ("GET", "/users"),
            ("GET", "/audit"),
            ("GET", f"/users/{id_of(admin)}"),
            ("PUT", f"/users/{id_of(second)}/admin"),
        ):
            assert (await act(server, second, method, target)).verdict == FORBIDDEN, target
        assert (await second.get("/auth/verify", params={"role": "admin"})).status_code == 403

    async def test_a04_the_last_administrator_stays_whatever_is_tried(
        self, server: Server, admin: Holder
    ) -> None:
        path = f"/users/{id_of(admin)}"
        for method, target, body in (
            ("PUT", f"{path}/role", {"role": "user"}),
            ("PUT", f"{path}/user", None),
            ("PUT", f"{path}/status", {"status": "disabled"}),
            ("DELETE", path, None),
        ):
            assert (await act(server, admin, method, target, body)).verdict == LAST_ADMIN, target
        assert (await admin.get("/users")).status_code == 200

    async def test_a04_a_disabled_administrator_does_not_count(
        self, server: Server, admin: Holder
    ) -> None:
        second = await with_role(server, admin, "admin")
        disable = f"/users/{id_of(second)}/status"
        assert (await act(server, admin, "PUT", disable, {"status": "disabled"})).status == 200
        demote = f"/users/{id_of(admin)}/user"
        assert (await act(server, admin, "PUT", demote)).verdict == LAST_ADMIN

    @pytest.mark.parametrize("how", ["demote", "disable", "delete", "each another way"])
    async def test_a04_of_two_who_remove_each_other_at_once_one_remains(
        self, server: Server, admin: Holder, how: str
    ) -> None:
        second = await with_role(server, admin, "admin")
        ways: dict[str, tuple[str, str, object]] = {
            "demote": ("PUT", "/users/{}/role", {"role": "user"}),
            "disable": ("PUT", "/users/{}/status", {"status": "disabled"}),
            "delete": ("DELETE", "/users/{}", None),
        }
        pair = [ways[how]] * 2 if how in ways else [ways["demote"], ways["delete"]]
        answers = await asyncio.gather(
            *(
                act(server, actor, method, path.format(id_of(target)), body)
                for (actor, target), (method, path, body) in zip(
                    ((admin, second), (second, admin)), pair, strict=True
                )
            )
        )
        statuses = sorted(answer.status for answer in answers)
        assert statuses[0] == 200
        assert statuses[1] in {401, 403, 409}
        sql = "SELECT id FROM users WHERE role = 'admin' AND status = 'active'"
        assert len(rows(server, sql)) == 1

    async def test_a05_nobody_raises_themselves(self, server: Server, ada: Holder) -> None:
        own = f"/users/{id_of(ada)}"
        for method, path, body in (
            ("PUT", f"{own}/role", {"role": "admin"}),
            ("PUT", f"{own}/admin", None),
            ("PUT", f"{own}/role", {"role": "user"}),
            ("PUT", f"{own}/status", {"status": "active"}),
        ):
            assert (await act(server, ada, method, path, body)).verdict == FORBIDDEN, path
        assert (await ada.get("/profile")).json()["user"]["role"] == "user"

    async def test_a05_a_role_hands_out_and_takes_away_no_more_than_it_holds(
        self, server: Server, admin: Holder, ada: Holder
    ) -> None:
        clerk = await with_role(server, admin, "clerk")
        support = await with_role(server, admin, "support")
        for target in (clerk, ada, support):
            for role in ("admin", "support"):
                path = f"/users/{id_of(target)}/role"
                answer = await act(server, clerk, "PUT", path, {"role": role})
                assert answer.verdict == FORBIDDEN, role
        for above in (admin, support):
            path = f"/users/{id_of(above)}"
            for method, target_path, body in (
                ("PUT", f"{path}/role", {"role": "user"}),
                ("PUT", f"{path}/status", {"status": "disabled"}),
                ("DELETE", path, None),
            ):
                answer = await act(server, clerk, method, target_path, body)
                assert answer.verdict == FORBIDDEN, target_path
        ended = await act(server, support, "DELETE", f"/users/{id_of(admin)}/sessions")
        assert ended.verdict == FORBIDDEN
        assert (await admin.get("/profile")).status_code == 200
        allowed = await act(server, clerk, "PUT", f"/users/{id_of(ada)}/role", {"role": "clerk"})
        assert allowed.status == 200

    async def test_a05_what_was_refused_is_not_told_as_done(
        self, server: Server, ada: Holder
    ) -> None:
        await act(server, ada, "PUT", f"/users/{id_of(ada)}/role", {"role": "admin"})
        await act(server, ada, "DELETE", "/users/unknown")
        written = {event.type for event in events(server)}
        assert not written & {"account.role_changed", "account.deleted", "session.all_ended"}

    async def test_a08_what_needs_a_fresh_proof_is_not_opened_by_a_refresh(
        self, server: Server, admin: Holder, ada: Holder
    ) -> None:
        path = f"/users/{id_of(ada)}/role"
        step_up = (403, "STEP_UP_REQUIRED")
        server.clock.advance(5 * MINUTE)
        assert (await admin.refresh()).status_code == 200
        assert (await ada.refresh()).status_code == 200
        assert (await act(server, admin, "PUT", path, {"role": "admin"})).verdict == step_up
        assert (await act(server, admin, "PUT", f"/users/{id_of(ada)}/admin")).verdict == step_up
        assert (await act(server, ada, "DELETE", f"/users/{id_of(ada)}")).verdict == step_up
        again = await admin.post("/auth/reauthenticate", json={"password": PASSWORD})
        admin.access = again.json()["accessToken"]
        assert (await act(server, admin, "PUT", path, {"role": "admin"})).status == 200
        server.clock.advance(5 * MINUTE - 1)
        assert (await act(server, admin, "PUT", path, {"role": "user"})).status == 200


class TestDeadAccounts:
    @pytest.mark.parametrize("how", ["disabled", "deleted", "deleted by themselves"])
    async def test_a07_nothing_of_a_dead_account_opens_anything(
        self, server: Server, admin: Holder, ada: Holder, how: str
    ) -> None:
        browser = await server.sign_in(transport="session")
        cookie_user = await server.sign_in(transport="cookie")
        path = f"/users/{id_of(ada)}"
        if how == "disabled":
            done = await act(server, admin, "PUT", f"{path}/status", {"status": "disabled"})
        else:
            done = await act(server, admin if how == "deleted" else ada, "DELETE", path)
        assert done.status == 200
        assert (await ada.get("/profile")).json()["code"] == "SESSION_REVOKED"
        assert (await browser.get("/profile")).json()["code"] == "SESSION_REVOKED"
        assert (await ada.refresh()).json()["code"] == "SESSION_REVOKED"
        refreshed = await cookie_user.client.post("/auth/refresh", json={})
        assert refreshed.json()["code"] == "SESSION_REVOKED"
        for client in (server.client(), browser.client):
            body = {"email": "ada@example.com", "password": PASSWORD}
            login = await client.post("/auth/login", json=body)
            expected = (403, "ACCOUNT_DISABLED") if how == "disabled" else None
            assert verdict(login) == (expected or (401, "INVALID_CREDENTIALS"))
        alive = "SELECT id FROM sessions WHERE user_id = :user AND ended_at IS NULL"
        assert rows(server, alive, user=id_of(ada)) == []

    async def test_a07_a_sign_in_that_races_with_disabling_leaves_no_live_session(
        self, server: Server, admin: Holder, ada: Holder
    ) -> None:
        body = {"email": "ada@example.com", "password": PASSWORD, "transport": "body"}
        path = f"/users/{id_of(ada)}/status"
        logins = [server.client(f"203.0.113.{n}").post("/auth/login", json=body) for n in range(4)]
        disabling = act(server, admin, "PUT", path, {"status": "disabled"})
        done, answers = await asyncio.gather(disabling, asyncio.gather(*logins))
        assert done.status == 200
        for answer in answers:
            if answer.status_code == 200:
                held = Holder(server.client(), answer.json())
                assert (await held.get("/profile")).json()["code"] == "SESSION_REVOKED"
        alive = "SELECT id FROM sessions WHERE user_id = :user AND ended_at IS NULL"
        assert rows(server, alive, user=id_of(ada)) == []


class TestSpellingsOfPaths:
    async def test_a06_a_path_has_one_spelling(self, server: Server, admin: Holder) -> None:
        for path in (
            "/users/",
            "/USERS",
            "/Users",
            "/users//",
            "/./users",
            "/x/../users",
            "/users/..",
            "/users;x",
            "/users;/",
            "/users%2f",
            "/users%00",
            "/users\0",
            "/users ",
            "/users.json",
            "/users\\",
            "\\users",
            "users",
            f"x/users/{id_of(admin)}",
            "http://localhost:8000/users",
            "/\u0075sers\u200b",
            "/\uff55sers",
            "*",
        ):
            answer = await act(server, admin, "GET", path)
            assert answer.verdict == NOT_FOUND, path

    async def test_a06_what_is_no_text_of_a_path_finds_nothing(
        self, server: Server, admin: Holder
    ) -> None:
        for segment in ("\0", "\ud800", "\udcff", "\n", "\x1b[0m", "\u202e", "\x7f", "a" * 129):
            for path in (f"/users/{segment}", f"/sessions/{segment}", f"/users/{segment}/sessions"):
                method = "DELETE" if path.startswith("/sessions") else "GET"
                assert (await act(server, admin, method, path)).verdict == NOT_FOUND, repr(path)

    async def test_a06_a_mounted_application_sees_nothing_beside_its_mount(
        self, server: Server, admin: Holder
    ) -> None:
        headers = [bearer(admin.access)]
        at_mount = await ask(server, "GET", "/id/users", headers=headers, root_path="/id")
        assert at_mount.status == 200
        for path in ("/idx/users", f"/idx/users/{id_of(admin)}", "/id//users", "/id"):
            beside = await ask(server, "GET", path, headers=headers, root_path="/id")
            assert beside.verdict == NOT_FOUND, path

    async def test_a06_only_listed_methods_are_answered(
        self, server: Server, admin: Holder
    ) -> None:
        """ASVS 4.1.4, 13.4.4: by route, by everything else than its methods, TRACE first of all."""
        paths: dict[str, set[str]] = {}
        for route in ROUTES:
            # A provider may be called anything but a word of the table.
            path = route.path.replace("{provider}", "some-provider")
            paths.setdefault(path, set()).add(route.method)
        for path, listed in paths.items():
            target = path.replace("{id}", "x").replace("{role}", "user")
            reachable = listed | {
                method for pattern, methods in paths.items() for method in methods
                if _covers(pattern, target)
            }  # fmt: skip
            answered = reachable | ({"HEAD"} if "GET" in reachable else set())
            for method in (*METHODS, "get", "PROPFIND", "\u00e9", "GET ", "X" * 1_000):
                if method in answered:
                    continue
                answer = await act(server, admin, method, target)
                code = None if method == "HEAD" else "METHOD_NOT_ALLOWED"
                assert answer.verdict == (405, code), (method, path)
                assert answer.one("allow") == ", ".join(sorted(reachable)), path
            if "/" + target.split("/")[-1] != "/x":
                assert (await act(server, admin, "TRACE", f"{target}/y/z/w")).status == 404

    async def test_a06_a_method_is_told_apart_by_case(self, server: Server, admin: Holder) -> None:
        assert (await act(server, admin, "delete", "/sessions")).status == 405
        assert (await admin.get("/profile")).status_code == 200


def _covers(pattern: str, path: str) -> bool:
    expected, given = pattern.split("/"), path.split("/")
    return len(expected) == len(given) and all(
        one.startswith("{") or one == other for one, other in zip(expected, given, strict=True)
    )
