"""Roles that ask for a second factor: what they hold is withheld until one was shown."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import refused
from tests.web.second_factor import Phone, complete, enrol, login
from watchword.domain.roles import ADMIN, EVERYTHING, USER
from watchword.web.app import ROUTES
from watchword.web.routing import Route

ROOT = "root@example.com"
PERMITTED = [route for route in ROUTES if route.who.permission is not None]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(
        tmp_path, mfa_roles=(ADMIN,), limit_sign_in=None, limit_auth=None
    ) as running:
        await running.register_admin()
        yield running


def claims(holder: Holder) -> dict[str, Any]:
    payload = str(holder.access).split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * 3))
    return found


async def ask(route: Route, holder: Holder) -> tuple[int, str]:
    path = route.path.replace("{id}", "0" * 32).replace("{role}", USER)
    bodies = {"/users": {"email": "new@example.com"}, "/users/{id}/role": {"role": USER}}
    body: dict[str, str] = bodies.get(route.path, {})
    if route.path == "/users/{id}/status":
        body = {"status": "active"}
    more = {"json": body} if route.body is not None else {}
    answer = await holder.request(route.method, path, **more)
    return answer.status_code, "" if answer.status_code < 400 else answer.json()["code"]


class TestWithoutASecondFactor:
    @pytest.mark.parametrize("route", PERMITTED, ids=lambda route: f"{route.method} {route.path}")
    async def test_s14_nothing_that_the_role_holds_is_open(
        self, server: Server, route: Route
    ) -> None:
        holder = await server.sign_in(ROOT)
        assert await ask(route, holder) == (403, "STEP_UP_REQUIRED")
        assert claims(holder)["role"] == USER
        assert (await holder.get("/auth/verify")).headers["x-auth-role"] == USER
        refused(await holder.get("/auth/verify?role=admin"), 403, "FORBIDDEN")

    async def test_what_is_ones_own_is_open_and_a_factor_can_be_turned_on(
        self, server: Server
    ) -> None:
        holder = await server.sign_in(ROOT)
        assert (await holder.get("/profile")).json()["user"]["role"] == ADMIN
        assert (await holder.get(f"/users/{holder.answer['user']['id']}")).status_code == 200
        await enrol(server, holder)
        assert (await holder.get("/users")).status_code == 200
        assert (await holder.refresh()).status_code == 200
        assert claims(holder)["role"] == ADMIN

    async def test_a_role_that_asks_for_none_is_as_ever(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        refused(await holder.get("/users"), 403, "FORBIDDEN")


class TestWithASecondFactor:
    @pytest.fixture
    async def phone(self, server: Server) -> Phone:
        return await enrol(server, await server.sign_in(ROOT))

    @pytest.mark.parametrize("route", PERMITTED, ids=lambda route: f"{route.method} {route.path}")
    async def test_all_that_the_role_holds_is_open(
        self, server: Server, phone: Phone, route: Route
    ) -> None:
        answer = await login(server, ROOT, mfaCode=phone.next_code())
        holder = Holder(server.client(), answer.json())
        status, code = await ask(route, holder)
        assert (status, code) in {(200, ""), (201, ""), (404, "NOT_FOUND")}
        assert claims(holder)["role"] == ADMIN
        verified = await holder.get("/auth/verify?role=admin")
        assert verified.headers["x-auth-role"] == ADMIN

    async def test_a_session_from_before_it_shows_it_first(
        self, server: Server, phone: Phone
    ) -> None:
        browser = server.client()
        await login(
            server,
            ROOT,
            client=browser,
            transport="cookie",
            mfaCode=phone.next_code(),
            trustDevice=True,
        )
        answer = await login(server, ROOT, client=browser, transport="cookie")
        holder = Holder(browser, answer.json())
        refused(await holder.get("/users"), 403, "STEP_UP_REQUIRED")
        answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
        holder.access = answer.json()["accessToken"]
        refused(await holder.get("/users"), 403, "STEP_UP_REQUIRED")
        answer = await holder.post("/auth/reauthenticate", json={"code": phone.next_code()})
        holder.access = answer.json()["accessToken"]
        assert (await holder.get("/users")).status_code == 200
        assert claims(holder)["role"] == ADMIN

    async def test_a_mail_and_a_code_are_held_both_and_so_no_two_factors(
        self, server: Server, phone: Phone
    ) -> None:
        await server.mails()
        client = server.client()
        await client.post("/auth/magic-link", json={"email": ROOT})
        token = (await server.mail()).token
        answer = await client.post("/auth/magic-link/complete", json={"token": token})
        answer = await complete(
            server, answer.json()["mfaToken"], code=phone.next_code(), transport="body"
        )
        holder = Holder(server.client(), answer.json())
        refused(await holder.get("/users"), 403, "STEP_UP_REQUIRED")
        answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
        holder.access = answer.json()["accessToken"]
        assert (await holder.get("/users")).status_code == 200


def test_every_permission_is_asked_for_somewhere_here() -> None:
    assert {route.who.permission for route in PERMITTED} == EVERYTHING
