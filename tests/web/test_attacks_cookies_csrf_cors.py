"""Another site, a sibling host or a borrowed browser gets nothing done (catalogue S, ASVS 3)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.driving import ORIGIN, PASSWORD, Holder, Server, serving
from tests.web.contract import change_rows, events, rows, set_cookies
from tests.web.raw import AS_JSON, Reply, ask, bearer, statements
from watchword.ports import RequestTrace
from watchword.web.app import ROUTES

HTTPS = "https://auth.example.com"
APP = "https://app.example.com"
AS_FORM = ("content-type", "application/x-www-form-urlencoded")
AS_TEXT = ("content-type", "text/plain")
CSRF = (403, "CSRF_FAILED")
MALFORMED = (400, "MALFORMED")
MISSING = (401, "TOKEN_MISSING")
INVALID = (401, "TOKEN_INVALID")

LOGIN = json.dumps({"email": "ada@example.com", "password": PASSWORD}).encode()
RENAME = b'{"name": "Mallory"}'

# What says that another site made the browser ask, or fails to say that ours did.
FOREIGN: dict[str, list[tuple[str, str]]] = {
    "cross-site": [("sec-fetch-site", "cross-site"), AS_JSON],
    "same-site sibling": [("sec-fetch-site", "same-site"), AS_JSON],
    "sibling by origin": [
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.localhost:8000"),
        AS_JSON,
    ],
    "foreign origin": [("origin", "https://evil.example"), AS_JSON],
    "null origin": [("origin", "null"), AS_JSON],
    "empty origin": [("origin", ""), AS_JSON],
    "origin with more to it": [("origin", f"{ORIGIN}.evil.example"), AS_JSON],
    "origin in capitals": [("origin", ORIGIN.upper()), AS_JSON],
    "origin of another scheme": [("origin", ORIGIN.replace("http", "https")), AS_JSON],
    "origin of another port": [("origin", ORIGIN + "1"), AS_JSON],
    "referer alone": [("referer", f"{ORIGIN}/"), AS_TEXT],
    "unknown fetch site": [("sec-fetch-site", "SAME-ORIGIN"), AS_JSON],
    "text without an origin": [AS_TEXT],
    "form without an origin": [AS_FORM],
    "multipart without an origin": [("content-type", "multipart/form-data; boundary=x")],
    "no type": [],
    "nearly JSON": [("content-type", "application/json2")],
    "JSON as a parameter": [("content-type", "text/plain; application/json")],
}
OWN: dict[str, list[tuple[str, str]]] = {
    "same-origin": [("sec-fetch-site", "same-origin"), AS_JSON],
    "typed by the user": [("sec-fetch-site", "none"), AS_JSON],
    "own origin": [("origin", ORIGIN), AS_JSON],
    "no browser": [AS_JSON],
}


def session_cookie(holder: Holder) -> tuple[str, str]:
    return "cookie", f"session={holder.client.cookies['session']}"


@pytest.fixture
async def ada(server: Server) -> Holder:
    """Signed in with the cookie of the session transport."""
    await server.register()
    return await server.sign_in(transport="session")


@pytest.fixture
async def https(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, public_url=HTTPS, cors_origins=(APP,)) as server:
        await server.register()
        yield server


class TestFixation:
    async def test_s01_a_preset_session_cookie_is_neither_adopted_nor_left_alive(
        self, server: Server, ada: Holder
    ) -> None:
        await server.register("eve@example.com")
        eve = await server.sign_in("eve@example.com", transport="session", ip="203.0.113.66")
        preset = session_cookie(eve)
        body = json.dumps({**json.loads(LOGIN), "transport": "session"}).encode()
        answer = await ask(server, "POST", "/auth/login", headers=[AS_JSON, preset], body=body)
        assert answer.status == 200
        [cookie] = [line for line in answer.all("set-cookie") if line.startswith("session=")]
        assert f"{preset[1]};" not in cookie
        old = await ask(server, "GET", "/profile", headers=[preset])
        assert old.verdict == (401, "SESSION_REVOKED")
        [ended] = [event for event in events(server) if event.type == "session.ended"]
        assert (ended.session, ended.details) == (eve.session_id, {"reason": "replaced"})

    @pytest.mark.parametrize("transport", ["session", "cookie"])
    async def test_s01_whatever_the_browser_held_is_dead_after_a_sign_in(
        self, server: Server, ada: Holder, transport: str
    ) -> None:
        """Of two cookies that somebody else has set, none goes on beside the new session."""
        await server.register("eve@example.com")
        first = await server.sign_in("eve@example.com", transport="session", ip="203.0.113.66")
        second = await server.sign_in("eve@example.com", transport="cookie", ip="203.0.113.67")
        refresh = f"refreshToken={second.client.cookies['refreshToken']}"
        preset = [AS_JSON, ("cookie", f"{session_cookie(first)[1]}; {refresh}")]
        body = json.dumps({**json.loads(LOGIN), "transport": transport}).encode()
        answer = await ask(server, "POST", "/auth/login", headers=preset, body=body)
        assert answer.status == 200
        assert (await first.get("/profile")).status_code == 401
        assert (await second.get("/profile")).status_code == 401

    async def test_s01_a_made_up_cookie_is_ignored_by_a_sign_in(self, server: Server) -> None:
        await server.register()
        headers = [AS_JSON, ("cookie", "session=wws_chosen-by-mallory; refreshToken=; device=x")]
        answer = await ask(server, "POST", "/auth/login", headers=headers, body=LOGIN)
        assert answer.status == 200
        assert "mallory" not in " ".join(answer.all("set-cookie"))

    async def test_s01_a_step_up_replaces_the_cookie(self, server: Server, ada: Holder) -> None:
        old = session_cookie(ada)
        answer = await ada.post("/auth/reauthenticate", json={"password": PASSWORD})
        assert answer.status_code == 200
        assert "accessToken" not in answer.json()
        assert session_cookie(ada) != old
        dead = await ask(server, "GET", "/profile", headers=[old])
        assert dead.verdict == (401, "SESSION_REVOKED")
        assert (await ada.get("/profile")).status_code == 200


class TestTossedCookies:
    @pytest.mark.parametrize("name", ["session", "refreshToken", "device"])
    async def test_s02_a_cookie_that_comes_twice_is_malformed_whatever_is_in_it(
        self, server: Server, ada: Holder, name: str
    ) -> None:
        good = ada.client.cookies["session"]
        for lines in (
            [f"{name}={good}; {name}={good}"],
            [f"{name}={good}; {name}=x"],
            [f"{name}=x; {name}={good}"],
            [f"{name}={good}", f"{name}=x"],
            [f"{name}=; {name}={good}"],
            [f"{name}={good};{name}=x"],
            [f"a=b; {name}={good};\t{name} ;{name}="],
        ):
            headers = [("cookie", line) for line in lines]
            for method, path in [("GET", "/profile"), ("GET", "/health/live")]:
                answer = await ask(server, method, path, headers=headers)
                assert answer.verdict == MALFORMED, lines
            answer = await ask(server, "POST", "/auth/logout", headers=[AS_JSON, *headers])
            assert answer.verdict == MALFORMED, lines
        assert (await ada.get("/profile")).status_code == 200

    async def test_s03_nothing_but_the_exact_name_is_a_session(self, https: Server) -> None:
        holder = await https.sign_in(transport="session")
        value = holder.client.cookies["__Host-session"].encode()
        good = await ask(https, "GET", "/profile", headers=[("cookie", b"__Host-session=" + value)])
        assert good.status == 200
        disguises = [
            "\u2000__Host-session=".encode(),
            "\u3000__Host-session=".encode(),
            b"\x85__Host-session=",
            b"\xa0__Host-session=",
            b"\x0b__Host-session=",
            b"\x0c__Host-session=",
            b"\x1f__Host-session=",
            b"\x00__Host-session=",
            b"__HOST-session=",
            b"__host-session=",
            b"__Host-Session=",
            b"=__Host-session=",
            b"__Host-session =",
            b'"__Host-session"=',
            b"__Host-session%20=",
            b"__Host%2Dsession=",
            b"__Secure-session=",
            b"session=",
            b"x,__Host-session=",
            b"$Version=1, __Host-session=",
        ]
        for disguise in disguises:
            headers = [("cookie", disguise + value)]
            assert (await ask(https, "GET", "/profile", headers=headers)).verdict == MISSING, (
                disguise
            )
            beside = [("cookie", disguise + b"x; __Host-session=" + value)]
            assert (await ask(https, "GET", "/profile", headers=beside)).status == 200, disguise

    async def test_s03_a_value_is_taken_as_it_is(self, server: Server, ada: Holder) -> None:
        value = ada.client.cookies["session"]
        for written in (f'"{value}"', value.replace(".", "%2E"), f"{value},", f"{value}\x00"):
            answer = await ask(
                server, "GET", "/profile", headers=[("cookie", f"session={written}")]
            )
            assert answer.verdict == INVALID, written


class TestCookieAttributes:
    STRICT = frozenset({"Path=/", "HttpOnly", "SameSite=Strict"})
    LAX = frozenset({"Path=/", "HttpOnly", "SameSite=Lax"})

    async def set_by_all_flows(self, server: Server) -> list[tuple[str, str, frozenset[str]]]:
        """Name, value and attributes of every Set-Cookie that there is."""
        found: list[tuple[str, str, frozenset[str]]] = []

        async def see(holder: Holder, path: str, body: dict[str, Any] | None = None) -> None:
            answer = await holder.post(path, json=body or {})
            assert answer.status_code == 200, answer.text
            found.extend((n, c.value, c.attributes) for n, c in set_cookies(answer).items())

        for transport in ("cookie", "session"):
            for remember in (True, False):
                nobody = Holder(server.client(), {})
                sign_in = {**json.loads(LOGIN), "transport": transport, "remember": remember}
                await see(nobody, "/auth/login", sign_in)
                if transport == "cookie":
                    await see(nobody, "/auth/refresh")
                else:
                    await see(nobody, "/auth/reauthenticate", {"password": PASSWORD})
                await see(nobody, "/auth/logout")
        for transport in ("cookie", "session"):
            token = await server.core.services.setup.make_link(RequestTrace())
            body = {"token": token, "email": f"{transport}@example.com", "password": PASSWORD}
            first = Holder(server.client(), {})
            await see(first, "/auth/setup", {**body, "transport": transport})
            await change_rows(server, "UPDATE users SET role = 'user'")
        await see(await server.sign_in(transport="cookie"), "/auth/logout-all")
        own = await server.sign_in(transport="session")
        deleted = await own.request("DELETE", f"/users/{own.answer['user']['id']}")
        assert deleted.status_code == 200
        found.extend((n, c.value, c.attributes) for n, c in set_cookies(deleted).items())
        return found

    async def test_s04_on_http_every_cookie_is_hidden_from_scripts_and_other_sites(
        self, server: Server
    ) -> None:
        await server.register()
        found = await self.set_by_all_flows(server)
        assert {name for name, _, _ in found} == {"refreshToken", "session", "device"}
        for name, _, attributes in found:
            expected = self.LAX if name == "session" else self.STRICT
            assert {a for a in attributes if not a.startswith("Max-Age=")} == expected, name

    async def test_s04_on_https_every_cookie_is_bound_to_the_host_as_well(
        self, https: Server
    ) -> None:
        found = await self.set_by_all_flows(https)
        assert {name for name, _, _ in found} == {
            "__Host-refreshToken",
            "__Host-session",
            "__Host-device",
        }
        for name, value, attributes in found:
            expected = (self.LAX if name == "__Host-session" else self.STRICT) | {"Secure"}
            assert {a for a in attributes if not a.startswith("Max-Age=")} == expected, name
            assert len(name) + len(value) < 1_024

    async def test_s04_a_token_is_in_its_cookie_alone(self, server: Server) -> None:
        """ASVS 3.3.4: nothing that a script could read holds the value."""
        await server.register()
        for transport in ("cookie", "session"):
            holder = await server.sign_in(transport=transport)
            for name in set(holder.client.cookies):
                assert holder.client.cookies[name] not in json.dumps(holder.answer)
            assert "refreshToken" not in holder.answer

    async def test_s04_signing_out_clears_the_cookies_and_what_the_site_stored(
        self, server: Server, ada: Holder
    ) -> None:
        answer = await ada.post("/auth/logout")
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        cleared = set_cookies(answer)
        assert set(cleared) == {"refreshToken", "session"}
        assert {(cookie.value, cookie.max_age) for cookie in cleared.values()} == {("", 0)}
        assert "session" not in ada.client.cookies

    async def test_a_cookie_of_the_other_scheme_is_not_read(self, https: Server) -> None:
        holder = await https.sign_in(transport="session")
        value = holder.client.cookies["__Host-session"]
        answer = await ask(https, "GET", "/profile", headers=[("cookie", f"session={value}")])
        assert answer.verdict == MISSING


class TestForgedRequests:
    async def test_s05_s10_a_request_that_may_come_from_another_site_changes_nothing(
        self, server: Server, ada: Holder
    ) -> None:
        for case, headers in FOREIGN.items():
            answer = await ask(
                server, "PATCH", "/profile", headers=[*headers, session_cookie(ada)], body=RENAME
            )
            assert answer.verdict == CSRF, case
        assert (await ada.get("/profile")).json()["user"]["name"] == ""

    async def test_s05_a_request_of_ours_goes_through(self, server: Server, ada: Holder) -> None:
        for case, headers in OWN.items():
            body = json.dumps({"name": case}).encode()
            answer = await ask(
                server, "PATCH", "/profile", headers=[*headers, session_cookie(ada)], body=body
            )
            assert answer.json()["user"]["name"] == case

    async def test_s05_even_from_ourselves_a_body_is_json(
        self, server: Server, ada: Holder
    ) -> None:
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml"):
            headers = [("origin", ORIGIN), ("content-type", kind), session_cookie(ada)]
            answer = await ask(server, "PATCH", "/profile", headers=headers, body=RENAME)
            assert answer.verdict == (415, "UNSUPPORTED_MEDIA_TYPE"), kind

    async def test_s05_csrf_comes_before_size_type_authentication_and_body(
        self, server: Server, ada: Holder
    ) -> None:
        for more in (
            [("content-length", "10000000"), session_cookie(ada)],
            [("cookie", "session=garbage")],
            [("cookie", "device=garbage")],
            [session_cookie(ada), bearer("garbage")],
        ):
            headers = [("origin", "https://evil.example"), AS_FORM, *more]
            answer = await ask(server, "PATCH", "/profile", headers=headers, body=b"{")
            assert answer.verdict == CSRF, more

    async def test_s05_a_header_that_decides_may_come_once(
        self, server: Server, ada: Holder
    ) -> None:
        for name, values in {
            "origin": (ORIGIN, "https://evil.example"),
            "sec-fetch-site": ("same-origin", "cross-site"),
            "content-type": ("application/json", "text/plain"),
        }.items():
            headers = [session_cookie(ada), *((name, value) for value in values)]
            answer = await ask(server, "PATCH", "/profile", headers=headers, body=RENAME)
            assert answer.verdict == MALFORMED, name

    async def test_s06_a_method_cannot_be_put_in_a_header_or_a_field(
        self, server: Server, ada: Holder
    ) -> None:
        override = [
            ("x-http-method-override", "DELETE"),
            ("x-http-method", "DELETE"),
            ("x-method-override", "DELETE"),
        ]
        headers = [AS_JSON, session_cookie(ada), *override]
        posted = await ask(
            server, "POST", "/sessions", headers=headers, body=b"{}", query=b"_method=DELETE"
        )
        assert posted.verdict == (405, "METHOD_NOT_ALLOWED")
        got = await ask(server, "GET", "/sessions", headers=headers, query=b"_method=DELETE")
        assert len(got.json()["sessions"]) == 1
        head = await ask(server, "HEAD", "/sessions", headers=headers)
        assert (head.status, head.body) == (200, b"")
        assert (await ada.get("/profile")).status_code == 200

    async def test_s06_a_head_request_to_a_post_address_is_not_a_post(
        self, server: Server, ada: Holder
    ) -> None:
        for method in ("HEAD", "GET"):
            for path in ("/auth/logout", "/auth/logout-all", "/auth/refresh", "/auth/login"):
                answer = await ask(server, method, path, headers=[session_cookie(ada)])
                assert (answer.status, answer.one("allow")) == (405, "POST"), path
        assert (await ada.get("/profile")).status_code == 200

    async def test_s07_a_form_needs_the_token_of_this_very_session(
        self, server: Server, ada: Holder
    ) -> None:
        token = (await ada.get("/auth/csrf")).json()["csrfToken"]
        other = await server.sign_in(transport="session")
        others = (await other.get("/auth/csrf")).json()["csrfToken"]
        await server.register_admin()
        admin = await server.sign_in("root@example.com")
        cursor = (await admin.get("/users?limit=1")).json()["nextCursor"]

        async def post(
            field: str | None, *more: tuple[str, str], name: str = "csrfToken"
        ) -> tuple[int, str | None]:
            form = "name=Mallory" + ("" if field is None else f"&{name}={field}")
            headers = [AS_FORM, ("origin", ORIGIN), session_cookie(ada), *more]
            answer = await ask(server, "PATCH", "/profile", headers=headers, body=form.encode())
            return answer.verdict

        for wrong in (None, "", "x", others, token[:-1], token + "A", token.upper(), cursor):
            assert await post(wrong) == CSRF, wrong
        assert await post(None, ("x-csrf-token", others)) == CSRF
        assert await post(None, ("x-csrf-token", "")) == CSRF
        assert await post(None, ("x-xsrf-token", token)) == CSRF
        assert await post(token, name="csrf_token") == CSRF
        tossed = ("cookie", f"csrfToken={token}; csrf={token}; X-CSRF-Token={token}")
        assert await post(None, tossed) == CSRF
        assert (await ada.get("/profile")).json()["user"]["name"] == ""
        assert await post(token) == (200, None)
        assert await post(None, ("x-csrf-token", token)) == (200, None)

    async def test_s07_the_token_of_an_earlier_session_is_worth_nothing(
        self, server: Server, ada: Holder
    ) -> None:
        token = (await ada.get("/auth/csrf")).json()["csrfToken"]
        body = {**json.loads(LOGIN), "transport": "session"}
        assert (await ada.client.post("/auth/login", json=body)).status_code == 200
        headers = [AS_FORM, ("origin", ORIGIN), session_cookie(ada)]
        form = f"name=Mallory&csrfToken={token}".encode()
        answer = await ask(server, "PATCH", "/profile", headers=headers, body=form)
        assert answer.verdict == CSRF

    async def test_s07_an_empty_form_needs_it_too(self, server: Server, ada: Holder) -> None:
        headers = [AS_FORM, ("origin", ORIGIN), session_cookie(ada), ("content-length", "0")]
        answer = await ask(server, "POST", "/auth/logout-all", headers=headers)
        assert answer.verdict == CSRF
        assert (await ada.get("/profile")).status_code == 200
        token = (await ada.get("/auth/csrf")).json()["csrfToken"]
        with_it = [*headers, ("x-csrf-token", token)]
        assert (await ask(server, "POST", "/auth/logout-all", headers=with_it)).status == 200

    async def test_s07_a_form_is_for_who_holds_a_session_cookie(
        self, server: Server, ada: Holder
    ) -> None:
        token = (await ada.get("/auth/csrf")).json()["csrfToken"]
        program = await server.sign_in()
        headers = [AS_FORM, ("x-csrf-token", token), bearer(program.access)]
        answer = await ask(server, "PATCH", "/profile", headers=headers, body=b"name=Mallory")
        assert answer.verdict == (415, "UNSUPPORTED_MEDIA_TYPE")
        form = b"email=ada%40example.com&password=x"
        login = await ask(
            server, "POST", "/auth/login", headers=[AS_FORM, ("origin", ORIGIN)], body=form
        )
        assert login.verdict == (415, "UNSUPPORTED_MEDIA_TYPE")

    @pytest.mark.parametrize("path", ["/auth/login", "/auth/setup"])
    async def test_s08_another_site_cannot_sign_a_browser_in(
        self, server: Server, path: str
    ) -> None:
        """Though no cookie comes with it: what matters is the one that would be set."""
        await server.register()
        for case, headers in FOREIGN.items():
            answer = await ask(server, "POST", path, headers=headers, body=LOGIN)
            assert answer.verdict == CSRF, case
            assert answer.all("set-cookie") == [], case
        assert rows(server, "SELECT id FROM sessions") == []

    async def test_s09_another_site_cannot_sign_anybody_out(
        self, server: Server, ada: Holder
    ) -> None:
        image = await ask(server, "GET", "/auth/logout", headers=[session_cookie(ada)])
        assert image.verdict == (405, "METHOD_NOT_ALLOWED")
        for case, headers in FOREIGN.items():
            answer = await ask(
                server, "POST", "/auth/logout", headers=[*headers, session_cookie(ada)]
            )
            assert answer.verdict == CSRF, case
            assert answer.all("set-cookie") == [], case
            assert answer.one("clear-site-data") is None, case
        assert (await ada.get("/profile")).status_code == 200

    async def test_r13_another_site_does_not_use_a_refresh_token_up(self, server: Server) -> None:
        await server.register()
        browser = await server.sign_in(transport="cookie")
        cookie = ("cookie", f"refreshToken={browser.client.cookies['refreshToken']}")
        for case, headers in FOREIGN.items():
            answer = await ask(server, "POST", "/auth/refresh", headers=[*headers, cookie])
            assert answer.verdict == CSRF, case
            assert answer.all("set-cookie") == [], case
        assert rows(server, "SELECT generation FROM sessions WHERE ended_at IS NULL") == [(1,)]

    async def test_r13_refreshing_is_a_post(self, server: Server) -> None:
        await server.register()
        browser = await server.sign_in(transport="cookie")
        cookie = ("cookie", f"refreshToken={browser.client.cookies['refreshToken']}")
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = await ask(server, method, "/auth/refresh", headers=[AS_JSON, cookie])
            assert answer.status == 405
        assert (await browser.client.post("/auth/refresh", json={})).status_code == 200

    async def test_s10_reading_changes_nothing(self, server: Server) -> None:
        """ASVS 3.5.3: whatever a link makes a browser fetch, no row changes but a limit's. The way
        to a provider and back is by GET in OAuth 2, and has a state (`test_attacks_federation`).
        """
        await server.register_admin()
        admin = await server.sign_in("root@example.com", transport="session")
        own = admin.answer["user"]["id"]
        foreign = [("sec-fetch-site", "cross-site"), session_cookie(admin)]
        with statements(server) as asked:
            for route in ROUTES:
                is_ours = "{provider}" not in route.path and not route.who.is_service
                if route.method == "GET" and is_ours:
                    path = route.path.replace("{id}", own)
                    answer = await ask(server, "GET", path, headers=foreign, ip="127.0.0.1")
                    assert answer.status in {200, 204}, path
                    assert answer.all("set-cookie") == [], path
        writes = {sql.partition("(")[0] for sql in asked if not sql.startswith("SELECT")}
        assert writes <= {
            *("INSERT INTO limits ", "DELETE FROM limits WHERE key = ?"),
            "UPDATE limits SET hits = ? WHERE key = ? AND resets_at = ?",
        }


class TestCrossOriginReads:
    async def test_s11_no_origin_is_allowed_unless_it_is_named(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        for origin in (ORIGIN, "https://evil.example", "null"):
            answer = await ask(
                server, "GET", "/profile", headers=[("origin", origin), bearer(holder.access)]
            )
            assert _cors_headers(answer) == set(), origin

    async def test_s11_only_the_exact_origin_is_allowed(self, https: Server) -> None:
        holder = await https.sign_in()

        async def read(origin: str) -> Reply:
            headers = [("origin", origin), bearer(holder.access)]
            return await ask(https, "GET", "/profile", headers=headers)

        allowed = await read(APP)
        assert allowed.one("access-control-allow-origin") == APP
        assert allowed.one("access-control-allow-credentials") == "true"
        assert allowed.one("vary") == "Origin"
        for origin in (
            "null",
            "*",
            "https://evil.example",
            "https://app.example.com.evil.example",
            "https://evilapp.example.com",
            "https://app.example.com:444",
            "https://app.example.com/",
            "http://app.example.com",
            "HTTPS://APP.EXAMPLE.COM",
            f"{APP} https://evil.example",
            f"{APP}, https://evil.example",
        ):
            answer = await read(origin)
            assert _cors_headers(answer) == set(), origin
            assert answer.one("vary") == "Origin"
        twice = await ask(https, "GET", "/health/live", headers=[("origin", APP), ("origin", APP)])
        assert _cors_headers(twice) == set()

    async def test_s11_refusals_can_be_read_by_the_same_origins(self, https: Server) -> None:
        for method, path in [("GET", "/nowhere"), ("PUT", "/profile"), ("GET", "/profile")]:
            answer = await ask(https, method, path, headers=[("origin", APP)])
            assert answer.status >= 400
            assert answer.one("access-control-allow-origin") == APP
            exposed = str(answer.one("access-control-expose-headers"))
            assert "Retry-After" in exposed
            assert "X-Request-Id" in exposed

    async def test_s11_a_preflight_promises_what_the_route_table_has(self, https: Server) -> None:
        async def preflight(path: str, origin: str = APP) -> Reply:
            headers = [("origin", origin), ("access-control-request-method", "DELETE")]
            return await ask(https, "OPTIONS", path, headers=headers)

        answer = await preflight("/profile")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.one("access-control-allow-origin") == APP
        assert answer.one("access-control-allow-methods") == "GET, PATCH"
        assert "Authorization" in str(answer.one("access-control-allow-headers"))
        evil = await preflight("/profile", "https://evil.example")
        assert evil.verdict == (405, "METHOD_NOT_ALLOWED")
        assert _cors_headers(evil) == set()
        assert (await preflight("/nowhere")).verdict == (404, "NOT_FOUND")
        plain = await ask(https, "OPTIONS", "/profile", headers=[("origin", APP)])
        assert plain.verdict == (405, "METHOD_NOT_ALLOWED")

    async def test_an_allowed_origin_passes_the_csrf_guard(self, https: Server) -> None:
        headers = [("origin", APP), ("sec-fetch-site", "same-site"), AS_JSON]
        answer = await ask(https, "POST", "/auth/login", headers=headers, body=LOGIN)
        assert answer.status == 200
        assert answer.one("access-control-allow-origin") == APP


def _cors_headers(answer: Reply) -> set[bytes]:
    return {name for name, _ in answer.headers if name.startswith(b"access-control-")}


class TestHeadersOfEveryAnswer:
    """ASVS 3.4, 4.1.1, 13.4.6, 14.3.2, attack X04: on every route and every refusal."""

    async def every_answer(self, server: Server) -> dict[str, Reply]:
        answers: dict[str, Reply] = {}
        for route in ROUTES:
            for who, more in {"nobody": [], "garbage": [bearer("garbage")]}.items():
                path = route.path.replace("{id}", "x").replace("{role}", "admin")
                answers[f"{route.method} {path} {who}"] = await ask(
                    server, route.method, path, headers=[AS_JSON, *more], ip="127.0.0.1"
                )
        cases: dict[str, tuple[str, str, list[tuple[str, str]], bytes]] = {
            "404": ("GET", "/profile/x.css", [], b""),
            "405": ("TRACE", "/profile", [], b""),
            "400": ("GET", "/profile", [("authorization", "a"), ("authorization", "b")], b""),
            "403": ("POST", "/auth/login", [("origin", "null")], LOGIN),
            "413": ("POST", "/auth/register", [AS_JSON, ("content-length", "99999999")], b""),
            "415": ("POST", "/auth/register", [AS_TEXT], b"x"),
            "422": ("POST", "/auth/register", [AS_JSON], b"{}"),
            "200 HEAD": ("HEAD", "/health/live", [], b""),
            "401": ("POST", "/auth/login", [AS_JSON], LOGIN.replace(b"horse", b"house")),
        }
        for name, (method, path, headers, body) in cases.items():
            answers[name] = await ask(server, method, path, headers=headers, body=body)
            assert answers[name].status == int(name[:3]), answers[name]
        hasty = [
            await ask(server, "POST", "/auth/refresh", headers=[AS_JSON], ip="203.0.113.9")
            for _ in range(101)
        ]
        assert hasty[-1].verdict == (429, "RATE_LIMITED")
        answers["limited"] = hasty[-1]
        return answers

    async def test_nothing_leaves_without_its_headers(self, server: Server) -> None:
        for name, answer in (await self.every_answer(server)).items():
            self.require_headers(name, answer)
            assert answer.one("strict-transport-security") is None, name

    async def test_on_https_the_browser_is_told_to_stay_there(self, https: Server) -> None:
        for name, answer in (await self.every_answer(https)).items():
            self.require_headers(name, answer)
            hsts = answer.one("strict-transport-security")
            assert hsts == "max-age=31536000; includeSubDomains", name

    def require_headers(self, name: str, answer: Reply) -> None:
        assert answer.one("x-content-type-options") == "nosniff", name
        assert answer.one("referrer-policy") == "no-referrer", name
        assert answer.one("cross-origin-opener-policy") == "same-origin", name
        assert answer.one("cross-origin-resource-policy") == "same-origin", name
        assert answer.one("x-request-id"), name
        policy = str(answer.one("content-security-policy"))
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert "unsafe" not in policy, name
        for banner in ("server", "x-powered-by", "via", "x-aspnet-version"):
            assert answer.one(banner) is None, name
        is_public = name.startswith("GET /.well-known/jwks.json")
        expected = "public, max-age=300" if is_public else "no-store"
        assert answer.one("cache-control") == expected, name
        kind = answer.one("content-type")
        if answer.status == 204:
            assert kind is None, name
        else:
            assert str(kind).endswith("charset=utf-8"), name
            assert answer.one("content-length") is not None, name
        if answer.status >= 400 and not name.startswith("GET /health"):
            assert kind == "application/problem+json; charset=utf-8", name

    async def test_x04_what_looks_like_a_file_is_not_a_page(
        self, server: Server, ada: Holder
    ) -> None:
        for path in ("/profile/x.css", "/profile/x.js", "/profile.css", "/profile;x.css"):
            answer = await ask(server, "GET", path, headers=[session_cookie(ada)])
            assert answer.verdict == (404, "NOT_FOUND")
            assert answer.one("cache-control") == "no-store"
        decorated = await ask(
            server, "GET", "/profile", headers=[session_cookie(ada)], query=b"x.css"
        )
        assert (decorated.status, decorated.one("cache-control")) == (200, "no-store")

    async def test_x04_no_header_of_the_request_changes_an_answer_to_all(
        self, server: Server
    ) -> None:
        poison = [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-original-url", "/profile"),
            ("x-rewrite-url", "/profile"),
            ("forwarded", "host=evil.example"),
        ]
        for path in ("/.well-known/jwks.json", "/openapi.json", "/docs", "/health/live"):
            plain = await ask(server, "GET", path)
            poisoned = await ask(server, "GET", path, headers=poison)
            assert poisoned.body == plain.body, path
            assert b"evil" not in repr(poisoned.headers).encode(), path
