"""The wire contract for other services and operators: forward auth, keys, health, metrics."""

import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.driving import Server, serving
from tests.web.contract import accepted, change_rows, fields_of, refused
from watchword.crypto.keys import Algorithm
from watchword.crypto.secret import Secret
from watchword.domain.time import DAY, MINUTE
from watchword.ports import RequestTrace
from watchword.web.app import ROUTES

LOOPBACK = ("127.0.0.1", "127.0.0.53", "::1")


class TestForwardAuth:
    @pytest.mark.parametrize("transport", ["body", "session"])
    async def test_tells_who_is_asking_in_headers(self, transport: str, server: Server) -> None:
        person = await server.register()
        holder = await server.sign_in(transport=transport)
        answer = await holder.get("/auth/verify")
        assert (answer.status_code, answer.content) == (204, b"")
        told = {k: v for k, v in answer.headers.items() if k.startswith("x-auth-")}
        assert told == {
            "x-auth-user": person.user["id"],
            "x-auth-role": "user",
            "x-auth-session": holder.session_id,
            "x-auth-email": "ada@example.com",
        }

    async def test_checks_the_role_that_is_asked_for(self, server: Server) -> None:
        await server.register()
        await server.register_admin()
        ada = await server.sign_in()
        root = await server.sign_in("root@example.com")
        for holder, role, status in (
            (ada, "user", 204),
            (ada, "admin", 403),
            (root, "admin", 204),
            (root, "emperor", 403),
        ):
            answer = await holder.get(f"/auth/verify?role={role}")
            assert answer.status_code == status
            assert ("x-auth-user" in answer.headers) == (status == 204)
        problem = refused(await ada.get("/auth/verify?rol=admin"), 422, "VALIDATION_FAILED")
        assert fields_of(problem) == ["rol"]

    async def test_an_address_that_is_not_ascii_is_encoded(self, server: Server) -> None:
        await server.register("zoë@exämple.com")
        holder = await server.sign_in("zoë@exämple.com")
        email = (await holder.get("/auth/verify")).headers["x-auth-email"]
        assert email.isascii()
        assert unquote(email) == holder.answer["user"]["email"]

    async def test_says_no_as_the_rest_does(self, server: Server) -> None:
        await server.register()
        refused(await server.client().get("/auth/verify"), 401, "TOKEN_MISSING")
        holder = await server.sign_in()
        await holder.post("/auth/logout")
        refused(await holder.get("/auth/verify"), 401, "SESSION_REVOKED")

    async def test_believes_nothing_that_a_client_says_about_itself(self, server: Server) -> None:
        root = await server.register_admin()
        await server.register()
        forged = {
            "X-Auth-User": root.user["id"],
            "X-Auth-Role": "admin",
            "X-Auth-Email": root.email,
        }
        refused(await server.client(**forged).get("/auth/verify"), 401, "TOKEN_MISSING")
        holder = await server.sign_in()
        refused(await holder.get("/auth/verify?role=admin", headers=forged), 403, "FORBIDDEN")
        answer = await holder.get("/auth/verify", headers=forged)
        assert answer.headers.get_list("x-auth-role") == ["user"]
        assert answer.headers.get_list("x-auth-email") == ["ada@example.com"]

    async def test_is_a_use_of_the_session_and_no_line_in_the_log(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in(transport="session")
        server.log.events.clear()
        for _ in range(2):
            server.clock.advance(10 * DAY)  # twice of that is more than it lives unused
            assert (await holder.get("/auth/verify")).status_code == 204
        assert [event for event, _ in server.log.events if event == "request"] == []


async def published(server: Server) -> list[dict[str, str]]:
    content = accepted(await server.client().get("/.well-known/jwks.json"), 200, "keys")
    keys: list[dict[str, str]] = content["keys"]
    return keys


class TestTheKeys:
    @pytest.mark.parametrize(
        ("algorithm", "members"),
        [
            (Algorithm.EDDSA, {"kty", "crv", "x"}),
            (Algorithm.ES256, {"kty", "crv", "x", "y"}),
            (Algorithm.RS256, {"kty", "n", "e"}),
        ],
    )
    async def test_are_the_current_and_the_next_and_nothing_private(
        self, algorithm: Algorithm, members: set[str], tmp_path: Path
    ) -> None:
        async with serving(tmp_path, signing_algorithm=algorithm) as server:
            keys = await published(server)
        assert len({key["kid"] for key in keys}) == 2
        for key in keys:
            assert set(key) == members | {"kid", "alg", "use"}
            assert (key["alg"], key["use"]) == (algorithm.value, "sig")

    async def test_a_shared_key_is_never_published(self, tmp_path: Path) -> None:
        async with serving(tmp_path, signing_algorithm=Algorithm.HS256) as server:
            assert await published(server) == []

    async def test_may_be_kept_a_while(self, server: Server) -> None:
        answer = await server.client().get("/.well-known/jwks.json")
        assert answer.headers["cache-control"] == "public, max-age=300"

    async def test_rotate_to_the_one_that_was_published_and_keep_what_is_still_in_use(
        self, server: Server
    ) -> None:
        await server.register()
        holder = await server.sign_in()
        former, following = [key["kid"] for key in await published(server)]
        assert await server.core.services.keyring.rotate(RequestTrace()) == following
        kids = [key["kid"] for key in await published(server)]
        assert kids[:2] == [former, following]
        assert len(kids) == 3
        assert (await holder.get("/profile")).status_code == 200
        server.clock.advance(5 * MINUTE - 1)
        assert (await holder.get("/profile")).status_code == 200
        server.clock.advance(MINUTE)
        assert former not in [key["kid"] for key in await published(server)]
        assert (await holder.refresh()).status_code == 200
        assert (await holder.get("/profile")).status_code == 200


class TestHealth:
    @pytest.mark.parametrize("path", ["/health", "/health/ready"])
    async def test_is_ready_when_the_database_takes_a_change(
        self, path: str, server: Server
    ) -> None:
        content = accepted(await server.client().get(path), 200, "status", "checks")
        assert content["status"] == "ok"
        assert set(content["checks"]) == {"database"}
        assert content["checks"]["database"]["status"] == "ok"
        assert content["checks"]["database"]["latencyMs"] >= 0

    async def test_is_503_when_it_does_not_but_the_process_lives(self, server: Server) -> None:
        await change_rows(server, "ALTER TABLE limits RENAME TO out_of_the_way")
        answer = await server.client().get("/health")
        content = accepted(answer, 503, "status", "checks")
        assert content == {"status": "failed", "checks": {"database": {"status": "failed"}}}
        assert int(answer.headers["retry-after"]) > 0
        answer = await server.client().get("/health/live")
        assert accepted(answer, 200, "status", "checks")["status"] == "ok"
        await change_rows(server, "ALTER TABLE out_of_the_way RENAME TO limits")
        assert (await server.client().get("/health")).status_code == 200

    async def test_what_needs_the_database_is_unavailable_meanwhile(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        await change_rows(server, "ALTER TABLE limits RENAME TO out_of_the_way")
        refused(await holder.refresh(), 503, "UNAVAILABLE")
        await change_rows(server, "ALTER TABLE out_of_the_way RENAME TO limits")
        assert (await holder.refresh()).status_code == 200

    async def test_is_503_for_who_is_about_to_end_and_still_serves(self, server: Server) -> None:
        server.app.leave()
        answer = await server.client().get("/health/ready")
        content = accepted(answer, 503, "status", "checks")
        assert content == {"status": "leaving", "checks": {}}
        assert int(answer.headers["retry-after"]) > 0
        assert (await server.client().get("/health/live")).status_code == 200
        await server.register()


class TestMetrics:
    @pytest.mark.parametrize("peer", LOOPBACK)
    async def test_are_shown_on_this_machine(self, peer: str, server: Server) -> None:
        answer = await server.client(peer).get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "watchword_" in answer.text

    @pytest.mark.parametrize("peer", ["198.51.100.7", "10.0.0.1", "::ffff:198.51.100.7", "pipe"])
    async def test_are_nowhere_for_another_machine(self, peer: str, server: Server) -> None:
        refused(await server.client(peer).get("/metrics"), 404, "NOT_FOUND")

    @pytest.mark.parametrize(
        "header",
        [
            *("Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host"),
            *("X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server"),
        ],
    )
    async def test_are_nowhere_for_whom_a_proxy_speaks(self, header: str, server: Server) -> None:
        client = server.client("127.0.0.1", **{header: "x"})
        refused(await client.get("/metrics"), 404, "NOT_FOUND")

    async def test_with_a_token_are_for_who_holds_it_and_nobody_else(self, tmp_path: Path) -> None:
        async with serving(tmp_path, metrics_token=Secret(b"sixteen-characters")) as server:
            for peer in ("198.51.100.7", "127.0.0.1"):
                client = server.client(peer)
                for given in (None, "Bearer wrong", "Basic c2l4dGVlbi1jaGFyYWN0ZXJz", "Bearer "):
                    headers = {} if given is None else {"Authorization": given}
                    refused(await client.get("/metrics", headers=headers), 404, "NOT_FOUND")
                good = {"Authorization": "Bearer sixteen-characters"}
                assert (await client.get("/metrics", headers=good)).status_code == 200


class TestTheReference:
    async def test_has_every_call_of_the_table_and_no_other(self, server: Server) -> None:
        answer = await server.client().get("/openapi.json")
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        document = json.loads(answer.content)
        assert document["openapi"].startswith("3.1.")
        told = {(m.upper(), path) for path, calls in document["paths"].items() for m in calls}
        assert told == {(route.method, route.path) for route in ROUTES}

    async def test_is_a_page_as_well(self, server: Server) -> None:
        answer = await server.client().get("/docs")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src" not in answer.headers["content-security-policy"] or (
            "unsafe" not in answer.headers["content-security-policy"]
        )

    async def test_is_what_a_problem_points_at(self, server: Server) -> None:
        """``type`` is the address, on the public URL, where the code is explained."""
        problem = refused(await server.client().get("/nowhere"), 404, "NOT_FOUND")
        path, _, anchor = problem["type"].partition("#")
        page = await server.client().get(path)
        assert f'id="{anchor}"' in page.text
