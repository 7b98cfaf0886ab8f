"""Who may come into the console, and what every form there asks for first."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import ORIGIN, Server, serving
from tests.web.pages.operator import BOB, ROLES, an_operator, id_of, signed_in, somebody_with
from tests.web.visitor import Visitor
from watchword.domain.time import MINUTE
from watchword.ports import AuditQuery, PageRequest, RequestTrace
from watchword.web.pages.routes import PAGES
from watchword.web.routing import Route

CONSOLE = [route for route in PAGES if route.path.startswith("/console")]
FORMS = [route for route in CONSOLE if route.method == "POST"]
NEEDED = {
    "/console/audit/export": {"format": "csv"},
    "/console/figures": {"over": "day", "since": "1"},
}
OWN = {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


async def path_of(server: Server, route: Route) -> str:
    return route.path.replace("{id}", await id_of(server, BOB))


async def token_of(visitor: Visitor) -> str:
    return (await visitor.look("/account")).form("/account/name").fields["csrfToken"]


async def events_so_far(server: Server) -> list[str]:
    page = await server.core.services.audit.list_events(AuditQuery(), PageRequest(200))
    return [event.id for event in page.rows]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, roles=ROLES) as running:
        await running.register(BOB)
        yield running


class TestEveryPage:
    @pytest.mark.parametrize("route", CONSOLE, ids=named)
    async def test_a05_is_for_nobody_without_its_permission(
        self, server: Server, route: Route
    ) -> None:
        bob = await signed_in(server, BOB)
        token = await token_of(bob)
        before = await events_so_far(server)
        answer = await bob.client.request(
            route.method,
            await path_of(server, route),
            headers=OWN,
            data={"csrfToken": token} if route.method == "POST" else None,
        )
        assert answer.status_code == 403
        assert "this is not for your account" in answer.text
        assert await events_so_far(server) == before

    @pytest.mark.parametrize("route", CONSOLE, ids=named)
    async def test_a03_is_closed_with_the_next_request_to_who_was_demoted(
        self, server: Server, route: Route
    ) -> None:
        await server.register_admin("other@example.com")
        root = await an_operator(server)
        token = await token_of(root)
        root_id = await id_of(server, "root@example.com")
        await server.core.services.users.change_role(None, root_id, "user", RequestTrace())
        answer = await root.client.request(
            route.method,
            await path_of(server, route),
            headers=OWN,
            data={"csrfToken": token} if route.method == "POST" else None,
        )
        assert answer.status_code == 403

    @pytest.mark.parametrize(
        "path", [route.path for route in CONSOLE if route.method == "GET"], ids=str
    )
    async def test_x04_is_kept_by_no_cache(self, server: Server, path: str) -> None:
        root = await an_operator(server)
        answer = await root.client.get(
            path.replace("{id}", await id_of(server, BOB)),
            params=NEEDED.get(path),
        )
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"

    async def test_a05_shows_the_way_to_what_one_may_alone(self, server: Server) -> None:
        auditor = await somebody_with(server, "auditor", "eve@example.com")
        assert "/console" in auditor.page.links
        links = (await auditor.look("/console")).links
        assert {"/console", "/console/audit", "/console/keys"} <= set(links)
        assert "/console/users" not in links
        assert not (await auditor.look("/console/keys")).text.count("Sign with the next key")
        support = await somebody_with(server, "support", "sue@example.com")
        assert "/console/users" in support.page.links
        assert "/console" not in support.page.links
        bob = await signed_in(server, BOB)
        assert not [link for link in bob.page.links if link.startswith("/console")]


class TestEveryForm:
    @pytest.mark.parametrize("route", FORMS, ids=named)
    async def test_a08_asks_for_a_fresh_proof(self, server: Server, route: Route) -> None:
        root = await an_operator(server)
        token = await token_of(root)
        server.clock.advance(6 * MINUTE)
        before = await events_so_far(server)
        answer = await root.client.post(
            await path_of(server, route), headers=OWN, data={"csrfToken": token}
        )
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/confirm?returnTo=/console/")
        assert await events_so_far(server) == before

    @pytest.mark.parametrize("route", FORMS, ids=named)
    async def test_s07_carries_what_only_its_page_knows(self, server: Server, route: Route) -> None:
        root = await an_operator(server)
        stolen = await token_of(await signed_in(server, BOB))
        before = await events_so_far(server)
        path = await path_of(server, route)
        for fields in ({}, {"csrfToken": "guessed"}, {"csrfToken": stolen}):
            answer = await root.client.post(path, headers=OWN, data=fields)
            assert answer.status_code == 403
            assert "Go back, load the page again" in answer.text
        assert await events_so_far(server) == before

    @pytest.mark.parametrize("route", FORMS, ids=named)
    async def test_s10_comes_from_our_own_pages_alone(self, server: Server, route: Route) -> None:
        root = await an_operator(server)
        fields = {"csrfToken": await token_of(root)}
        before = await events_so_far(server)
        path = await path_of(server, route)
        for headers in (
            {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "same-site", "Origin": "http://sub.localhost:8000"},
        ):
            answer = await root.client.post(path, headers=headers, data=fields)
            assert answer.status_code == 403
        assert await events_so_far(server) == before
