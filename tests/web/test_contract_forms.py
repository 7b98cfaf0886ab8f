"""The wire contract of requests as such: the order of checks, origins, bodies, forms, headers."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.driving import ORIGIN, PASSWORD, Holder, Server, serving
from tests.web.contract import accepted, fields_of, refused, rows
from tests.web.raw import AS_JSON, ask, bearer
from watchword.domain.time import MINUTE
from watchword.ports import Allowance
from watchword.web.errors import STATUSES

ADA = {"email": "ada@example.com", "password": PASSWORD}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SAME = {"Sec-Fetch-Site": "same-origin"}
CROSS = {"Sec-Fetch-Site": "cross-site"}
CHANGE = {"currentPassword": PASSWORD, "newPassword": "marble otter lantern quay"}
APP = "https://app.example"


@pytest.fixture
async def server(server: Server) -> Server:
    """With Ada on it."""
    await server.register()
    return server


class TestTheOrderOfChecks:
    """Each request is wrong in two ways: the earlier check is the one that speaks."""

    async def test_routing_comes_before_csrf(self, server: Server) -> None:
        holder = await server.sign_in(transport="cookie")
        refused(await holder.client.post("/nowhere", headers=CROSS), 404, "NOT_FOUND")
        answer = await holder.client.put("/auth/logout", headers=CROSS)
        refused(answer, 405, "METHOD_NOT_ALLOWED")

    async def test_csrf_comes_before_size_and_type(self, server: Server) -> None:
        client = server.client()
        headers = CROSS | {"Content-Type": "text/plain"}
        answer = await client.post("/auth/login", content=b" " * 70_000, headers=headers)
        refused(answer, 403, "CSRF_FAILED")

    async def test_size_and_type_come_before_authentication(self, server: Server) -> None:
        client = server.client()
        path = "/auth/change-password"
        answer = await client.post(path, content=b" " * 65_537, headers=FORM)
        refused(answer, 413, "TOO_LARGE")
        for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded"):
            answer = await client.post(path, content=b"a=b", headers={"Content-Type": kind})
            refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")

    async def test_authentication_comes_before_limits_and_body(self, tmp_path: Path) -> None:
        async with serving(tmp_path, limit_auth=Allowance(1, MINUTE)) as server:
            client = server.client()
            for _ in range(3):
                answer = await client.post("/auth/change-password", json={"x": 1})
                refused(answer, 401, "TOKEN_MISSING")

    async def test_limits_come_before_the_body(self, tmp_path: Path) -> None:
        async with serving(tmp_path, limit_auth=Allowance(1, MINUTE)) as server:
            client = server.client()
            refused(await client.post("/auth/register", json={}), 422, "VALIDATION_FAILED")
            refused(await client.post("/auth/register", json={}), 429, "RATE_LIMITED")

    async def test_the_body_comes_before_the_object(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com")
        path = f"/users/{'0' * 32}/role"
        refused(await root.request("PUT", path, json={}), 422, "VALIDATION_FAILED")
        refused(await root.request("PUT", path, json={"role": "user"}), 404, "NOT_FOUND")

    async def test_a_permission_that_is_missing_comes_before_the_body(self, server: Server) -> None:
        ada = await server.sign_in()
        answer = await ada.request("PUT", f"/users/{'0' * 32}/role", json={})
        refused(answer, 403, "FORBIDDEN")


class TestWhereARequestComesFrom:
    @pytest.mark.parametrize(
        ("headers", "passes"),
        [
            (SAME, True),
            ({"Sec-Fetch-Site": "none"}, True),
            ({"Origin": ORIGIN}, True),
            ({"Origin": APP}, True),
            (CROSS | {"Origin": APP}, True),
            ({}, True),
            (CROSS, False),
            ({"Sec-Fetch-Site": "same-site"}, False),
            ({"Origin": "https://evil.example"}, False),
            ({"Origin": "null"}, False),
            ({"Origin": f"{ORIGIN}.evil.example"}, False),
        ],
    )
    async def test_decides_what_carries_a_cookie_or_would_set_one(
        self, headers: dict[str, str], passes: bool, tmp_path: Path
    ) -> None:
        async with serving(tmp_path, cors_origins=(APP,)) as server:
            await server.register()
            holder = await server.sign_in(transport="cookie")
            for client, path, body in (
                (server.client(), "/auth/login", ADA),
                (holder.client, "/auth/refresh", {}),
                (holder.client, "/auth/logout", {}),
            ):
                answer = await client.post(path, json=body, headers=headers)
                if passes:
                    assert answer.status_code == 200
                else:
                    refused(answer, 403, "CSRF_FAILED")
            [(alive,)] = rows(server, "SELECT id FROM sessions WHERE ended_at IS NULL")
            assert (alive != holder.session_id) is passes

    @pytest.mark.parametrize("kind", [None, "text/plain", FORM["Content-Type"]])
    async def test_what_is_no_browser_says_so_by_sending_json(
        self, kind: str | None, server: Server
    ) -> None:
        holder = await server.sign_in(transport="session")
        headers = {} if kind is None else {"Content-Type": kind}
        for path in ("/auth/logout", "/auth/logout-all"):
            refused(await holder.client.post(path, headers=headers), 403, "CSRF_FAILED")
        answer = await holder.client.delete("/sessions", headers=headers)
        refused(answer, 403, "CSRF_FAILED")
        assert (await holder.get("/profile")).status_code == 200

    async def test_is_not_asked_where_nothing_is_changed_or_no_cookie_speaks(
        self, server: Server
    ) -> None:
        session = await server.sign_in(transport="session")
        assert (await session.client.get("/profile", headers=CROSS)).status_code == 200
        body = await server.sign_in()
        assert (await body.post("/auth/logout-all", headers=CROSS)).status_code == 200


async def form_post(holder: Holder, path: str, fields: dict[str, str], **headers: str) -> Any:
    """As a browser sends the form of a page of ours."""
    content = urlencode(fields).encode()
    return await holder.client.post(path, content=content, headers=FORM | SAME | headers)


class TestForms:
    async def test_the_token_of_the_session_lets_a_form_in(self, server: Server) -> None:
        holder = await server.sign_in(transport="session")
        token = (await holder.get("/auth/csrf")).json()["csrfToken"]
        fields = {**CHANGE, "csrfToken": token}
        accepted(await form_post(holder, "/auth/change-password", fields), 200, "message")
        fields = {"password": CHANGE["newPassword"]}
        answer = await form_post(holder, "/auth/reauthenticate", fields, **{"X-CSRF-Token": token})
        accepted(answer, 200, "message", "user", "session")
        answer = await form_post(holder, "/auth/logout-all", {"csrfToken": token})
        accepted(answer, 200, "message", "revoked")

    @pytest.mark.parametrize("given", [None, "", "garbage", "another's"])
    async def test_without_it_nothing_happens(self, given: str | None, server: Server) -> None:
        holder = await server.sign_in(transport="session")
        if given == "another's":
            other = await server.sign_in(transport="session")
            given = (await other.get("/auth/csrf")).json()["csrfToken"]
        token = {} if given is None else {"csrfToken": given}
        answer = await form_post(holder, "/auth/change-password", {**CHANGE, **token})
        refused(answer, 403, "CSRF_FAILED")
        # Nor by a form without a field, whose body is empty.
        for path in ("/auth/logout-all", "/auth/logout"):
            refused(await form_post(holder, path, token), 403, "CSRF_FAILED")
        assert (await holder.get("/profile")).status_code == 200

    async def test_a_form_signs_out_also_when_its_session_has_ended(self, server: Server) -> None:
        holder = await server.sign_in(transport="session")
        token = (await holder.get("/auth/csrf")).json()["csrfToken"]
        cookie = holder.client.cookies["session"]
        for _ in range(2):
            holder.client.cookies.set("session", cookie, domain="localhost.local")
            answer = await form_post(holder, "/auth/logout", {"csrfToken": token})
            accepted(answer, 200, "message")
            assert answer.headers["clear-site-data"]
        refused(await holder.get("/profile"), 401, "TOKEN_MISSING")

    async def test_the_fields_of_a_form_are_checked_like_json(self, server: Server) -> None:
        holder = await server.sign_in(transport="session")
        token = (await holder.get("/auth/csrf")).json()["csrfToken"]
        fields = {"csrfToken": token, "currentPassword": PASSWORD, "hint": "x"}
        problem = (await form_post(holder, "/auth/change-password", fields)).json()
        assert fields_of(problem) == ["hint", "newPassword"]

    async def test_nobody_else_sends_forms(self, server: Server) -> None:
        content = urlencode(ADA).encode()
        answer = await server.client().post("/auth/login", content=content, headers=FORM | SAME)
        refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        body = await server.sign_in()
        answer = await body.client.post(
            "/auth/reauthenticate", content=content, headers=FORM | body.headers()
        )
        refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")

    async def test_an_empty_body_is_none_whatever_a_program_calls_it(self, server: Server) -> None:
        body = await server.sign_in()
        answer = await body.client.post(
            "/auth/logout-all", content=b"", headers=FORM | body.headers()
        )
        accepted(answer, 200, "message", "revoked")


class TestBodies:
    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"null", b'"text"', b'{"email": NaN}', b'{"a":1,"a":2}', b"\xff{}"],
    )
    async def test_what_is_no_json_object_is_malformed(
        self, content: bytes, server: Server
    ) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await server.client().post("/auth/login", content=content, headers=headers)
        refused(answer, 400, "MALFORMED")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/json; charset=latin-1"},
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            {"Content-Type": "application/jsonp"},
        ],
    )
    async def test_what_does_not_say_that_it_is_json_is_not_read(
        self, headers: dict[str, str], server: Server
    ) -> None:
        answer = await server.client().post("/auth/register", content=b"{}", headers=headers)
        refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")

    @pytest.mark.parametrize("declared", [True, False])
    async def test_sixty_four_kibibytes_are_the_most(self, declared: bool, server: Server) -> None:
        for size, status in ((65_536, 422), (65_537, 413)):
            body = b'{"x":"' + b"x" * (size - 8) + b'"}'
            length = [("content-length", str(size))] if declared else []
            reply = await ask(
                server, "POST", "/auth/register", headers=[AS_JSON, *length], body=body
            )
            assert reply.status == status

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    async def test_one_that_is_not_asked_for_is_not_read_but_may_not_be_large(
        self, method: str, server: Server
    ) -> None:
        holder = await server.sign_in()
        answer = await holder.client.request(
            method, "/sessions", content=b"junk", headers=holder.headers()
        )
        assert answer.status_code == 200
        answer = await holder.client.request(
            method, "/sessions", content=b"x" * 65_537, headers=holder.headers()
        )
        refused(answer, 413, "TOO_LARGE")


class TestWhatIsSentTwice:
    @pytest.mark.parametrize("path", ["/profile", "/health/live", "/auth/verify"])
    async def test_authorization_is_refused_whoever_reads_it(
        self, path: str, server: Server
    ) -> None:
        holder = await server.sign_in()
        one = bearer(holder.access)
        assert (await ask(server, "GET", path, headers=[one])).status < 300
        reply = await ask(server, "GET", path, headers=[one, one])
        assert reply.verdict == (400, "MALFORMED")

    async def test_authorization_is_refused_at_sign_out_too(self, server: Server) -> None:
        holder = await server.sign_in()
        one = bearer(holder.access)
        reply = await ask(server, "POST", "/auth/logout", headers=[AS_JSON, one, one], body=b"{}")
        assert reply.verdict == (400, "MALFORMED")
        assert (await holder.get("/profile")).status_code == 200

    @pytest.mark.parametrize("name", ["refreshToken", "session", "device"])
    async def test_a_cookie_of_ours_is_refused(self, name: str, server: Server) -> None:
        twice = [("cookie", f"{name}=a; other=x; {name}=b")]
        apart = [("cookie", f"{name}=a"), ("cookie", f"{name}=a")]
        for headers in (twice, apart):
            reply = await ask(server, "GET", "/health/live", headers=headers)
            assert reply.verdict == (400, "MALFORMED")

    async def test_a_cookie_of_somebody_else_is_their_own_affair(self, server: Server) -> None:
        reply = await ask(server, "GET", "/health/live", headers=[("cookie", "a=1; a=2")])
        assert reply.status == 200


HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


class TestWhatEveryAnswerCarries:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/health"), ("GET", "/nowhere"), ("POST", "/profile"), ("GET", "/profile")],
    )
    async def test_whatever_it_says(self, method: str, path: str, server: Server) -> None:
        client = server.client()
        answer = await client.request(method, path)
        assert HEADERS.items() <= dict(answer.headers).items()
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers
        again = await client.request(method, path)
        assert answer.headers["x-request-id"] != again.headers["x-request-id"]

    async def test_a_request_id_that_came_with_it_is_kept_if_it_is_safe(
        self, server: Server
    ) -> None:
        for given, kept in (("trace-0001", True), ("x" * 65, False), ("a b", False), ("1", False)):
            answer = await server.client().get("/nowhere", headers={"X-Request-Id": given})
            assert (answer.headers["x-request-id"] == given) is kept
            refused(answer, 404, "NOT_FOUND")

    async def test_https_is_to_be_remembered_by_browsers(self, tmp_path: Path) -> None:
        async with serving(tmp_path, public_url="https://a.example") as server:
            answer = await server.client().get("/health")
        assert "max-age=31536000" in answer.headers["strict-transport-security"]

    async def test_a_head_is_answered_like_a_get_without_the_body(self, server: Server) -> None:
        holder = await server.sign_in()
        for path in ("/profile", "/nowhere"):
            head, get = await holder.request("HEAD", path), await holder.get(path)
            assert (head.status_code, head.content) == (get.status_code, b"")
            assert head.headers["content-length"] == get.headers["content-length"]


class TestOtherOrigins:
    async def test_those_that_were_named_may_read(self, tmp_path: Path) -> None:
        async with serving(tmp_path, cors_origins=(APP,)) as server:
            client = server.client()
            for path in ("/health", "/nowhere"):
                answer = await client.get(path, headers={"Origin": APP})
                assert answer.headers["vary"] == "Origin"
                assert answer.headers["access-control-allow-origin"] == APP
                assert answer.headers["access-control-allow-credentials"] == "true"
                assert "Retry-After" in answer.headers["access-control-expose-headers"]

    async def test_others_may_not_and_caches_are_told(self, tmp_path: Path) -> None:
        async with serving(tmp_path, cors_origins=(APP,)) as server:
            for origin in ("https://evil.example", "null", f"{APP}.evil.example"):
                answer = await server.client().get("/health", headers={"Origin": origin})
                assert answer.headers["vary"] == "Origin"
                assert "access-control-allow-origin" not in answer.headers

    async def test_a_preflight_names_the_methods_of_the_address(self, tmp_path: Path) -> None:
        asks = {"Origin": APP, "Access-Control-Request-Method": "PATCH"}
        async with serving(tmp_path, cors_origins=(APP,)) as server:
            client = server.client()
            answer = await client.options("/profile", headers=asks)
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["access-control-allow-methods"] == "GET, PATCH"
            refused(await client.options("/nowhere", headers=asks), 404, "NOT_FOUND")
            strange = asks | {"Origin": "https://evil.example"}
            refused(await client.options("/profile", headers=strange), 405, "METHOD_NOT_ALLOWED")

    async def test_nobody_may_where_none_was_named(self, server: Server) -> None:
        answer = await server.client().get("/health", headers={"Origin": APP})
        assert "vary" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["/profile/", "/PROFILE", "/auth", "/users/a/b/c", "/users//role"]
    )
    async def test_have_one_spelling(self, path: str, server: Server) -> None:
        holder = await server.sign_in()
        refused(await holder.get(path), 404, "NOT_FOUND")

    @pytest.mark.parametrize("name", ["register", "login", "refresh", "logout", "logout-all"])
    async def test_a_get_on_what_is_for_posting_is_405(self, name: str, server: Server) -> None:
        answer = await server.client().get(f"/auth/{name}")
        refused(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "POST"


def test_every_code_is_one_of_the_contract_with_its_status() -> None:
    """Those of this release. ``INTERNAL`` is what no client can cause."""
    assert {
        **dict.fromkeys(("MALFORMED", "INVALID_OR_EXPIRED_LINK", "OAUTH_FAILED"), 400),
        **dict.fromkeys(("INVALID_CREDENTIALS", "TOKEN_MISSING", "TOKEN_INVALID"), 401),
        **dict.fromkeys(("TOKEN_EXPIRED", "TOKEN_REUSED"), 401),
        **dict.fromkeys(("SESSION_EXPIRED", "SESSION_REVOKED"), 401),
        **dict.fromkeys(("MFA_REQUIRED", "MFA_INVALID"), 401),
        **dict.fromkeys(
            ("FORBIDDEN", "STEP_UP_REQUIRED", "ACCOUNT_DISABLED", "EMAIL_NOT_VERIFIED"), 403
        ),
        "COUNTRY_BLOCKED": 403,
        "CSRF_FAILED": 403,
        "NOT_FOUND": 404,
        "METHOD_NOT_ALLOWED": 405,
        **dict.fromkeys(("CONFLICT", "LAST_ADMIN", "LAST_CREDENTIAL", "SESSION_LIMIT"), 409),
        "TOO_LARGE": 413,
        "UNSUPPORTED_MEDIA_TYPE": 415,
        **dict.fromkeys(("VALIDATION_FAILED", "PASSWORD_TOO_SHORT", "PASSWORD_BLOCKED"), 422),
        **dict.fromkeys(("TOO_MANY_ATTEMPTS", "RATE_LIMITED"), 429),
        **dict.fromkeys(("UNAVAILABLE", "BUSY"), 503),
        "INTERNAL": 500,
    } == STATUSES
