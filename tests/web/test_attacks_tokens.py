"""Tokens that are forged, swapped, misplaced or long dead open nothing (catalogue J, R, S16)."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.driving import PASSWORD, Holder, Server
from tests.web.contract import events, rows
from tests.web.raw import AS_JSON, Reply, ask, bearer, statements
from watchword.crypto.keys import Algorithm, SigningKey
from watchword.domain.time import DAY, MINUTE, SECOND
from watchword.ports import RequestTrace

INVALID = (401, "TOKEN_INVALID")
MISSING = (401, "TOKEN_MISSING")
EXPIRED = (401, "TOKEN_EXPIRED")
REVOKED = (401, "SESSION_REVOKED")
REUSED = (401, "TOKEN_REUSED")


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(token: str, number: int) -> Any:
    text = token.split(".")[number]
    return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def sign(header: str | bytes, payload: str | bytes, key: SigningKey) -> str:
    """A genuine signature over whatever is written here."""
    texts = [part if isinstance(part, bytes) else part.encode() for part in (header, payload)]
    signing_input = f"{b64(texts[0])}.{b64(texts[1])}"
    return f"{signing_input}.{b64(key.sign(signing_input.encode()))}"


async def signing_key(server: Server) -> SigningKey:
    return (await server.core.services.keyring.keys()).signing


async def verdicts(server: Server, tokens: dict[str, str]) -> dict[str, tuple[int, str | None]]:
    answers = {}
    for name, token in tokens.items():
        answer = await ask(server, "GET", "/profile", headers=[bearer(token)])
        answers[name] = answer.verdict
    return answers


async def refused_at_no_cost(server: Server, tokens: dict[str, str]) -> None:
    """Every one of them is 401, without a question to the database."""
    await ask(server, "GET", "/profile", headers=[bearer("the.first.one")])  # reads the keys
    with statements(server) as asked:
        assert await verdicts(server, tokens) == dict.fromkeys(tokens, INVALID)
    assert asked == []


async def refresh(server: Server, token: str, *headers: tuple[str, str]) -> Reply:
    body = json.dumps({"refreshToken": token}).encode()
    return await ask(server, "POST", "/auth/refresh", headers=[AS_JSON, *headers], body=body)


@pytest.fixture
async def ada(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


@pytest.fixture
async def eve(server: Server) -> Holder:
    await server.register("eve@example.com")
    return await server.sign_in("eve@example.com", ip="203.0.113.66")


class TestWhereATokenIsReadFrom:
    async def test_j20_no_other_place_than_the_authorization_header_is_looked_at(
        self, server: Server, ada: Holder
    ) -> None:
        token = ada.access.encode()
        elsewhere = {
            "query": await ask(server, "GET", "/profile", query=b"access_token=" + token),
            "sid": await ask(server, "GET", "/profile", query=b"sid=" + token),
            "cookie": await ask(
                server, "GET", "/profile", headers=[("cookie", b"access_token=" + token)]
            ),
            "x-access-token": await ask(
                server, "GET", "/profile", headers=[("x-access-token", token)]
            ),
            "form": await ask(
                server,
                "GET",
                "/profile",
                headers=[("content-type", "application/x-www-form-urlencoded")],
                body=b"access_token=" + token,
            ),
        }
        assert {name: answer.verdict for name, answer in elsewhere.items()} == dict.fromkeys(
            elsewhere, MISSING
        )

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/profile"), ("POST", "/auth/logout"), ("POST", "/auth/refresh")],
    )
    async def test_j20_two_authorization_headers_are_malformed(
        self, server: Server, ada: Holder, method: str, path: str
    ) -> None:
        headers = [AS_JSON, bearer(ada.access), bearer(ada.access)]
        answer = await ask(server, method, path, headers=headers)
        assert answer.verdict == (400, "MALFORMED")
        assert (await ada.get("/profile")).status_code == 200

    async def test_j20_the_scheme_has_no_case_and_one_space(
        self, server: Server, ada: Holder
    ) -> None:
        written = {
            "Bearer {}": (200, None),
            "bearer {}": (200, None),
            "BEARER {}": (200, None),
            "Bearer  {}": INVALID,
            "Bearer\t{}": INVALID,
            " Bearer {}": INVALID,
            "Bearer {} ": INVALID,
            "Bearer {},Bearer {}": INVALID,
            "Bearer": INVALID,
            "Bearer ": INVALID,
            "": INVALID,
            "{}": INVALID,
            "Basic {}": INVALID,
            "DPoP {}": INVALID,
            "Bearer=\u00e9{}": INVALID,
        }
        answers = {
            text: (
                await ask(
                    server,
                    "GET",
                    "/profile",
                    headers=[("authorization", text.format(ada.access, ada.access))],
                )
            ).verdict
            for text in written
        }
        assert answers == written

    async def test_j20_a_bad_bearer_token_is_not_made_good_by_a_session_cookie(
        self, server: Server
    ) -> None:
        await server.register()
        holder = await server.sign_in(transport="session")
        assert (await holder.get("/profile")).status_code == 200
        answer = await holder.get("/profile", headers={"Authorization": "Bearer no.such.token"})
        assert answer.json()["code"] == "TOKEN_INVALID"


class TestForgedAccessTokens:
    async def test_j01_j02_j03_j04_j07_j08_a_header_cannot_choose_the_key_or_the_algorithm(
        self, server: Server, ada: Holder
    ) -> None:
        kid, payload = part(ada.access, 0)["kid"], json.dumps(part(ada.access, 1))
        key, own = await signing_key(server), SigningKey.generate(Algorithm.EDDSA, kid)
        jwk = (await ask(server, "GET", "/.well-known/jwks.json")).json()["keys"][0]

        def header(**members: object) -> str:
            return json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, **members})

        unsigned = f"{b64(payload.encode())}."
        await refused_at_no_cost(
            server,
            {
                **{
                    f"alg {name}": f"{b64(header(alg=name).encode())}.{unsigned}"
                    for name in ("none", "None", "nOnE", "")
                },
                "another key": sign(header(), payload, own),
                "own jwk": sign(header(jwk=own.public_jwk()), payload, own),
                "our jwk": sign(header(jwk=jwk), payload, key),
                "jku": sign(header(jku="http://127.0.0.1:1/jwks.json"), payload, key),
                "x5u": sign(header(x5u="http://127.0.0.1:1/cert"), payload, key),
                "x5c": sign(header(x5c=["MIIB"]), payload, key),
                "crit": sign(header(crit=["x"]), payload, key),
                "empty crit": sign(header(crit=[]), payload, key),
                "b64": sign(header(crit=["b64"], b64=False), payload, key),
                **{
                    f"{name} with a key of EdDSA": sign(header(alg=name), payload, key)
                    for name in ("HS256", "ES256", "RS256", "PS256", "Ed25519", "eddsa", "EDDSA")
                },
                "no alg": sign(json.dumps({"typ": "at+jwt", "kid": kid}), payload, key),
            },
        )

    async def test_j05_a_kid_is_a_name_and_nothing_else(self, server: Server, ada: Holder) -> None:
        key, payload = await signing_key(server), json.dumps(part(ada.access, 1))
        kids: dict[str, object] = {
            "path": "../../../dev/null",
            "statement": "' OR 1=1--",
            "long": "k" * 4_000,
            "number": 1,
            "none": None,
            "list": [part(ada.access, 0)["kid"]],
            "empty": "",
            "nul": "k\0",
            "newline": part(ada.access, 0)["kid"] + "\n",
            "unknown": "k" * 32,
            "too long": "k" * 10_000,
        }
        await refused_at_no_cost(
            server,
            {
                name: sign(json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}), payload, key)
                for name, kid in kids.items()
            },
        )

    async def test_j05_the_key_of_a_retired_kid_signs_nothing_any_more(
        self, server: Server, ada: Holder
    ) -> None:
        """A process that has been running all the while has to notice the moment by itself."""
        stolen, header = await signing_key(server), json.dumps(part(ada.access, 0))
        claims = part(ada.access, 1)
        await server.core.services.keyring.rotate(RequestTrace())
        assert (await ada.get("/profile")).status_code == 200
        server.clock.advance(6 * MINUTE)  # the life of a token, and a while for the news
        now = server.clock.now() // SECOND
        forged = sign(header, json.dumps({**claims, "iat": now, "exp": now + 300}), stolen)
        assert await verdicts(server, {"forged": forged}) == {"forged": INVALID}
        published = (await ask(server, "GET", "/.well-known/jwks.json")).json()["keys"]
        assert stolen.kid not in {key["kid"] for key in published}
        assert (await ada.refresh()).status_code == 200
        assert (await ada.get("/profile")).status_code == 200

    async def test_j06_a_thousand_unknown_kids_cost_nothing(
        self, server: Server, ada: Holder
    ) -> None:
        key, payload = await signing_key(server), json.dumps(part(ada.access, 1))
        tokens = {
            str(n): sign(
                json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": f"k{n}"}), payload, key
            )
            for n in range(1_000)
        }
        await refused_at_no_cost(server, tokens)

    async def test_j10_no_other_token_of_ours_stands_in_for_an_access_token(
        self, server: Server, ada: Holder
    ) -> None:
        await server.register_admin()
        admin = await server.sign_in("root@example.com")
        browser = await server.sign_in(transport="session")
        cursor = (await admin.get("/users?limit=1")).json()["nextCursor"]
        assert cursor is not None
        key, kid, payload = (
            await signing_key(server),
            part(ada.access, 0)["kid"],
            part(ada.access, 1),
        )

        def typed(**members: object) -> str:
            return sign(
                json.dumps({"alg": "EdDSA", "kid": kid, **members}), json.dumps(payload), key
            )

        assert await verdicts(server, {"well typed": typed(typ="at+jwt")}) == {
            "well typed": (200, None)
        }
        await refused_at_no_cost(
            server,
            {
                "refresh token": ada.refresh_token,
                "session cookie": str(browser.client.cookies["session"]),
                "device cookie": str(browser.client.cookies["device"]).strip('"'),
                "csrf token": (await browser.get("/auth/csrf")).json()["csrfToken"],
                "cursor": cursor,
                "no type": typed(),
                "empty type": typed(typ=""),
                **{
                    f"typ {name}": typed(typ=name)
                    for name in (
                        "JWT",
                        "jwt",
                        "AT+JWT",
                        "application/at+jwt",
                        "logout+jwt",
                        "rt+jwt",
                    )
                },
            },
        )

    async def test_j11_j12_j13_j18_claims_are_exactly_ours(
        self, server: Server, ada: Holder
    ) -> None:
        key, header = await signing_key(server), json.dumps(part(ada.access, 0))
        claims = part(ada.access, 1)

        def with_(**changed: object) -> str:
            return sign(header, json.dumps({**claims, **changed}), key)

        def written(name: str, value: str) -> str:
            text = json.dumps(claims).replace(json.dumps(claims[name]), value, 1)
            return sign(header, text, key)

        without = {
            f"no {name}": sign(
                header, json.dumps({k: v for k, v in claims.items() if k != name}), key
            )
            for name in claims
        }
        twice = json.dumps(claims)[:-1] + ', "sub": "someone-else"}'
        await refused_at_no_cost(
            server,
            {
                **without,
                "other audience": with_(aud="https://other.example"),
                "audience in a list": with_(aud=[claims["aud"], "https://other.example"]),
                "other issuer": with_(iss="https://other.example"),
                "issuer with a slash": with_(iss=claims["iss"] + "/"),
                "sub twice": sign(header, twice, key),
                "alg twice": sign(header[:-1] + ', "alg": "EdDSA"}', json.dumps(claims), key),
                "exp text": with_(exp=str(claims["exp"])),
                "exp true": with_(exp=True),
                "exp null": with_(exp=None),
                "exp list": with_(exp=[]),
                "exp negative": with_(exp=-1),
                "exp float": with_(exp=claims["exp"] + 0.5),
                "exp 10**30": with_(exp=10**30),
                "exp NaN": written("exp", "NaN"),
                "exp Infinity": written("exp", "Infinity"),
                "exp 1e400": written("exp", "1e400"),
                "exp of a year": with_(exp=claims["iat"] + 31_536_000),
                "issued later": with_(iat=claims["iat"] + 1),
                "not before later": with_(nbf=claims["iat"] + 1),
                "sub number": with_(sub=1),
                "sub list": with_(sub=[claims["sub"]]),
                "sub surrogate": with_(sub="\ud800"),
                "role list": with_(role=["admin"]),
                "sid empty": with_(sid=""),
                "gen text": with_(gen="1"),
                "amr text": with_(amr="pwd"),
                "payload list": sign(header, b"[1]", key),
                "payload text": sign(header, b'"admin"', key),
                "payload nothing": sign(header, b"", key),
                "payload with a mark": sign(
                    header, b"\xef\xbb\xbf" + json.dumps(claims).encode(), key
                ),
            },
        )

    async def test_j18_a_genuine_token_with_another_role_or_user_in_it_opens_no_more(
        self, server: Server, ada: Holder, eve: Holder
    ) -> None:
        """Even with the key in hand: who somebody is, and what they may, the store says."""
        key, header = await signing_key(server), json.dumps(part(ada.access, 0))
        claims = part(ada.access, 1)
        forged = sign(
            header, json.dumps({**claims, "role": "admin", "sub": part(eve.access, 1)["sub"]}), key
        )
        profile = await ask(server, "GET", "/profile", headers=[bearer(forged)])
        assert profile.json()["user"]["email"] == "ada@example.com"
        assert profile.json()["user"]["role"] == "user"
        users = await ask(server, "GET", "/users", headers=[bearer(forged)])
        assert users.verdict == (403, "FORBIDDEN")

    async def test_j14_a_token_is_good_until_the_millisecond_of_its_end(
        self, server: Server, ada: Holder
    ) -> None:
        server.clock.advance(5 * MINUTE - 1)
        assert (await ada.get("/profile")).status_code == 200
        server.clock.advance(1)
        assert (await ada.get("/profile")).json()["code"] == "TOKEN_EXPIRED"

    async def test_j15_j16_a_token_has_one_spelling(self, server: Server, ada: Holder) -> None:
        token = ada.access
        header, payload, signature = token.split(".")
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        spare = last[last.index(signature[-1]) ^ 1]
        assert (await ada.get("/profile")).status_code == 200
        await refused_at_no_cost(
            server,
            {
                "padding": token + "=",
                "paddings": f"{header}=.{payload}=.{signature}==",
                "space within": f"{header}. {payload}.{signature}",
                "space after": token + " ",
                "newline": token + "\n",
                "plus and slash": f"{header}.{payload}.{signature[:-2]}+/",
                "spare bits": token[:-1] + spare,
                "shorter": token[:-1],
                "longer": token + "A",
                "two parts": f"{header}.{payload}",
                "four parts": token + ".",
                "five parts": f"{token}.{payload}.{signature}",
                "empty parts": "..",
                "no header": f".{payload}.{signature}",
                "no signature": f"{header}.{payload}.",
                "a byte order mark": "\u00ef\u00bb\u00bf" + token,
                "JSON": json.dumps({"payload": payload, "signatures": [{"protected": header}]}),
            },
        )

    async def test_j15_a_revoked_token_stays_revoked_in_every_spelling(
        self, server: Server, ada: Holder
    ) -> None:
        assert (await ada.post("/auth/logout")).status_code == 200
        tokens = {"itself": ada.access, "padded": ada.access + "=", "spaced": ada.access + " "}
        answers = await verdicts(server, tokens)
        assert answers == {"itself": REVOKED, "padded": INVALID, "spaced": INVALID}

    async def test_j17_j19_a_huge_or_deep_token_is_refused_unread(
        self, server: Server, ada: Holder
    ) -> None:
        key, header = await signing_key(server), json.dumps(part(ada.access, 0))
        claims = json.dumps(part(ada.access, 1))
        await refused_at_no_cost(
            server,
            {
                "a megabyte": "e" * 1_000_000,
                "a megabyte of dots": "." * 1_000_000,
                "a deep payload": sign(header, "[" * 50_000 + "]" * 50_000, key),
                "a rather deep payload": sign(header, "[" * 2_000 + "]" * 2_000, key),
                "a deep claim": sign(
                    header, claims[:-1] + ', "x": ' + "[" * 1_000 + "]" * 1_000 + "}", key
                ),
                "a long number": sign(header, claims[:-1] + ', "x": ' + "9" * 5_000 + "}", key),
                "an encrypted token": "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJwMmMiOjk5OTk5OTk5OX0"
                ".a.b.c.d",
            },
        )


class TestGarbage:
    async def test_s16_a_cut_or_longer_opaque_token_is_invalid_and_costs_no_database(
        self, server: Server, ada: Holder
    ) -> None:
        browser = await server.sign_in(transport="session")
        cookie = browser.client.cookies["session"]
        good = ada.refresh_token
        with statements(server) as asked:
            for spoilt in _spoilt(good):
                assert (await refresh(server, spoilt)).verdict == INVALID, spoilt
            writes = {sql.partition(" VALUES")[0] for sql in asked}
        assert writes == {"INSERT INTO limits (key, hits, resets_at)"}
        with statements(server) as asked:
            for spoilt in _spoilt(cookie):
                headers = [("cookie", f"session={spoilt}")]
                answer = await ask(server, "GET", "/profile", headers=headers)
                assert answer.verdict == INVALID, spoilt
        assert asked == []
        assert (await ada.refresh()).status_code == 200
        assert (await browser.get("/profile")).status_code == 200

    async def test_garbage_is_answered_without_the_database_before_any_limit_is_counted(
        self, server: Server, ada: Holder
    ) -> None:
        routes = [("POST", "/auth/logout-all"), ("GET", "/auth/verify"), ("GET", "/users")]
        assert (await ada.get("/profile")).status_code == 200
        with statements(server) as asked:
            for method, path in routes:
                for header in [
                    bearer("garbage"),
                    ("cookie", "session=garbage"),
                    ("cookie", "session="),
                    ("cookie", "session=wws_\u00e9"),
                ]:
                    answer = await ask(server, method, path, headers=[AS_JSON, header])
                    assert answer.verdict == INVALID, header
        assert asked == []

    async def test_signing_out_with_garbage_is_signing_out(self, server: Server) -> None:
        answer = await ask(
            server,
            "POST",
            "/auth/logout",
            headers=[AS_JSON, bearer("garbage"), ("cookie", "session=garbage; refreshToken=x")],
            body=b'{"refreshToken": "garbage"}',
        )
        assert answer.status == 200
        assert [cookie.partition(";")[0] for cookie in answer.all("set-cookie")] == [
            "refreshToken=",
            "session=",
        ]


def _spoilt(token: str) -> list[str]:
    claim, _, proof = token.rpartition(".")
    head, _, generation = claim.rpartition(".")
    return [
        token[:-1],
        token + "A",
        token + "=",
        " " + token,
        token.upper(),
        token[:4] + token[5:],
        claim,
        claim + ".",
        proof,
        f"{head}.0{generation}.{proof}",
        f"{head}.{int(generation) + 1}.{proof}",
        f"{head}.-{generation}.{proof}",
        f"{head}x.{generation}.{proof}",
        token * 30,
    ]


class TestRefreshTokens:
    async def test_r01_r12_a_used_token_past_the_grace_ends_its_session_and_all_that_came_of_it(
        self, server: Server, ada: Holder
    ) -> None:
        first = ada.refresh_token
        assert (await ada.refresh()).status_code == 200
        server.clock.advance(10 * SECOND)
        assert (await refresh(server, first)).verdict == REUSED
        assert (await refresh(server, ada.refresh_token)).verdict == REVOKED
        assert (await ada.get("/profile")).json()["code"] == "SESSION_REVOKED"
        event = events(server)[-1]
        assert (event.type, event.session) == ("session.token_reused", ada.session_id)
        assert event.details == {"generation": 1, "current": 2}

    async def test_r02_r03_a_retry_gets_the_same_successor(
        self, server: Server, ada: Holder
    ) -> None:
        first = ada.refresh_token
        answers = await asyncio.gather(*(refresh(server, first) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.json()["refreshToken"] for answer in answers}) == 1
        server.clock.advance(9_999)
        assert (await refresh(server, first)).json()["refreshToken"] == answers[0].json()[
            "refreshToken"
        ]

    async def test_r04_r11_the_older_generation_is_dead_within_the_grace(
        self, server: Server, ada: Holder
    ) -> None:
        first = ada.refresh_token
        await ada.refresh()
        await ada.refresh()
        assert (await refresh(server, first)).verdict == REUSED
        assert (await refresh(server, ada.refresh_token)).verdict == REVOKED

    async def test_r05_a_losing_answer_leaves_the_winners_cookie_alone(
        self, server: Server
    ) -> None:
        await server.register()
        browser = await server.sign_in(transport="cookie")
        first = browser.client.cookies["refreshToken"]
        headers = [AS_JSON, ("cookie", f"refreshToken={first}")]
        race = await asyncio.gather(
            *(ask(server, "POST", "/auth/refresh", headers=headers) for _ in range(2))
        )
        assert [answer.status for answer in race] == [200, 200]
        assert race[0].all("set-cookie") == race[1].all("set-cookie") != []
        server.clock.advance(10 * SECOND)
        loser = await ask(server, "POST", "/auth/refresh", headers=headers)
        assert loser.verdict == REUSED
        assert loser.all("set-cookie") == []
        assert loser.one("clear-site-data") is None

    async def test_r07_a_cookie_and_a_body_token_together_are_malformed_and_both_unused(
        self, server: Server, ada: Holder
    ) -> None:
        await server.register("eve@example.com")
        eve = await server.sign_in("eve@example.com", transport="cookie", ip="203.0.113.66")
        mixed = await eve.client.post("/auth/refresh", json={"refreshToken": ada.refresh_token})
        assert (mixed.status_code, mixed.json()["code"]) == (400, "MALFORMED")
        assert (await eve.client.post("/auth/refresh", json={})).status_code == 200
        assert (await ada.refresh()).status_code == 200

    async def test_r07_a_bearer_token_of_another_session_beside_it_gives_nothing(
        self, server: Server, ada: Holder, eve: Holder
    ) -> None:
        answer = await refresh(server, ada.refresh_token, bearer(eve.access))
        assert answer.status == 200
        assert part(answer.json()["accessToken"], 1)["sid"] == ada.session_id
        assert (await eve.refresh()).status_code == 200

    async def test_r08_an_access_token_does_not_refresh_and_a_refresh_token_does_not_open(
        self, server: Server, ada: Holder
    ) -> None:
        browser = await server.sign_in(transport="session")
        cookie = str(browser.client.cookies["session"])
        for token in (ada.access, cookie, cookie.replace("wws_", "wwr_", 1)):
            assert (await refresh(server, token)).verdict == INVALID
        swapped = ada.refresh_token
        for token in (swapped, swapped.replace("wwr_", "wws_", 1)):
            headers = [("cookie", f"session={token}")]
            assert (await ask(server, "GET", "/profile", headers=headers)).verdict == INVALID
        assert await verdicts(server, {"refresh": swapped}) == {"refresh": INVALID}
        assert (await ada.refresh()).status_code == 200

    async def test_r10_refreshing_does_not_outlast_the_absolute_end(
        self, server: Server, ada: Holder
    ) -> None:
        for _ in range(29):
            server.clock.advance(DAY)
            assert (await ada.refresh()).status_code == 200
        server.clock.advance(DAY - 1)
        assert (await ada.refresh()).status_code == 200
        server.clock.advance(1)
        answer = await refresh(server, ada.refresh_token)
        assert answer.verdict == (401, "SESSION_EXPIRED")


class TestAfterTheEnd:
    """R09: whatever ended a session, none of its tokens works any more, on the next request."""

    async def expect_dead(self, server: Server, holder: Holder, why: str) -> None:
        assert (await refresh(server, holder.refresh_token)).verdict == REVOKED, why
        assert (await holder.get("/profile")).json()["code"] == "SESSION_REVOKED", why

    async def test_r09_after_signing_out(self, server: Server, ada: Holder) -> None:
        assert (await ada.post("/auth/logout")).status_code == 200
        await self.expect_dead(server, ada, "signed out")

    @pytest.mark.parametrize("token", ["access", "used refresh", "refresh", "expired access"])
    async def test_r09_any_one_token_of_the_session_signs_it_out(
        self, server: Server, ada: Holder, token: str
    ) -> None:
        first, access = ada.refresh_token, ada.access
        await ada.refresh()
        headers, body = [AS_JSON], b""
        if token == "expired access":
            server.clock.advance(DAY)
        if "access" in token:
            headers.append(bearer(access))
        else:
            sent = first if "used" in token else ada.refresh_token
            body = json.dumps({"refreshToken": sent}).encode()
        answer = await ask(server, "POST", "/auth/logout", headers=headers, body=body)
        assert answer.status == 200
        await ada.refresh()
        assert (await refresh(server, ada.refresh_token)).verdict == REVOKED

    async def test_r09_after_a_change_of_password_on_all_other_sessions(
        self, server: Server, ada: Holder
    ) -> None:
        other = await server.sign_in()
        changed = await ada.post(
            "/auth/change-password",
            json={"currentPassword": PASSWORD, "newPassword": "a wholly other sentence"},
        )
        assert changed.status_code == 200
        await self.expect_dead(server, other, "password changed")
        assert (await ada.refresh()).status_code == 200

    async def test_r09_after_disabling_and_after_deleting(
        self, server: Server, ada: Holder, eve: Holder
    ) -> None:
        await server.register_admin()
        admin = await server.sign_in("root@example.com")
        user = ada.answer["user"]["id"]
        put = await admin.request("PUT", f"/users/{user}/status", json={"status": "disabled"})
        assert put.status_code == 200
        await self.expect_dead(server, ada, "disabled")
        await admin.request("PUT", f"/users/{user}/status", json={"status": "active"})
        await self.expect_dead(server, ada, "disabled once")
        assert (
            await admin.request("DELETE", f"/users/{eve.answer['user']['id']}")
        ).status_code == 200
        await self.expect_dead(server, eve, "deleted")

    async def test_r09_after_a_change_of_role_the_next_request_has_the_new_one(
        self, server: Server, ada: Holder
    ) -> None:
        await server.register_admin()
        admin = await server.sign_in("root@example.com")
        path = f"/users/{ada.answer['user']['id']}/role"
        assert (await ada.get("/users")).status_code == 403
        assert (await admin.request("PUT", path, json={"role": "admin"})).status_code == 200
        assert (await ada.get("/users")).status_code == 200
        assert (await admin.request("PUT", path, json={"role": "user"})).status_code == 200
        assert (await ada.get("/users")).status_code == 403
        assert (await ada.refresh()).status_code == 200
        assert part(ada.access, 1)["role"] == "user"

    async def test_r09_a_refresh_in_flight_while_signing_out_revives_nothing(
        self, server: Server
    ) -> None:
        await server.register()
        for turn in range(10):
            holder = await server.sign_in()
            first = holder.refresh_token
            race = [refresh(server, first), holder.post("/auth/logout")]
            answers = await asyncio.gather(*(race if turn % 2 else reversed(race)))
            replies = [answer for answer in answers if isinstance(answer, Reply)]
            survivors = [first, *(r.json()["refreshToken"] for r in replies if r.status == 200)]
            for token in reversed(survivors):
                assert (await refresh(server, token)).verdict == REVOKED
            for reply in replies:
                if reply.status == 200:
                    tokens = {"access": reply.json()["accessToken"]}
                    assert await verdicts(server, tokens) == {"access": REVOKED}
        assert rows(server, "SELECT id FROM sessions WHERE ended_at IS NULL") == []

    async def test_r09_a_sign_in_in_flight_while_the_password_changes_opens_nothing(
        self, server: Server, ada: Holder
    ) -> None:
        """Whichever comes first, no session of the old password is alive after it."""
        new = "a wholly other sentence"
        answers = await asyncio.gather(
            *(
                server.client(f"203.0.113.{n}").post(
                    "/auth/login",
                    json={"email": "ada@example.com", "password": PASSWORD, "transport": "body"},
                )
                for n in range(4)
            ),
            ada.post(
                "/auth/change-password", json={"currentPassword": PASSWORD, "newPassword": new}
            ),
        )
        assert answers[-1].status_code == 200
        for answer in answers[:-1]:
            if answer.status_code == 200:
                token = answer.json()["refreshToken"]
                assert (await refresh(server, token)).verdict == REVOKED
        live = (await ada.get("/sessions")).json()["sessions"]
        assert [session["id"] for session in live] == [ada.session_id]

    async def test_s13_idle_and_absolute_ends_are_the_first_moment_at_which_a_session_is_dead(
        self, server: Server
    ) -> None:
        await server.register()
        browser = await server.sign_in(transport="session")
        server.clock.advance(14 * DAY - 1)
        assert (await browser.get("/profile")).status_code == 200
        server.clock.advance(14 * DAY - 1)
        assert (await browser.get("/profile")).status_code == 200
        server.clock.advance(2 * DAY + 1)
        assert (await browser.get("/profile")).status_code == 200
        server.clock.advance(1)
        assert (await browser.get("/profile")).json()["code"] == "SESSION_EXPIRED"
        idle = await server.sign_in(transport="session")
        server.clock.advance(14 * DAY)
        assert (await idle.get("/profile")).json()["code"] == "SESSION_EXPIRED"

    async def test_s13_a_browser_session_ends_within_a_day(self, server: Server) -> None:
        await server.register()
        browser = await server.sign_in(transport="session", remember=False)
        server.clock.advance(DAY - 1)
        assert (await browser.get("/profile")).status_code == 200
        server.clock.advance(1)
        assert (await browser.get("/profile")).json()["code"] == "SESSION_EXPIRED"

    async def test_s01_an_earlier_proof_is_dead_after_a_later_one(
        self, server: Server, ada: Holder
    ) -> None:
        before = ada.access
        again = await ada.post("/auth/reauthenticate", json={"password": PASSWORD})
        assert again.status_code == 200
        assert await verdicts(server, {"old": before, "new": again.json()["accessToken"]}) == {
            "old": EXPIRED,
            "new": (200, None),
        }
