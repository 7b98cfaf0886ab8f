"""OpenID Connect against a provider that lies: what is not exactly right signs nobody in."""

import asyncio
import base64
import json
import logging
import ssl
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import trustme
from joserfc.errors import SecurityWarning
from joserfc.jwk import RSAKey

from tests.adapters.federation.conftest import NONCE, REDIRECT, STATE, VERIFIER, Client, MakeClient
from tests.adapters.federation.lying import (
    ACCESS_TOKEN,
    CLIENT_ID,
    CODE,
    KEYS,
    SECRET,
    Answer,
    LyingProvider,
    as_json,
    lying,
    sign,
)
from watchword.domain.errors import FederationFailed, NotFound, ProviderUnavailable
from watchword.domain.time import HOUR, SECOND
from watchword.testing import FakeClock

DISCOVERY = "/.well-known/openid-configuration"


async def refused(client: Client, provider: LyingProvider) -> str:
    with pytest.raises(FederationFailed) as caught:
        await client.sign_in(provider)
    return caught.value.reason


class TestAnHonestProvider:
    @pytest.mark.parametrize("algorithm", KEYS)
    async def test_says_who_it_is(
        self, algorithm: str, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        provider.publish(algorithm)
        provider.claims = {"amr": ["pwd", "otp"], "acr": "high", "auth_time": 1_700_000_000}
        identity = await client.sign_in(provider)
        assert (identity.issuer, identity.subject) == (provider.issuer, "ada-1")
        assert identity.email is not None
        assert (identity.email.text, identity.email_verified) == ("ada@example.com", True)
        assert (identity.name, identity.amr, identity.acr) == ("Ada", ("pwd", "otp"), "high")
        assert identity.authenticated_at == 1_700_000_000 * SECOND

    async def test_is_asked_for_a_code_with_pkce_state_and_nonce(
        self, client: Client, provider: LyingProvider
    ) -> None:
        url = urlsplit(await client.begin())
        wanted = dict(parse_qsl(url.query))
        assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.issuer}/authorize"
        assert wanted.pop("code_challenge") not in {"", VERIFIER}
        assert wanted == {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT,
            "state": STATE,
            "nonce": NONCE,
            "scope": "openid email profile",
            "code_challenge_method": "S256",
        }

    async def test_keeps_a_query_of_its_endpoint(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["authorization_endpoint"] += "?realm=a"
        assert (await client.begin()).startswith(f"{provider.issuer}/authorize?realm=a&response")

    async def test_gets_the_secret_in_the_header_and_the_verifier_in_the_form(
        self, client: Client, provider: LyingProvider
    ) -> None:
        await client.sign_in(provider)
        (asked,) = [asked for asked in provider.asked if asked.path == "/token"]
        pair = base64.b64encode(b"watchword:a+client+secret").decode()
        assert asked.headers["authorization"] == f"Basic {pair}"
        assert asked.form["code_verifier"] == VERIFIER
        assert "client_secret" not in asked.form

    async def test_gets_the_secret_in_the_form_if_it_takes_it_nowhere_else(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        await client.sign_in(provider)
        asked = provider.asked[-2]
        assert (asked.path, asked.form["client_secret"]) == ("/token", SECRET)
        assert "authorization" not in asked.headers

    async def test_that_takes_no_client_secret_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
        assert "no way to authenticate" in await refused(client, provider)

    async def test_gets_the_request_pushed_where_it_takes_that(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["pushed_authorization_request_endpoint"] = f"{provider.issuer}/push"
        provider.answers["/push"] = as_json({"request_uri": "urn:x:1", "expires_in": 60}, 201)
        wanted = dict(parse_qsl(urlsplit(await client.begin()).query))
        assert wanted == {"client_id": CLIENT_ID, "request_uri": "urn:x:1"}
        pushed = provider.asked[-1]
        assert (pushed.form["state"], pushed.form["nonce"]) == (STATE, NONCE)
        assert pushed.headers["authorization"].startswith("Basic ")

    @pytest.mark.parametrize(
        "answer",
        [
            as_json({"error": "invalid_request"}, 400),
            as_json({"request_uri": "urn:x:1"}, 200),
            as_json({"request_uri": "\ud800"}, 201),
            as_json({}, 201),
        ],
    )
    async def test_that_refuses_the_pushed_request_ends_the_flow(
        self, answer: Answer, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["pushed_authorization_request_endpoint"] = f"{provider.issuer}/push"
        provider.answers["/push"] = answer
        with pytest.raises(FederationFailed, match="Start again"):
            await client.begin()

    async def test_may_say_the_address_at_userinfo(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.claims = {"email": ..., "name": ...}
        provider.userinfo = {"email": "a@example.org", "email_verified": True, "name": "A"}
        identity = await client.sign_in(provider)
        assert identity.email is not None
        assert (identity.email.text, identity.email_verified) == ("a@example.org", True)
        assert provider.asked[-1].headers["authorization"] == f"Bearer {ACCESS_TOKEN}"

    async def test_is_one_of_those_that_are_configured(self, client: Client) -> None:
        with pytest.raises(NotFound):
            await client.providers.begin(
                "unknown", redirect_uri=REDIRECT, state=STATE, nonce=NONCE, verifier=VERIFIER
            )
        assert [(one.id, one.name) for one in client.providers.listed()] == [("other", "Other")]


class TestTheCallback:
    @pytest.mark.parametrize(
        "parameters",
        [
            [],
            [("code", "")],
            [("code", CODE), ("code", CODE)],
            [("code", CODE), ("state", "a"), ("state", "b")],
            [("code", "c" * 5_000)],
            [("code", "\ud800")],
            [("error", "access_denied")],
            [("error", "<script>"), ("code", CODE)],
        ],
    )
    async def test_o10_with_no_single_code_is_refused_without_a_call(
        self, parameters: list[tuple[str, str]], client: Client, provider: LyingProvider
    ) -> None:
        with pytest.raises(FederationFailed) as caught:
            await client.finish(parameters)
        assert provider.asked == []
        assert "script" not in caught.value.reason

    async def test_o05_of_another_issuer_is_refused_before_the_code_is_given_away(
        self, client: Client, provider: LyingProvider
    ) -> None:
        parameters = provider.approve(await client.begin())
        with pytest.raises(FederationFailed, match="Start again"):
            await client.finish([*parameters, ("iss", "https://other.example")])
        assert provider.count("/token") == 0

    async def test_o05_without_the_issuer_that_was_promised_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["authorization_response_iss_parameter_supported"] = True
        parameters = provider.approve(await client.begin())
        with pytest.raises(FederationFailed):
            await client.finish(parameters)
        assert provider.count("/token") == 0
        identity = await client.finish([*parameters, ("iss", provider.issuer)])
        assert identity.subject == "ada-1"

    async def test_o03_with_another_verifier_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        parameters = provider.approve(await client.begin())
        with pytest.raises(FederationFailed) as caught:
            await client.finish(parameters, verifier="w" * 43)
        assert caught.value.reason == "token endpoint: invalid_grant"


class TestMetadata:
    @pytest.mark.parametrize(
        "change",
        [
            {"issuer": "https://evil.example"},
            {"issuer": None},
            {"code_challenge_methods_supported": ["plain"]},
            {"code_challenge_methods_supported": []},
            {"code_challenge_methods_supported": "S256"},
            {"response_types_supported": ["id_token"]},
            {"id_token_signing_alg_values_supported": ["none", "HS256"]},
            {"token_endpoint": "http://192.0.2.1/token"},
            {"token_endpoint": None},
            {"jwks_uri": "file:///etc/passwd"},
            {"jwks_uri": "https://user@other.example/keys"},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"authorization_endpoint": "https://a.example/#x"},
            {"userinfo_endpoint": "https://a.example\\@b.example/"},
            {"userinfo_endpoint": "https://a.example:99999/"},
            {"userinfo_endpoint": 7},
        ],
    )
    async def test_o05_o06_that_cannot_be_relied_on_sends_nobody_there(
        self, change: dict[str, object], client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata |= change
        with pytest.raises(FederationFailed):
            await client.begin()
        assert {asked.path for asked in provider.asked} == {DISCOVERY}

    async def test_o06_of_the_same_issuer_in_another_spelling_is_of_another(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["issuer"] += "/"
        with pytest.raises(FederationFailed):
            await client.begin()

    async def test_without_a_word_on_pkce_is_taken_for_not_having_heard_of_it(
        self, client: Client, provider: LyingProvider
    ) -> None:
        """PKCE is sent all the same, and the nonce holds without it (RFC 9700 section 2.1.1)."""
        del provider.metadata["code_challenge_methods_supported"]
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_is_asked_for_once_an_hour(
        self, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        await client.sign_in(provider)
        await client.sign_in(provider)
        assert (provider.count(DISCOVERY), provider.count("/keys")) == (1, 1)
        clock.advance(HOUR)
        await client.sign_in(provider)
        assert (provider.count(DISCOVERY), provider.count("/keys")) == (2, 2)

    async def test_of_yesterday_serves_while_the_provider_does_not(
        self, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        await client.begin()
        provider.answers[DISCOVERY] = as_json({}, 503)
        clock.advance(2 * HOUR)
        assert (await client.begin()).startswith(provider.issuer)
        clock.advance(24 * HOUR)
        with pytest.raises(ProviderUnavailable):
            await client.begin()

    @pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
    async def test_o12_of_yesterday_serves_while_the_provider_keeps_its_callers_waiting(
        self, path: str, make_client: MakeClient, provider: LyingProvider, clock: FakeClock
    ) -> None:
        client = make_client(deadline=2 * SECOND)
        await client.sign_in(provider)
        provider.answers[path] = Answer(b"", is_late=True)
        clock.advance(2 * HOUR)
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_is_fetched_once_for_all_who_wait(
        self, client: Client, provider: LyingProvider
    ) -> None:
        await asyncio.gather(*(client.begin() for _ in range(20)))
        assert provider.count(DISCOVERY) == 1

    async def test_o12_that_fails_is_not_asked_for_again_at_once(
        self, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        provider.answers[DISCOVERY] = as_json({}, 500)
        for _ in range(5):
            with pytest.raises(ProviderUnavailable):
                await client.begin()
        assert provider.count(DISCOVERY) == 1
        del provider.answers[DISCOVERY]
        clock.advance(10 * SECOND)
        assert (await client.begin()).startswith(provider.issuer)


def now(clock: FakeClock) -> int:
    return clock.now() // SECOND


class TestAnIdToken:
    @pytest.mark.parametrize(
        ("claims", "reason"),
        [
            ({"iss": "https://evil.example"}, "issuer"),
            ({"iss": ...}, "issuer"),
            ({"aud": "another"}, "audience"),
            ({"aud": ...}, "audience"),
            ({"aud": []}, "audience"),
            ({"aud": [CLIENT_ID, "another"]}, "authorized party"),
            ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "authorized party"),
            ({"azp": "another"}, "authorized party"),
            ({"nonce": "of another flow"}, "nonce"),
            ({"nonce": ...}, "nonce"),
            ({"nonce": ""}, "nonce"),
            ({"nonce": [NONCE]}, "nonce"),
            ({"nonce": "\ud800"}, "nonce"),
            ({"sub": ...}, "subject"),
            ({"sub": ""}, "subject"),
            ({"sub": 7}, "subject"),
            ({"sub": "a" * 256}, "subject"),
            ({"sub": "ada\n"}, "subject"),
            ({"sub": "ädä"}, "subject"),
            ({"exp": ...}, "claims"),
            ({"exp": "4102444800"}, "claims"),
            ({"exp": True}, "claims"),
            ({"iat": ...}, "claims"),
            ({"iat": -1}, "claims"),
            ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
            ({"at_hash": 7}, "at_hash"),
            ({"acr": 7}, "acr or amr"),
            ({"amr": "pwd"}, "amr"),
            ({"auth_time": "now"}, "auth_time"),
        ],
        ids=str,
    )
    async def test_o11_that_says_anything_else_is_refused(
        self, claims: dict[str, Any], reason: str, client: Client, provider: LyingProvider
    ) -> None:
        provider.claims = claims
        assert await refused(client, provider) == f"ID token: {reason}"

    @pytest.mark.parametrize(
        ("exp", "iat", "reason"),
        [
            (-60, -120, "expired"),
            (300, 61, "not yet valid"),
            (300, -601, "stale"),
            (-1, 0, "stale"),
        ],
    )
    async def test_o11_outside_its_time_is_refused(
        self,
        exp: int,
        iat: int,
        reason: str,
        client: Client,
        provider: LyingProvider,
        clock: FakeClock,
    ) -> None:
        provider.claims = {"exp": now(clock) + exp, "iat": now(clock) + iat}
        assert await refused(client, provider) == f"ID token: {reason}"

    @pytest.mark.parametrize(("exp", "iat"), [(-59, -120), (300, 60), (300, -600), (0.5, -0.5)])
    async def test_may_come_from_a_clock_that_differs_a_little(
        self, exp: float, iat: float, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        provider.claims = {"exp": now(clock) + exp, "iat": now(clock) + iat}
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_for_several_needs_to_say_that_it_was_made_for_us(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.claims = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_holds_with_the_hash_of_the_access_token_beside_it(
        self, client: Client, provider: LyingProvider
    ) -> None:
        """`the-access-token`, SHA-256, its left half."""
        provider.claims = {"at_hash": "uby9Z8Gb_H_x4fPjwNzguw"}
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_o11_without_a_signature_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        def unsigned(claims: dict[str, Any]) -> str:
            parts = [{"alg": "none", "kid": "k1"}, claims]
            texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
            return b".".join([*texts, b""]).decode()

        provider.make_id_token = unsigned
        assert await refused(client, provider) == "ID token: structure"
        provider.make_id_token = lambda claims: unsigned(claims) + "AAAA"
        assert await refused(client, provider) == "ID token: algorithm"

    async def test_o06_signed_by_another_key_of_that_name_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.publish("RS256")
        another = RSAKey.generate_key(2048)
        provider.make_id_token = lambda claims: sign(claims, {"alg": "RS256", "kid": "k1"}, another)
        assert await refused(client, provider) == "ID token: signature"

    async def test_j09_with_a_signature_of_another_length_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        header = {"alg": "ES256", "kid": "k1"}
        provider.make_id_token = lambda claims: sign(claims, header, KEYS["ES256"]) + "AAAA"
        assert await refused(client, provider) == "ID token: signature"

    @pytest.mark.parametrize("kid", [7, "", "k" * 257, ["k1"]], ids=str)
    async def test_j05_with_a_name_of_a_key_that_is_none_is_refused(
        self, kid: object, client: Client, provider: LyingProvider
    ) -> None:
        provider.header = {"kid": kid}
        assert await refused(client, provider) == "ID token: kid"

    @pytest.mark.parametrize("form", ["pem", "jwk", "secret"])
    async def test_o11_signed_with_what_anybody_knows_is_refused(
        self, form: str, client: Client, provider: LyingProvider
    ) -> None:
        """HS256 under the public key, and under the client secret, which ends up in many places."""
        provider.publish("RS256")
        public = RSAKey.import_key(KEYS["RS256"].as_dict(private=False))
        secrets = {
            "pem": public.as_pem(private=False),
            "jwk": json.dumps(public.as_dict()).encode(),
            "secret": SECRET.encode(),
        }
        provider.make_id_token = lambda claims: sign(
            claims, {"alg": "HS256", "kid": "k1"}, secrets[form]
        )
        assert await refused(client, provider) == "ID token: algorithm"

    async def test_o11_of_an_algorithm_that_the_provider_does_not_name_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.metadata["id_token_signing_alg_values_supported"] = ["RS256"]
        assert await refused(client, provider) == "ID token: algorithm"

    @pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "crit"])
    async def test_o06_that_brings_its_own_key_is_refused(
        self, member: str, client: Client, provider: LyingProvider
    ) -> None:
        key = KEYS["EdDSA"]
        values: dict[str, Any] = {
            "jwk": key.as_dict(private=False),
            "jku": f"{provider.issuer}/other-keys",
            "x5u": f"{provider.issuer}/other-keys",
            "crit": ["exp"],
        }

        def own_key(claims: dict[str, Any]) -> str:
            return sign(claims, {"alg": "EdDSA", "kid": "k1", member: values[member]}, key)

        provider.make_id_token = own_key
        assert await refused(client, provider) == "ID token: header"
        assert provider.count("/other-keys") == 0

    @pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "", 7])
    async def test_j10_of_another_type_is_refused(
        self, typ: object, client: Client, provider: LyingProvider
    ) -> None:
        provider.make_id_token = lambda claims: sign(
            claims, {"alg": "ES256", "kid": "k1", "typ": typ}, KEYS["ES256"]
        )
        assert await refused(client, provider) == "ID token: type"

    async def test_j12_with_a_claim_twice_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        def doubled(claims: dict[str, Any]) -> str:
            text = json.dumps(claims)[:-1] + ', "sub": "admin"}'
            return sign(text, {"alg": "ES256", "kid": "k1"}, KEYS["ES256"])

        provider.make_id_token = doubled
        assert await refused(client, provider) == "ID token: json"

    @pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c.d.e", "x" * 20_000, "é.é.é"])
    async def test_j16_of_no_such_form_is_refused(
        self, text: str, client: Client, provider: LyingProvider
    ) -> None:
        provider.tokens = {"id_token": text}
        assert (await refused(client, provider)).startswith("ID token: ")


class TestKeys:
    async def test_that_are_new_are_fetched(
        self, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        await client.sign_in(provider)
        provider.publish("RS256", kid="k2")
        provider.header = {"kid": "k2"}
        clock.advance(10 * SECOND)
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_j06_that_nobody_knows_are_looked_for_once_in_a_while(
        self, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        await client.sign_in(provider)
        for number in range(50):
            provider.header = {"kid": f"unknown-{number}"}
            clock.advance(SECOND)
            assert await refused(client, provider) == "ID token: unknown key"
        assert provider.count("/keys") == 1 + 5

    @pytest.mark.parametrize(
        "members",
        [
            {"use": "enc"},
            {"key_ops": ["encrypt"]},
            {"alg": "RS512"},
            {"kty": "EC"},
            {"n": "AQAB"},
            {"e": "AA"},
            {"n": 7},
            {"issuer": "https://evil.example"},
            {"alg": 7},
            {"d": "AQAB"},
        ],
        ids=str,
    )
    async def test_that_are_unfit_hold_nothing(
        self, members: dict[str, Any], client: Client, provider: LyingProvider
    ) -> None:
        provider.publish("RS256", **members)
        assert (await refused(client, provider)).startswith("ID token: ")

    async def test_that_are_too_short_hold_nothing(
        self, client: Client, provider: LyingProvider
    ) -> None:
        with pytest.warns(SecurityWarning):
            short = RSAKey.generate_key(1024)
        provider.publish("RS256", **short.as_dict(private=False))
        provider.make_id_token = lambda claims: sign(claims, {"alg": "RS256", "kid": "k1"}, short)
        assert await refused(client, provider) == "ID token: unknown key"

    async def test_o11_that_are_shared_secrets_hold_nothing(
        self, client: Client, provider: LyingProvider
    ) -> None:
        published = base64.urlsafe_b64encode(b"k" * 32).rstrip(b"=").decode()
        provider.jwks = {"keys": [{"kty": "oct", "k": published, "kid": "k1", "alg": "HS256"}]}
        provider.make_id_token = lambda claims: sign(
            claims, {"alg": "HS256", "kid": "k1"}, b"k" * 32
        )
        assert await refused(client, provider) == "ID token: algorithm"

    async def test_without_a_name_serve_a_token_without_one(
        self, client: Client, provider: LyingProvider
    ) -> None:
        del provider.jwks["keys"][0]["kid"], provider.jwks["keys"][0]["alg"]
        provider.header = {}
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_that_a_token_could_mean_two_of_hold_nothing(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.jwks["keys"] *= 2
        assert await refused(client, provider) == "ID token: several keys"

    @pytest.mark.parametrize("jwks", [{}, {"keys": {}}, {"keys": [{}] * 65}])
    async def test_that_are_no_key_set_end_the_flow(
        self, jwks: dict[str, Any], client: Client, provider: LyingProvider
    ) -> None:
        provider.jwks = jwks
        assert await refused(client, provider) == "keys: not a key set"

    async def test_with_rubbish_among_them_still_serve(
        self, client: Client, provider: LyingProvider
    ) -> None:
        rubbish: list[object] = [7, None, [], {"kty": []}, {"kty": "EC", "crv": "P-256"}]
        provider.jwks["keys"] = [*rubbish, *provider.jwks["keys"]]
        assert (await client.sign_in(provider)).subject == "ada-1"


class TestAnAddress:
    @pytest.mark.parametrize("told", [False, "true", "True", 1, None, ..., [True], {}], ids=str)
    async def test_o07_is_verified_by_the_one_word_alone(
        self, told: object, client: Client, provider: LyingProvider
    ) -> None:
        provider.claims = {"email_verified": told}
        identity = await client.sign_in(provider)
        assert identity.email is not None
        assert not identity.email_verified

    @pytest.mark.parametrize("email", [7, "", "no address", "a@b@c", "\ud800@example.com"])
    async def test_o07_that_is_none_is_not_there(
        self, email: object, client: Client, provider: LyingProvider
    ) -> None:
        provider.claims = {"email": email}
        identity = await client.sign_in(provider)
        assert (identity.email, identity.email_verified) == (None, False)

    async def test_o07_at_userinfo_is_not_verified_by_the_id_token(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.claims = {"email": ..., "email_verified": True}
        provider.userinfo = {"email": "v@example.com"}
        assert not (await client.sign_in(provider)).email_verified

    async def test_o07_of_another_subject_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.claims = {"email": ...}
        provider.userinfo = {"sub": "someone-else", "email": "v@example.com"}
        assert await refused(client, provider) == "userinfo: another subject"


PATHS = [DISCOVERY, "/keys", "/token", "/userinfo"]


class TestAProviderThatMisbehaves:
    @pytest.fixture(autouse=True)
    def with_userinfo(self, provider: LyingProvider) -> None:
        provider.claims = {"email": ...}

    @pytest.mark.parametrize("path", PATHS)
    async def test_o12_by_not_answering_is_given_up(
        self, path: str, make_client: MakeClient, provider: LyingProvider
    ) -> None:
        provider.answers[path] = Answer(b"", is_late=True)
        with pytest.raises(ProviderUnavailable) as caught:
            await make_client(deadline=300).sign_in(provider)
        assert caught.value.reason == "too slow"

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("status", [500, 503, 429])
    async def test_o12_by_failing_is_not_available(
        self, status: int, path: str, client: Client, provider: LyingProvider
    ) -> None:
        provider.answers[path] = as_json({}, status)
        with pytest.raises(ProviderUnavailable):
            await client.sign_in(provider)

    @pytest.mark.parametrize("path", PATHS)
    async def test_o12_by_redirecting_is_refused_and_not_followed(
        self, path: str, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        async with lying(clock) as internal:
            to = f"location: {internal.issuer}/latest/meta-data"
            provider.answers[path] = Answer(b"", 307, (to,))
            assert (await refused(client, provider)).endswith("a redirect")
            assert internal.asked == []

    @pytest.mark.parametrize("path", PATHS)
    async def test_o12_by_saying_too_much_is_refused(
        self, path: str, client: Client, provider: LyingProvider
    ) -> None:
        huge = b'{"a": "' + b"x" * (512 * 1024) + b'"}'
        provider.answers[path] = Answer(huge)
        assert (await refused(client, provider)).endswith("too large")

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b'{"a":1,"a":2}', b"[" * 5_000, b'{"a":NaN}', b"\xff"]
    )
    async def test_i03_by_saying_what_is_not_json_is_refused(
        self, body: bytes, path: str, client: Client, provider: LyingProvider
    ) -> None:
        provider.answers[path] = Answer(body)
        assert (await refused(client, provider)).endswith("not JSON")

    async def test_o12_by_compressing_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.answers["/token"] = Answer(b"{}", headers=("content-encoding: gzip",))
        assert await refused(client, provider) == "token endpoint: compressed"

    @pytest.mark.parametrize("path", PATHS)
    async def test_by_refusing_ends_the_flow(
        self, path: str, client: Client, provider: LyingProvider
    ) -> None:
        provider.answers[path] = as_json({"error": "the secret is ..."}, 403)
        assert (await refused(client, provider)).endswith(("refused", "another error"))

    @pytest.mark.parametrize(
        "tokens",
        [
            {"token_type": "mac"},
            {"token_type": None},
            {"access_token": ""},
            {"access_token": None},
            {"access_token": "a\r\nx: y"},
            {"access_token": "\ud800"},
            {"id_token": None},
            {"error": "invalid_grant"},
        ],
        ids=str,
    )
    async def test_by_giving_out_something_else_is_refused(
        self, tokens: dict[str, Any], client: Client, provider: LyingProvider
    ) -> None:
        provider.tokens = tokens
        assert (await refused(client, provider)).startswith("token endpoint: ")

    async def test_o12_with_a_certificate_of_its_own_is_not_spoken_to(
        self, make_client: MakeClient, clock: FakeClock
    ) -> None:
        authority = trustme.CA()
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trusting = ssl.create_default_context()
        authority.issue_cert("127.0.0.1").configure_cert(server)
        authority.configure_trust(trusting)
        async with lying(clock, server) as secured:
            client = make_client(issuer=secured.issuer)
            with pytest.raises(ProviderUnavailable):
                await client.sign_in(secured)
            assert secured.asked == []
            connections = httpx2.AsyncHTTPTransport(verify=trusting)
            client = make_client(issuer=secured.issuer, connections=connections)
            assert (await client.sign_in(secured)).subject == "ada-1"
            secured.metadata["token_endpoint"] = "http://127.0.0.1/token"
            clock.advance(HOUR)
            fresh = make_client(issuer=secured.issuer, connections=connections)
            assert await refused(fresh, secured) == "metadata: token_endpoint"

    async def test_by_being_away_is_not_available(
        self, make_client: MakeClient, clock: FakeClock
    ) -> None:
        async with lying(clock) as gone:
            issuer = gone.issuer
        client = make_client(issuer=issuer)
        with pytest.raises(ProviderUnavailable):
            await client.begin()

    async def test_l03_leaves_no_secret_in_logs_and_refusals(
        self, client: Client, provider: LyingProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await client.sign_in(provider)
        provider.answers["/token"] = as_json({"error": CODE, "error_description": SECRET}, 400)
        with pytest.raises(FederationFailed) as caught:
            await client.sign_in(provider)
        error = caught.value
        assert error.__cause__ is None
        told = f"{caplog.text} {error!r} {error} {error.reason} {client.providers!r}"
        for secret in (SECRET, CODE, ACCESS_TOKEN, VERIFIER, NONCE, "a+client+secret"):
            assert secret not in told

    async def test_o12_sets_no_cookie_for_the_next(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.answers["/userinfo"] = Answer(b'{"sub":"ada-1"}', headers=("set-cookie: a=b",))
        await client.sign_in(provider)
        await client.sign_in(provider)
        assert all("cookie" not in asked.headers for asked in provider.asked)
