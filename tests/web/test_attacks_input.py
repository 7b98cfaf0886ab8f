"""Hostile bytes in bodies, headers and queries are refused, never a 500 (catalogue I, X03, X10)."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.driving import PASSWORD, Holder, Server
from tests.opening import Lines, open_cheaply
from tests.web.contract import rows
from tests.web.raw import AS_JSON, Reply, Text, ask, bearer, hashes
from watchword.bootstrap import Application
from watchword.settings import Settings
from watchword.testing import FakeClock
from watchword.web.answers import Answer
from watchword.web.app import ROUTES
from watchword.web.call import Call
from watchword.web.policies import PUBLIC
from watchword.web.routing import Route

MALFORMED = (400, "MALFORMED")
TOO_LARGE = (413, "TOO_LARGE")
NOT_JSON = (415, "UNSUPPORTED_MEDIA_TYPE")
INVALID = (422, "VALIDATION_FAILED")
CREDENTIALS = (401, "INVALID_CREDENTIALS")

# Every body that there is, complete; each test spoils one field of it.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/auth/register"): {"email": "e@example.com", "password": PASSWORD, "name": "E"},
    ("POST", "/auth/login"): {
        "email": "e@example.com",
        "password": PASSWORD,
        "transport": "body",
        "remember": True,
        "mfaCode": "123456",
        "trustDevice": False,
    },
    ("POST", "/auth/setup"): {
        "token": "t",
        "email": "e@example.com",
        "password": PASSWORD,
        "transport": "body",
    },
    ("POST", "/auth/mfa/complete"): {
        "mfaToken": "t",
        "code": "123456",
        "transport": "body",
        "trustDevice": False,
    },
    ("POST", "/auth/mfa/enable"): {},
    ("POST", "/auth/mfa/verify"): {"code": "123456"},
    ("POST", "/auth/mfa/disable"): {"recoveryCode": "AAAA"},
    ("POST", "/auth/mfa/recovery-codes"): {},
    ("POST", "/auth/refresh"): {"refreshToken": "t"},
    ("POST", "/auth/logout"): {"refreshToken": "t"},
    ("POST", "/auth/logout-all"): {},
    ("POST", "/auth/reauthenticate"): {"password": PASSWORD},
    ("POST", "/auth/change-password"): {"currentPassword": PASSWORD, "newPassword": "n" * 20},
    ("POST", "/auth/forgot-password"): {"email": "e@example.com"},
    ("POST", "/auth/reset-password"): {"token": "t", "newPassword": "n" * 20},
    ("POST", "/auth/verify-email"): {"token": "t"},
    ("POST", "/auth/verify-email/resend"): {"email": "e@example.com"},
    ("POST", "/auth/change-email"): {"newEmail": "f@example.com"},
    ("POST", "/auth/magic-link"): {"email": "e@example.com", "transport": "cookie"},
    ("POST", "/auth/magic-link/complete"): {
        "token": "t",
        "transport": "body",
        "remember": True,
    },
    ("POST", "/auth/passkeys/register/options"): {},
    ("POST", "/auth/passkeys/register"): {"credential": {"id": "AA"}, "name": "E"},
    ("POST", "/auth/passkeys/login/options"): {"email": "e@example.com"},
    ("POST", "/auth/passkeys/login"): {
        "credential": {"id": "AA"},
        "transport": "body",
        "remember": True,
    },
    ("PATCH", "/auth/passkeys/{id}"): {"name": "E"},
    ("POST", "/auth/{provider}/link"): {"returnTo": "/account"},
    ("POST", "/users"): {"email": "g@example.com", "role": "user", "name": "G"},
    ("PATCH", "/profile"): {"name": "E"},
    ("PUT", "/users/{id}/role"): {"role": "user"},
    ("PUT", "/users/{id}/status"): {"status": "active"},
    ("PUT", "/users/{id}/{role}"): {},
}

_NETWORKS = count(1)  # a new one each time, so that no limit is reached

HOSTILE_TEXTS = {
    "nul": "a\0b",
    "lone high surrogate": "a\ud800b",
    "lone low surrogate": "a\udc00b",
    "swapped surrogates": "\udc00\ud800",
}
WRONG_TYPES: dict[str, object] = {
    "object": {"$ne": None},
    "empty object": {},
    "list": ["e@example.com"],
    "true": True,
    "number": 1,
    "fraction": 1.5,
    "huge": 10**400,
}


@pytest.fixture
async def admin(server: Server) -> Holder:
    await server.register_admin()
    return await server.sign_in("root@example.com")


async def send(server: Server, route: tuple[str, str], body: bytes, holder: Holder) -> Reply:
    """``route`` with this very body, by ``holder``, from an address that has asked for nothing."""
    method, pattern = route
    path = pattern.replace("{id}", str(holder.answer["user"]["id"])).replace("{role}", "admin")
    headers = [AS_JSON, bearer(holder.access)]
    ip = f"2001:db8:{next(_NETWORKS):x}::1"
    return await ask(server, method, path, headers=headers, body=body, ip=ip)


def test_every_body_is_spoilt_below() -> None:
    assert set(BODIES) == {(r.method, r.path) for r in ROUTES if r.body is not None}


class TestFields:
    async def test_i01_i04_no_field_takes_text_that_is_none_or_a_value_of_another_type(
        self, server: Server, admin: Holder
    ) -> None:
        for route, body in BODIES.items():
            for field, good in body.items():
                spoilt = dict(WRONG_TYPES)
                if isinstance(good, bool):
                    spoilt = {"text": "true", "number": 1, "list": [True], "null": None}
                else:
                    spoilt |= HOSTILE_TEXTS
                if isinstance(good, dict):
                    spoilt = {case: v for case, v in spoilt.items() if not isinstance(v, dict)}
                for case, value in spoilt.items():
                    content = json.dumps({**body, field: value}).encode()
                    answer = await send(server, route, content, admin)
                    assert answer.verdict == INVALID, (route, field, case)
                    named = [error["field"] for error in answer.json()["errors"]]
                    assert named == [field], (route, field, case)
        assert hashes(server) == 2  # the administrator's own: made, and signed in with

    async def test_i05_names_with_a_meaning_elsewhere_have_none_here(
        self, server: Server, admin: Holder
    ) -> None:
        names = ("__proto__", "constructor", "__class__", "__init__", "", "\ud800", "\0", "e" * 999)
        for route, body in BODIES.items():
            for name in names:
                content = json.dumps({**body, name: {"role": "admin"}}).encode()
                answer = await send(server, route, content, admin)
                assert answer.verdict == INVALID, (route, name)
                [error] = answer.json()["errors"]
                assert error["field"].isascii()
                assert len(error["field"]) <= 64 * 6

    async def test_i01_a_name_cannot_turn_the_text_around_it(
        self, server: Server, admin: Holder
    ) -> None:
        for name in (
            "evil\u202egnp.exe",
            "\u2066x",
            "a\nb",
            "a\rb",
            "\x1b[31mred",
            "a\x7fb",
            "a\x85b",
        ):
            content = json.dumps({"name": name}).encode()
            answer = await send(server, ("PATCH", "/profile"), content, admin)
            assert answer.verdict == INVALID, repr(name)
        kept = json.dumps({"name": "  Zoe\u0308 \U0001f469\u200d\U0001f680 <b>  "}).encode()
        answer = await send(server, ("PATCH", "/profile"), kept, admin)
        assert answer.json()["user"]["name"] == "Zo\u00eb \U0001f469\u200d\U0001f680 <b>"

    async def test_i01_bytes_that_are_no_utf8_are_malformed(
        self, server: Server, admin: Holder
    ) -> None:
        for raw in (b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xff\xfe", b"\xe2\x82"):
            content = b'{"name": "' + raw + b'"}'
            answer = await send(server, ("PATCH", "/profile"), content, admin)
            assert answer.verdict == MALFORMED, raw
        for encoding in ("utf-16", "utf-32", "utf-8-sig"):
            content = '{"name": "é"}'.encode(encoding)
            answer = await send(server, ("PATCH", "/profile"), content, admin)
            assert answer.verdict == MALFORMED, encoding

    async def test_i02_a_long_password_is_refused_before_it_is_hashed(
        self, server: Server, admin: Holder
    ) -> None:
        before = hashes(server)
        for route, body in BODIES.items():
            for field in body:
                if "assword" not in field or route[1] in {"/auth/setup", "/auth/reset-password"}:
                    continue  # the link is what these ask for first, and there is none
                for password in ("x" * 1_025, "\u00e9" * 513, "x" * 60_000):
                    content = json.dumps({**body, field: password}).encode()
                    answer = await send(server, route, content, admin)
                    assert answer.verdict == INVALID, (route, field)
                    assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert hashes(server) == before + 3  # the current one, as long as only the new one is bad
        longest = json.dumps({"email": "l@example.com", "password": "x" * 1_024}).encode()
        assert (await send(server, ("POST", "/auth/register"), longest, admin)).status == 201

    async def test_i12_combining_marks_and_nasty_addresses_are_measured_before_they_are_read(
        self, server: Server, admin: Holder
    ) -> None:
        """What would take the square of its length to put in order is too long to be looked at."""
        route = ("POST", "/auth/register")
        marks = "a" + "\u0301\u0316" * 10_000
        addresses = (
            "a" * 300 + "@example.com",
            "a@" + "a." * 2_000,
            "@" * 4_000,
            "(" * 2_000 + "@example.com",
            '"' * 2_000 + "@example.com",
            "a@" + "\u0130" * 200,
            "a@[" + "::" * 100 + "]",
        )
        for email in addresses:
            content = json.dumps({"email": email, "password": PASSWORD}).encode()
            assert (await send(server, route, content, admin)).verdict == INVALID, email[:20]
        for field in ("password", "name"):
            body = {"email": "e@example.com", "password": PASSWORD, field: marks}
            content = json.dumps(body, ensure_ascii=False).encode()
            assert (await send(server, route, content, admin)).verdict == INVALID, field

    async def test_p09_two_addresses_are_none(self, server: Server, admin: Holder) -> None:
        for email in (
            "v@example.com,u@example.com",
            "v@example.com u@example.com",
            "v@example.com;u@example.com",
            "v@example.com\r\nBcc: u@example.com",
            "v@example.com%0aBcc:u@example.com",
            "Ada <v@example.com>",
            "v@example.com\u2028",
            "v@@example.com",
            "v@example",
            "v@127.0.0.1",
            "v@[127.0.0.1]",
            "mi\u212ae@example.com",
            "",
        ):
            for route in (("POST", "/auth/register"), ("POST", "/auth/login")):
                content = json.dumps({"email": email, "password": PASSWORD}).encode()
                answer = await send(server, route, content, admin)
                assert answer.verdict == INVALID, (route, email)


class TestBodies:
    LOGIN = ("POST", "/auth/login")

    async def test_i03_json_is_read_strictly(self, server: Server, admin: Holder) -> None:
        good = b'"email": "e@example.com", "password": "x"'
        for raw in (
            b"",
            b" ",
            b"null",
            b"[]",
            b'"text"',
            b"1",
            b"{",
            b"{" + good,
            b"{" + good + b"}}",
            b"{" + good + b"} {}",
            b"{" + good + b',"email": "x@example.com"}',
            b"{" + good + b',"remember": NaN}',
            b"{" + good + b',"remember": -Infinity}',
            b"{" + good + b',"remember": 1e400}',
            b"{" + good + b',"remember": ' + b"9" * 50_000 + b"}",
            b"{" + good + b',"x": {"a": 1, "a": 2}}',
            b"{'email': 'e@example.com'}",
            b"{" + good + b",}",
            b"{" + good + b"} // comment",
            b'{"email": "e@example.com\n", "password": "x"}',
        ):
            answer = await send(server, self.LOGIN, raw, admin)
            assert answer.verdict == MALFORMED, raw[:60]
        for raw in (b'"remember": 1e308', b'"remember": -0', b'"x": ' + b"[" * 200 + b"]" * 200):
            answer = await send(server, self.LOGIN, b"{" + good + b"," + raw + b"}", admin)
            assert answer.verdict == INVALID, raw[:60]
        for deep in (b"[" * 30_000 + b"]" * 30_000, b'{"a":' * 9_000 + b"1" + b"}" * 9_000):
            raw = b"{" + good + b',"remember": ' + deep + b"}"
            answer = await send(server, self.LOGIN, raw, admin)
            assert answer.verdict in {MALFORMED, INVALID}  # how deep is too deep, Python says
        assert hashes(server) == 2

    async def test_i02_the_size_is_told_from_the_header_or_from_what_arrives(
        self, server: Server
    ) -> None:
        limit = 65_536
        room = limit - len(b'{"refreshToken": ""}')
        fits = b'{"refreshToken": "' + b"x" * room + b'"}'
        said = await ask(server, "POST", "/auth/refresh", headers=[AS_JSON], body=fits)
        assert said.verdict == INVALID
        for path in ("/auth/refresh", "/auth/login"):
            announced = [AS_JSON, ("content-length", str(limit + 1))]
            answer = await ask(server, "POST", path, headers=announced, body=b"{}")
            assert answer.verdict == TOO_LARGE
            for parts in ([fits + b" "], [fits, b" "], [b" "] * (limit + 1), [b"", fits, b" "]):
                chunked = [AS_JSON, ("transfer-encoding", "chunked")]
                answer = await ask(server, "POST", path, headers=chunked, body=parts)
                assert answer.verdict == TOO_LARGE
            lying = [AS_JSON, ("content-length", "2")]
            answer = await ask(server, "POST", path, headers=lying, body=[fits, fits])
            assert answer.verdict == TOO_LARGE

    @pytest.mark.parametrize("hosts", [0, 2])
    async def test_x03_a_request_names_its_host_once(self, server: Server, hosts: int) -> None:
        """RFC 9112 section 3.2: two readers would else take it for requests to two services."""
        headers = [("host", "localhost:8000")] * hosts
        for method, path in (("GET", "/health/live"), ("POST", "/auth/logout")):
            answer = await ask(server, method, path, headers=headers, http_version="1.1")
            assert answer.verdict == MALFORMED

    @pytest.mark.parametrize(
        "host",
        [b"a b", b"<script>", b"a,b", b"[::1", b"\xff", b"a@b", b"a/b", b"a:1:2", b"a:123456"],
    )
    async def test_x03_a_host_that_is_none_is_refused(self, server: Server, host: bytes) -> None:
        answer = await ask(server, "GET", "/health/live", headers=[(b"host", host)])
        assert answer.verdict == MALFORMED

    @pytest.mark.parametrize(
        "host", [b"", b"a", b"a:", b"A.example:8443", b"[::1]:80", b"10.0.0.1"]
    )
    async def test_every_host_is_served(self, server: Server, host: bytes) -> None:
        answer = await ask(server, "GET", "/health/live", headers=[(b"host", host)])
        assert answer.status == 200

    async def test_x03_a_length_is_a_plain_number_that_comes_once(self, server: Server) -> None:
        for length in ("9" * 20, "9" * 5_000, "1" + "0" * 4_300):
            headers = [AS_JSON, ("content-length", length)]
            answer = await ask(server, "POST", "/auth/refresh", headers=headers, body=b"{}")
            assert answer.verdict == TOO_LARGE, length[:20]
        for length in ("-1", "+2", "0x2", "2.0", "2, 2", " ", "", "\u00b2", "two", "1_0"):
            headers = [AS_JSON, ("content-length", length)]
            answer = await ask(server, "POST", "/auth/refresh", headers=headers, body=b"{}")
            assert answer.verdict == MALFORMED, length
        for pair in (("2", "2"), ("2", "3")):
            twice = [AS_JSON, *(("content-length", length) for length in pair)]
            answer = await ask(server, "POST", "/auth/refresh", headers=twice, body=b"{}")
            assert answer.verdict == MALFORMED

    async def test_i11_what_is_not_plain_json_is_refused(
        self, server: Server, admin: Holder
    ) -> None:
        body = b'{"name": "E"}'
        for kind in (
            "text/xml",
            "application/xml",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "application/problem+json",
            "application/json-seq",
            "application/jsonp",
            "application/*",
            "*/*",
            "json",
            "application/json; charset=utf-16",
            "application/json; charset=latin-1",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset=utf-8; x=y",
            "application/json, text/plain",
            "application/json\x00",
            "",
        ):
            headers = [bearer(admin.access), ("content-type", kind)]
            answer = await ask(server, "PATCH", "/profile", headers=headers, body=body)
            assert answer.verdict == NOT_JSON, kind
        none = [bearer(admin.access), ("content-length", "13")]
        answer = await ask(server, "PATCH", "/profile", headers=none, body=body)
        assert answer.verdict == NOT_JSON
        for kind in (
            "application/json",
            "APPLICATION/JSON",
            "application/json;charset=UTF-8",
            'application/json ; charset="utf-8"',
        ):
            headers = [bearer(admin.access), ("content-type", kind)]
            answer = await ask(server, "PATCH", "/profile", headers=headers, body=body)
            assert answer.status == 200, kind

    async def test_i11_nothing_is_unpacked(self, server: Server, admin: Holder) -> None:
        bomb = gzip.compress(b'{"name": "' + b" " * 50_000_000 + b'"}', 9)[:60_000]
        for encoding in ("gzip", "br", "deflate", "identity", "gzip, gzip", ""):
            headers = [bearer(admin.access), AS_JSON, ("content-encoding", encoding)]
            answer = await ask(server, "PATCH", "/profile", headers=headers, body=bomb)
            assert answer.verdict == NOT_JSON, encoding

    async def test_a_client_that_goes_away_leaves_no_answer_and_no_error(
        self, server: Server
    ) -> None:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/auth/refresh",
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"9")],
        }
        await server.app(scope, receive, send)
        assert sent == []
        assert [event for event, _ in server.log.events if event == "request_failed"] == []


class TestQueries:
    async def test_i06_a_filter_is_a_value_and_never_sql(
        self, server: Server, admin: Holder
    ) -> None:
        await server.register()
        everybody = len((await admin.get("/users")).json()["users"])
        assert everybody == 2
        for text in ("' OR 1=1--", '" OR ""="', "%", "_", "a%", "*", "\\", "!", "!%", "'; DROP--"):
            found = await admin.get("/users", params={"q": text})
            assert found.json()["users"] == [], text
            of_nobody = await admin.get("/audit", params={"user": text, "type": text})
            assert of_nobody.json()["events"] == [], text
        assert len((await admin.get("/users", params={"q": "ADA@"})).json()["users"]) == 1

    @pytest.mark.parametrize("path", ["/users", "/audit"])
    async def test_i06_what_a_list_cannot_do_is_refused(
        self, server: Server, admin: Holder, path: str
    ) -> None:
        refused = [
            *("limit=0", "limit=201", "limit=-1", "limit=1.5", "limit=", "limit=abc", "limit=+1"),
            *("limit=%D9%A3", "limit=1e2", "limit=0000000000050000000000000000", "limit=000000501"),
            "limit=000000001" + "9" * 1_900,
            *("limit=1&limit=2", "sort=email", "order=desc", "offset=1", "limit[]=1", "LIMIT=1"),
            *("cursor=x", "cursor=Li4.Li4", "cursor=../../etc", "cursor=%00", "cursor=%EF%BF%BD"),
        ]
        if path == "/users":
            refused += ["role=root", "status=dead", "role=admin&role=user", "q=%00", "user=x"]
        else:
            refused += ["from=yesterday", "to=2026-11-20", "from=2026-11-20T12:00:00", "from=1"]
            refused += ["from=9999-12-31T23:59:59-23:59x", "to=%00", "q=x", "from=", "to=NaN"]
        for query in refused:
            answer = await ask(
                server, "GET", path, headers=[bearer(admin.access)], query=query.encode()
            )
            assert answer.verdict == INVALID, query[:40]
        for query in ("%FF=1", "limit=%ED%A0%80", "q=\u00e9", "q=" + "a" * 3_000):
            raw = query.encode()
            answer = await ask(server, "GET", path, headers=[bearer(admin.access)], query=raw)
            assert answer.verdict == MALFORMED, query[:40]

    async def test_i06_a_time_at_the_end_of_the_calendar_is_a_time(
        self, server: Server, admin: Holder
    ) -> None:
        for text in (
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-23:59",
        ):
            for name in ("from", "to"):
                answer = await admin.get("/audit", params={name: text})
                assert answer.status_code == 200, text

    async def test_i06_a_cursor_is_of_one_list_and_cannot_be_written(
        self, server: Server, admin: Holder
    ) -> None:
        await server.register()
        cursor = (await admin.get("/users?limit=1")).json()["nextCursor"]
        audit = (await admin.get("/audit?limit=1")).json()["nextCursor"]
        body, _, mac = cursor.partition(".")
        forged = [
            body,
            f"{body}.",
            f"{body}.{mac[:-1]}",
            f"{body[:-1]}.{mac}",
            f"{body}.{'A' * len(mac)}",
            f"{body}.{mac[:22]}",
            audit,
        ]
        for text in forged:
            answer = await admin.get("/users", params={"cursor": text})
            assert (answer.status_code, answer.json()["code"]) == INVALID, text
        assert (await admin.get("/audit", params={"cursor": cursor})).status_code == 422
        following = (await admin.get("/users", params={"cursor": cursor, "limit": 1})).json()
        assert len(following["users"]) == 1
        assert following["nextCursor"] is None


class TestWhatIsWrittenDown:
    HOSTILE = (
        b'x"\r\nHTTP/1.1 200 OK\n{"event":"request","status":200}'
        b"\x1b[2J\x00\xff\xc3\x28\xe2\x80\xae"
    )

    async def test_i07_i08_a_user_agent_is_one_printable_line_everywhere(
        self, server: Server
    ) -> None:
        await server.register()
        headers: list[tuple[Text, Text]] = [AS_JSON, ("user-agent", self.HOSTILE)]
        body = json.dumps({"email": "ada@example.com", "password": PASSWORD, "transport": "body"})
        answer = await ask(server, "POST", "/auth/login", headers=headers, body=body.encode())
        shown = answer.json()["session"]["userAgent"]
        assert shown.isprintable()
        assert "{" in shown
        assert "\u202e" not in shown
        assert rows(server, "SELECT DISTINCT user_agent FROM sessions") == [(shown,)]
        written = {agent for (agent,) in rows(server, "SELECT user_agent FROM audit_events")}
        assert all(agent.isprintable() for agent in written)
        long = await ask(
            server, "POST", "/auth/login",
            headers=[AS_JSON, ("user-agent", "A" * 100_000)], body=body.encode(),
        )  # fmt: skip
        assert len(long.json()["session"]["userAgent"]) == 512

    async def test_i08_no_request_writes_a_line_of_its_own_into_the_log(
        self, server: Server
    ) -> None:
        hostile = self.HOSTILE.decode("latin-1")
        for method, path, query in (
            ("GET", "/" + hostile, b""),
            ("GET\r\nX", "/profile", b""),
            (hostile, "/profile", b""),
            ("GET", "/profile", self.HOSTILE),
        ):
            headers = [("x-request-id", self.HOSTILE), ("user-agent", self.HOSTILE)]
            await ask(server, method, path, headers=headers, query=query)
        for event, fields in server.log.events:
            for value in (event, *map(str, fields.values())):
                assert value.isprintable(), value
                assert len(value) <= 128

    async def test_i07_a_request_id_is_taken_over_only_when_it_is_plain(
        self, server: Server
    ) -> None:
        for given in ("plain-id_1", "A" * 64):
            answer = await ask(server, "GET", "/health/live", headers=[("x-request-id", given)])
            assert answer.one("x-request-id") == given
        for given in (
            "short",
            "A" * 65,
            "with space",
            "line\r\nSet-Cookie: a=b",
            "trailing-newline\n",
            "<script>alert(1)",
            "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9",
        ):
            answer = await ask(server, "GET", "/health/live", headers=[("x-request-id", given)])
            assert re.fullmatch(r"[0-9a-f]{16}", str(answer.one("x-request-id"))), given
        twice = [("x-request-id", "plain-id_1"), ("x-request-id", "plain-id_2")]
        answer = await ask(server, "GET", "/health/live", headers=twice)
        assert not str(answer.one("x-request-id")).startswith("plain")

    async def test_i09_i10_a_name_goes_out_as_json_and_nothing_reads_it_as_more(
        self, server: Server, admin: Holder
    ) -> None:
        for name in ("<script>alert(1)</script>", "=cmd|'/C calc'!A0", "{{7*7}}", "${jndi:x}"):
            answer = await admin.request("PATCH", "/profile", json={"name": name})
            assert answer.json()["user"]["name"] == name
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]

    async def test_i07_an_address_in_a_forward_auth_header_is_one_ascii_line(
        self, server: Server
    ) -> None:
        email = "d\u00f6rte%0d@b\u00fccher.example"
        await server.register(email)
        holder = await server.sign_in(email)
        answer = await ask(server, "GET", "/auth/verify", headers=[bearer(holder.access)])
        assert answer.status == 204
        assert answer.one("x-auth-email") == "d%C3%B6rte%250d@xn--bcher-kva.example"
        for name, value in answer.headers:
            assert value.isascii(), name
            assert not {b"\r", b"\n"} & set(value.split()), name


class TestFailures:
    SECRET = "boom-hunter2-/etc/passwd SELECT * FROM users"

    @asynccontextmanager
    async def failing(self, folder: Path, error: BaseException) -> AsyncIterator[Server]:
        """A server with a route whose page raises ``error``."""

        async def fail(_: Call) -> Answer:
            raise error

        clock, log = FakeClock(), Lines()
        route = Route(
            method="GET", path="/boom", page=fail, who=PUBLIC, summary="Fails", answers={200: None}
        )
        app = Application(
            Settings(data_dir=folder),
            routes=[*ROUTES, route],
            open_with=partial(open_cheaply, clock=clock, log=log),
        )
        async with app.running():
            yield Server(app, clock, log)

    @pytest.mark.parametrize(
        "error", [RuntimeError, KeyError, RecursionError, MemoryError, AssertionError, OSError]
    )
    async def test_x10_an_unforeseen_error_says_nothing_but_its_request_id(
        self, tmp_path: Path, error: type[Exception]
    ) -> None:
        async with self.failing(tmp_path, error(self.SECRET)) as server:
            answer = await ask(server, "GET", "/boom", headers=[("x-request-id", "follow-me")])
            assert answer.verdict == (500, "INTERNAL")
            content = answer.json()
            assert content["requestId"] == answer.one("x-request-id") == "follow-me"
            for leak in ("boom", "hunter2", "SELECT", error.__name__, "Traceback", ".py"):
                assert leak not in answer.body.decode(), leak
                assert leak not in repr(answer.headers), leak
            assert answer.one("cache-control") == "no-store"
            [failed] = [fields for event, fields in server.log.events if event == "request_failed"]
            assert failed["request_id"] == "follow-me"
            assert isinstance(failed["exc_info"], error)
            assert (await ask(server, "GET", "/health/ready")).status == 200

    async def test_x10_a_broken_database_is_a_503_that_names_no_cause(
        self, server: Server, admin: Holder
    ) -> None:
        server.sqlite._reader.close()
        for method, path in (("GET", "/profile"), ("GET", "/users"), ("POST", "/auth/login")):
            body = json.dumps({"email": "ada@example.com", "password": PASSWORD}).encode()
            answer = await ask(
                server, method, path, headers=[AS_JSON, bearer(admin.access)], body=body
            )
            assert answer.verdict == (503, "UNAVAILABLE"), path
            assert answer.one("retry-after") == "1"
            for leak in ("sqlite", "database", "closed", "Programming"):
                assert leak not in answer.body.decode(), leak
        ready = await ask(server, "GET", "/health/ready")
        assert (ready.status, ready.json()["checks"]["database"]) == (503, {"status": "failed"})
        assert (await ask(server, "GET", "/health/live")).status == 200

    async def test_no_mixture_of_bad_parts_is_ever_a_500(
        self, server: Server, admin: Holder
    ) -> None:
        """Every route with garbage in each place that a client can write to."""
        noise = b"\x00\xff\xfe'\"<>%s{}[]\r\n\xf0\x9f\x92\xa9"
        values: Sequence[bytes] = (noise, b"", b"," * 9_000, b"\x00", b"=" * 100)
        names = (
            b"accept", b"authorization", b"content-encoding", b"content-length", b"content-type",
            b"cookie", b"expect", b"forwarded", b"host", b"if-match", b"origin", b"range",
            b"sec-fetch-site", b"transfer-encoding", b"user-agent", b"x-csrf-token",
            b"x-forwarded-for", b"x-request-id", noise, b"",
        )  # fmt: skip
        for route in ROUTES:
            path = route.path.replace("{id}", "\u00fe'").replace("{role}", "\u00fe")
            for number, name in enumerate(names):
                value = values[number % len(values)]
                answer = await ask(
                    server,
                    route.method,
                    path,
                    headers=[bearer(admin.access), (name, value)],
                    query=noise if number % 2 else b"",
                    body=noise,
                    ip=f"2001:db8:{number:x}::1",
                )
                assert answer.status < 500, (route.path, name)
                assert answer.one("x-request-id")


class TestOnTheWire:
    """Bytes on a socket of the real HTTP server: whatever is unclear about a request's length is
    refused, and the connection is closed (attack X03, ASVS 4.2.1).
    """

    @asynccontextmanager
    async def listening(self, server: Server) -> AsyncIterator[int]:
        config = uvicorn.Config(
            server.app, http="httptools", lifespan="off", log_config=None, server_header=False,
            date_header=False, proxy_headers=False,
        )  # fmt: skip
        config.load()
        state = uvicorn.server.ServerState()
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
            host="127.0.0.1",
        )
        async with listener:
            yield listener.sockets[0].getsockname()[1]

    async def exchange(self, port: int, raw: bytes) -> bytes:
        """What comes back until the server closes, or an answer to a last, plain request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), timeout=10)
        writer.close()
        await writer.wait_closed()
        return answer

    async def test_x03_an_unclear_length_is_refused_and_nothing_is_smuggled(
        self, server: Server
    ) -> None:
        inner = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Request-Id: smuggled-inside\r\n\r\n"
        head = b"POST /auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        chunk = b"0\r\n\r\n"
        requests = {
            "both": head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
            "both, other order": head
            + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
            + chunk,
            "two lengths": head + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
            "a list of lengths": head + b"Content-Length: 2, 2\r\n\r\n{}",
            "a signed length": head + b"Content-Length: +2\r\n\r\n{}",
            "a hidden coding": head + b"Transfer-Encoding: xchunked\r\n\r\n" + chunk,
            "a coding with a space": head + b"Transfer-Encoding : chunked\r\n\r\n" + chunk,
            "a folded coding": head
            + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n"
            + chunk,
            "a bad chunk": head + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n" + chunk,
        }
        async with self.listening(server) as port:
            for case, raw in requests.items():
                answer = await self.exchange(port, raw + inner)
                assert b"smuggled-inside" not in answer, case
                assert answer.startswith(b"HTTP/1.1 400 "), case
                assert answer.count(b"HTTP/1.1") == 1, case

    async def test_the_real_server_shows_no_banner_and_no_answer_to_trace(
        self, server: Server
    ) -> None:
        async with self.listening(server) as port:
            raw = b"TRACE /health/live HTTP/1.1\r\nHost: x\r\nX-Canary: hunter2\r\n\r\n"
            answer = (await self.exchange(port, raw)).lower()
            assert answer.startswith(b"http/1.1 405 ")
            assert b"hunter2" not in answer
            assert b"\r\nserver:" not in answer
