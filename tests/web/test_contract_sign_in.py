"""The wire contract of signing up and in: shapes, transports, cookies, tokens, limits, locks."""

import asyncio
import json
import threading
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import bcrypt
import httpx2
import pytest

from tests.driving import PASSWORD, Server, require_counters_in_the_database, serving
from tests.web.contract import (
    GRANT,
    SESSION,
    USER,
    accepted,
    change_rows,
    events,
    fields_of,
    refused,
    rows,
    set_cookies,
)
from watchword.adapters.argon2 import Argon2Hasher, Argon2Parameters
from watchword.crypto.keys import Algorithm
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.ports import Allowance, RequestTrace
from watchword.settings import SessionLimit

pytestmark = pytest.mark.every_store

WRONG = "horse battery staple correct"
ADA = "ada@example.com"
MAX_AGE = 30 * 24 * 3_600


async def register(server: Server, **fields: object) -> httpx2.Response:
    return await server.client().post("/auth/register", json=fields)


async def login(
    server: Server, email: object = ADA, password: object = PASSWORD, **more: Any
) -> httpx2.Response:
    client = server.client(more.pop("ip", "198.51.100.7"))
    return await client.post("/auth/login", json={"email": email, "password": password, **more})


def claims(token: str, part: int = 1) -> dict[str, Any]:
    segment = token.split(".")[part]
    content: dict[str, Any] = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return content


class TestRegister:
    async def test_makes_a_plain_user_and_signs_nobody_in(self, server: Server) -> None:
        answer = await register(server, email="Ada@Example.com", password=PASSWORD, name=" Ada ")
        user = accepted(answer, 201, "message", "user")["user"]
        assert set(user) == USER
        assert {k: v for k, v in user.items() if k != "id"} == {
            "email": "Ada@example.com",
            "name": "Ada",
            "role": "user",
            "emailVerified": False,
            "mfaEnabled": False,
            "createdAt": "2027-01-15T08:00:00Z",
        }
        assert set_cookies(answer) == {}
        assert rows(server, "SELECT count(*) FROM sessions") == [(0,)]

    async def test_the_name_may_be_left_out(self, server: Server) -> None:
        assert (await register(server, email=ADA, password=PASSWORD)).json()["user"]["name"] == ""

    @pytest.mark.parametrize("field", ["role", "isAdmin", "id", "emailVerified", "passwordHash"])
    async def test_an_unknown_field_is_named(self, field: str, server: Server) -> None:
        answer = await register(server, email=ADA, password=PASSWORD, **{field: "admin"})
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == [field]
        assert rows(server, "SELECT count(*) FROM users") == [(0,)]

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({}, ["email", "password"]),
            (
                {"email": 5, "password": None, "name": [], "x": 1},
                ["email", "name", "password", "x"],
            ),
            (
                {"email": "nobody", "password": "short", "name": "\u202eadA"},
                ["email", "name", "password"],
            ),
        ],
    )
    async def test_every_field_at_fault_is_named_at_once(
        self, fields: dict[str, object], named: list[str], server: Server
    ) -> None:
        problem = refused(await register(server, **fields), 422, "VALIDATION_FAILED")
        assert fields_of(problem) == named

    @pytest.mark.parametrize(
        ("password", "code"),
        [
            ("elevenchars", "PASSWORD_TOO_SHORT"),
            ("correcthorsebatterystaple", "PASSWORD_BLOCKED"),
            ("watchword-watchword", "PASSWORD_BLOCKED"),
            ("ada@example.com", "PASSWORD_BLOCKED"),
            ("ä" * 513, "VALIDATION_FAILED"),
        ],
    )
    async def test_a_password_at_fault_has_a_code_of_its_own(
        self, password: str, code: str, server: Server
    ) -> None:
        answer = await register(server, email=ADA, password=password)
        assert fields_of(refused(answer, 422, code)) == ["password"]

    @pytest.mark.parametrize("password", ["twelve chars", "é" * 512, "😀" * 12, "  s p a c e  "])
    async def test_a_password_within_the_limits_is_taken_whatever_it_is_made_of(
        self, password: str, server: Server
    ) -> None:
        accepted(await register(server, email=ADA, password=password), 201, "message", "user")
        assert (await login(server, password=password)).status_code == 200

    async def test_a_taken_address_is_a_conflict_in_every_spelling(self, server: Server) -> None:
        await server.register()
        for spelling in (ADA, "ADA@EXAMPLE.COM", " ada@example.com. "):
            answer = await register(server, email=spelling, password=PASSWORD)
            refused(answer, 409, "CONFLICT")


class TestLogin:
    @pytest.mark.parametrize("transport", [None, "cookie", "body", "session"])
    async def test_the_transport_says_what_is_given_to_hold(
        self, transport: str | None, server: Server
    ) -> None:
        await server.register()
        chosen = {} if transport is None else {"transport": transport}
        answer = await login(server, **chosen)
        shown = {"message", "user", "session"}
        keys = {
            "body": GRANT | shown | {"refreshToken"},
            "session": shown,
        }.get(transport or "cookie", GRANT | shown)
        content = accepted(answer, 200, *keys)
        assert set(content["user"]) == USER
        assert set(content["session"]) == SESSION
        assert content["session"]["amr"] == ["pwd"]
        if transport != "session":
            assert (content["tokenType"], content["expiresIn"]) == ("Bearer", 300)
        names = {"cookie": {"refreshToken", "device"}, "session": {"session", "device"}, "body": {}}
        assert set(set_cookies(answer)) == set(names[transport or "cookie"])

    @pytest.mark.parametrize(
        ("public_url", "prefix", "secure"),
        [("http://localhost:8000", "", set()), ("https://a.example", "__Host-", {"Secure"})],
    )
    async def test_cookies_are_narrow_and_bound_to_the_host_on_https(
        self, public_url: str, prefix: str, secure: set[str], tmp_path: Path
    ) -> None:
        shared = {"Path=/", "HttpOnly"} | secure
        async with serving(tmp_path, public_url=public_url) as server:
            await server.register()
            found = set_cookies(await login(server)) | set_cookies(
                await login(server, transport="session")
            )
        assert {name: cookie.attributes for name, cookie in found.items()} == {
            f"{prefix}refreshToken": shared | {"SameSite=Strict", f"Max-Age={MAX_AGE}"},
            f"{prefix}session": shared | {"SameSite=Lax", f"Max-Age={MAX_AGE}"},
            f"{prefix}device": shared | {"SameSite=Strict", f"Max-Age={400 * 24 * 3_600}"},
        }
        assert all(len(cookie.value) < 512 for cookie in found.values())

    @pytest.mark.parametrize("transport", ["cookie", "session"])
    async def test_not_to_be_remembered_is_a_browser_session_of_a_day(
        self, transport: str, server: Server
    ) -> None:
        await server.register()
        answer = await login(server, transport=transport, remember=False)
        name = "refreshToken" if transport == "cookie" else "session"
        assert set_cookies(answer)[name].max_age is None
        assert answer.json()["session"]["expiresAt"] == "2027-01-16T08:00:00Z"

    async def test_not_to_be_remembered_stays_so_when_it_is_refreshed(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in(transport="cookie", remember=False)
        server.clock.advance(DAY - 1)
        answer = await holder.client.post("/auth/refresh", json={})
        assert set_cookies(answer)["refreshToken"].max_age is None
        server.clock.advance(1)
        refused(await holder.client.post("/auth/refresh", json={}), 401, "SESSION_EXPIRED")

    async def test_second_factor_fields_say_nothing_without_a_second_factor(
        self, server: Server
    ) -> None:
        await server.register()
        assert (await login(server, mfaCode="123456", trustDevice=True)).status_code == 200

    async def test_what_is_not_right_is_named(self, server: Server) -> None:
        answer = await login(server, 1, [], transport="pigeon", remember="yes", hint="x")
        problem = refused(answer, 422, "VALIDATION_FAILED")
        assert fields_of(problem) == ["email", "hint", "password", "remember", "transport"]

    async def test_each_refusal_of_a_person_is_the_same_answer(self, server: Server) -> None:
        """A wrong password, an unknown address, and an account that has no password."""
        await server.register()
        await server.register("sso@example.com")
        await change_rows(
            server, "UPDATE users SET password_hash = NULL WHERE email_key LIKE 'sso@%'"
        )
        tries = [(ADA, WRONG), ("nobody@example.com", PASSWORD), ("sso@example.com", PASSWORD)]
        told = []
        for email, password in tries:
            answer = await login(server, email, password)
            problem = refused(answer, 401, "INVALID_CREDENTIALS")
            headers = {k: v for k, v in answer.headers.items() if k != "x-request-id"}
            told.append(({**problem, "requestId": ""}, headers))
        assert told == [told[0]] * 3

    async def test_a_disabled_account_is_told_of_only_after_the_right_password(
        self, server: Server
    ) -> None:
        await server.register()
        await change_rows(server, "UPDATE users SET status = 'disabled'")
        refused(await login(server, password=WRONG), 401, "INVALID_CREDENTIALS")
        refused(await login(server), 403, "ACCOUNT_DISABLED")
        assert rows(server, "SELECT count(*) FROM sessions") == [(0,)]

    async def test_a_browser_that_was_signed_in_gives_its_session_up(self, server: Server) -> None:
        await server.register()
        first = await server.sign_in(transport="cookie")
        answer = await first.client.post("/auth/login", json={"email": ADA, "password": PASSWORD})
        assert answer.json()["session"]["id"] != first.session_id
        refused(await first.get("/profile"), 401, "SESSION_REVOKED")


class TestTheAccessToken:
    async def test_says_who_acts_in_which_session_until_when(self, server: Server) -> None:
        person = await server.register()
        holder = await server.sign_in()
        assert set(claims(holder.access, 0)) == {"alg", "kid", "typ"}
        content = claims(holder.access)
        jti = content.pop("jti")
        now = server.clock.now() // SECOND
        assert jti
        assert content == {
            "iss": "http://localhost:8000",
            "aud": "http://localhost:8000",
            "sub": person.user["id"],
            "sid": holder.session_id,
            "iat": now,
            "exp": now + 300,
            "role": "user",
            "gen": 1,
            "amr": ["pwd"],
        }

    @pytest.mark.parametrize("algorithm", Algorithm)
    async def test_is_signed_as_configured(self, algorithm: Algorithm, tmp_path: Path) -> None:
        async with serving(
            tmp_path, signing_algorithm=algorithm, audience="api", access_token_ttl=MINUTE
        ) as server:
            await server.register()
            holder = await server.sign_in()
            header = claims(holder.access, 0)
            assert (header["alg"], header["typ"]) == (algorithm.value, "at+jwt")
            assert claims(holder.access)["aud"] == "api"
            assert holder.answer["expiresIn"] == 60
            assert (await holder.get("/profile")).status_code == 200
            published = (await server.client().get("/.well-known/jwks.json")).json()["keys"]
            known = {key["kid"] for key in published}
            assert header["kid"] in known or algorithm is Algorithm.HS256
            assert len(known) == (0 if algorithm is Algorithm.HS256 else 2)

    async def test_ends_to_the_second_without_leeway(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        server.clock.advance(5 * MINUTE - 1)
        assert (await holder.get("/profile")).status_code == 200
        server.clock.advance(1)
        refused(await holder.get("/profile"), 401, "TOKEN_EXPIRED")


class TestStoredPasswords:
    async def test_a_hash_is_upgraded_when_its_parameters_are_of_yesterday(
        self, server: Server
    ) -> None:
        await server.register()
        other = Argon2Hasher(Argon2Parameters(memory=16, passes=1, lanes=1), server.core.pool)
        encoded = await other.hash(PASSWORD)
        await change_rows(server, "UPDATE users SET password_hash = :hash", hash=encoded)
        await server.sign_in()
        [(stored,)] = rows(server, "SELECT password_hash FROM users")
        assert stored != encoded
        assert "$m=8,t=1,p=1$" in stored
        assert events(server)[-1].type == "credential.password_upgraded"
        before = events(server)
        await server.sign_in()
        assert rows(server, "SELECT password_hash FROM users") == [(stored,)]
        assert [event.type for event in events(server)[len(before) :]] == ["session.signed_in"]

    async def test_an_imported_bcrypt_hash_signs_in_and_is_replaced(self, server: Server) -> None:
        await server.register()
        imported = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        await change_rows(server, "UPDATE users SET password_hash = :hash", hash=imported)
        refused(await login(server, password=WRONG), 401, "INVALID_CREDENTIALS")
        assert rows(server, "SELECT password_hash FROM users") == [(imported,)]
        await server.sign_in()
        [(stored,)] = rows(server, "SELECT password_hash FROM users")
        assert stored.startswith("$argon2id$")
        await server.sign_in()


class TestTheLimitPerClient:
    async def test_the_sixth_attempt_waits_and_another_address_does_not(
        self, tmp_path: Path
    ) -> None:
        async with serving(tmp_path) as server:
            for number in range(5):
                answer = await login(server, f"nobody{number}@example.com")
                refused(answer, 401, "INVALID_CREDENTIALS")
            server.clock.advance(MINUTE)
            answer = await login(server)
            refused(answer, 429, "RATE_LIMITED")
            assert answer.headers["retry-after"] == "540"
            assert answer.headers["ratelimit-limit"] == "5"
            refused(await login(server, ip="203.0.113.9"), 401, "INVALID_CREDENTIALS")
            server.clock.advance(9 * MINUTE)
            refused(await login(server), 401, "INVALID_CREDENTIALS")

    async def test_a_success_takes_back_what_was_counted_for_that_account_alone(
        self, tmp_path: Path
    ) -> None:
        async with serving(tmp_path, lockout_policy=None) as server:
            await server.register()
            await login(server, "bob@example.com")
            for _ in range(3):
                await login(server, password=WRONG)
            assert (await login(server)).status_code == 200
            for _ in range(4):
                refused(await login(server, "bob@example.com"), 401, "INVALID_CREDENTIALS")
            refused(await login(server), 429, "RATE_LIMITED")

    async def test_all_calls_of_auth_have_one_limit_but_for_signing_out_and_forward_auth(
        self, tmp_path: Path
    ) -> None:
        async with serving(tmp_path, limit_auth=Allowance(5, 15 * MINUTE)) as server:
            await server.register()
            holder = await server.sign_in()  # one
            names = ("register", "refresh", "setup", "login")
            for name in names:
                answer = await holder.client.post(f"/auth/{name}", json={})
                assert answer.status_code != 429
            for name in names:
                answer = await holder.client.post(f"/auth/{name}", json={})
                refused(answer, 429, "RATE_LIMITED")
            for name in ("logout-all", "change-password", "reauthenticate"):
                refused(await holder.post(f"/auth/{name}"), 429, "RATE_LIMITED")
            refused(await holder.get("/auth/csrf"), 429, "RATE_LIMITED")
            assert (await holder.client.post("/auth/logout", json={})).status_code == 200
            assert (await holder.get("/auth/verify")).status_code == 204
            assert (await holder.get("/profile")).status_code == 200
            server.clock.advance(15 * MINUTE)
            assert (await holder.refresh()).status_code == 200

    def test_the_limits_are_those_of_the_contract(self, server: Server) -> None:
        settings = server.core.settings
        assert settings.limit_sign_in == Allowance(5, 10 * MINUTE)
        assert settings.limit_auth == Allowance(100, 15 * MINUTE)
        assert settings.lockout_policy == LockoutPolicy(5, 15 * MINUTE)


class TestTheLock:
    @pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
    async def test_the_fifth_failure_is_still_401_and_then_nothing_is_right(
        self, email: str, tmp_path: Path
    ) -> None:
        async with serving(tmp_path, limit_sign_in=None) as server:
            await server.register()
            for _ in range(5):
                refused(await login(server, email, WRONG), 401, "INVALID_CREDENTIALS")
            for password in (WRONG, PASSWORD):
                answer = await login(server, email.upper(), password)
                refused(answer, 429, "TOO_MANY_ATTEMPTS")
                assert answer.headers["retry-after"] == "900"
            server.clock.advance(15 * MINUTE)
            assert (await login(server, email)).status_code == (200 if email == ADA else 401)

    async def test_failures_count_over_every_door(self, tmp_path: Path) -> None:
        async with serving(tmp_path, limit_sign_in=None) as server:
            await server.register()
            holder = await server.sign_in()
            change = {"currentPassword": WRONG, "newPassword": "a new one for ada"}
            for _ in range(2):
                refused(await login(server, password=WRONG), 401, "INVALID_CREDENTIALS")
                answer = await holder.post("/auth/reauthenticate", json={"password": WRONG})
                refused(answer, 403, "INVALID_CREDENTIALS")
            answer = await holder.post("/auth/change-password", json=change)
            refused(answer, 403, "INVALID_CREDENTIALS")
            refused(await login(server), 429, "TOO_MANY_ATTEMPTS")
            answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
            refused(answer, 429, "TOO_MANY_ATTEMPTS")
            assert (await holder.get("/profile")).status_code == 200

    async def test_a_success_starts_the_count_again(self, tmp_path: Path) -> None:
        async with serving(tmp_path, limit_sign_in=None) as server:
            await server.register()
            for _ in range(3):
                for _ in range(4):
                    refused(await login(server, password=WRONG), 401, "INVALID_CREDENTIALS")
                assert (await login(server)).status_code == 200

    async def test_a_hundred_failures_in_a_row_disable_the_password(self, server: Server) -> None:
        require_counters_in_the_database(server.core)
        await server.register()
        refused(await login(server, password=WRONG), 401, "INVALID_CREDENTIALS")
        await change_rows(server, "UPDATE lockouts SET consecutive = 100")
        refused(await login(server), 401, "INVALID_CREDENTIALS")

    async def test_off_turns_the_whole_rule_off(self, tmp_path: Path) -> None:
        async with serving(tmp_path, limit_sign_in=None, lockout_policy=None) as server:
            await server.register()
            for _ in range(8):
                refused(await login(server, password=WRONG), 401, "INVALID_CREDENTIALS")
            assert (await login(server)).status_code == 200


class TestTheNumberOfSessions:
    async def test_above_it_the_oldest_gives_way(self, tmp_path: Path) -> None:
        async with serving(tmp_path, max_sessions=2) as server:
            await server.register()
            holders = []
            for _ in range(3):
                holders.append(await server.sign_in())
                server.clock.advance(SECOND)
            refused(await holders[0].get("/profile"), 401, "SESSION_REVOKED")
            for holder in holders[1:]:
                assert (await holder.get("/profile")).status_code == 200

    async def test_it_refuses_the_newest_when_set_so(self, tmp_path: Path) -> None:
        async with serving(tmp_path, max_sessions=2, session_limit=SessionLimit.REJECT) as server:
            await server.register()
            first = await server.sign_in()
            await server.sign_in()
            refused(await login(server), 409, "SESSION_LIMIT")
            assert (await first.post("/auth/logout")).status_code == 200
            assert (await login(server)).status_code == 200

    async def test_it_is_ten(self, server: Server) -> None:
        assert server.core.settings.max_sessions == 10


class TestSetup:
    @staticmethod
    async def complete(server: Server, token: str, **more: Any) -> httpx2.Response:
        body = {"token": token, "email": "root@example.com", "password": PASSWORD, **more}
        return await server.client().post("/auth/setup", json=body)

    async def test_makes_the_first_administrator_and_signs_them_in(self, server: Server) -> None:
        token = await server.core.services.setup.make_link(RequestTrace())
        answer = await self.complete(server, token, transport="body")
        content = accepted(answer, 200, *GRANT, "user", "session", "refreshToken")
        assert content["user"]["role"] == "admin"
        again = await self.complete(server, token, email="other@example.com")
        refused(again, 400, "INVALID_OR_EXPIRED_LINK")
        assert rows(server, "SELECT count(*) FROM links") == [(0,)]

    async def test_the_link_is_good_for_an_hour(self, server: Server) -> None:
        token = await server.core.services.setup.make_link(RequestTrace())
        server.clock.advance(HOUR)
        refused(await self.complete(server, token), 400, "INVALID_OR_EXPIRED_LINK")
        token = await server.core.services.setup.make_link(RequestTrace())
        server.clock.advance(HOUR - 1)
        assert (await self.complete(server, token)).status_code == 200

    async def test_a_newer_link_replaces_the_one_before(self, server: Server) -> None:
        first = await server.core.services.setup.make_link(RequestTrace())
        second = await server.core.services.setup.make_link(RequestTrace())
        refused(await self.complete(server, first), 400, "INVALID_OR_EXPIRED_LINK")
        assert (await self.complete(server, second)).status_code == 200

    async def test_it_opens_nothing_where_there_is_an_administrator(self, server: Server) -> None:
        token = await server.core.services.setup.make_link(RequestTrace())
        await server.register_admin("first@example.com")
        refused(await self.complete(server, token), 400, "INVALID_OR_EXPIRED_LINK")

    async def test_what_is_refused_leaves_the_link_usable(self, server: Server) -> None:
        await server.register("taken@example.com")
        token = await server.core.services.setup.make_link(RequestTrace())
        answer = await self.complete(server, token, email="x", password="short")
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["email", "password"]
        refused(await self.complete(server, token, email="taken@example.com"), 409, "CONFLICT")
        assert (await self.complete(server, token)).status_code == 200


class TestTheHashingQueue:
    async def test_when_it_is_full_the_answer_is_busy_at_once(self, tmp_path: Path) -> None:
        async with serving(tmp_path, hash_threads=1, hash_queue=1) as server:
            await server.register()
            release = threading.Event()
            pool = server.core.pool
            taken = [asyncio.create_task(pool.run(release.wait)) for _ in range(2)]
            await asyncio.sleep(0)
            try:
                answer = await login(server)
            finally:
                release.set()
                await asyncio.gather(*taken)
            refused(answer, 503, "BUSY")
            assert (await login(server)).status_code == 200
