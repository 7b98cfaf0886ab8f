"""Microsoft's and Apple's departures from the standard, and what is made of them."""

import json
from dataclasses import replace

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.adapters.federation.conftest import Client, MakeClient, ours
from tests.adapters.federation.lying import CLIENT_ID, LyingProvider, as_json
from watchword.adapters.federation import microsoft
from watchword.adapters.federation.claims import read_apple_name, read_identity
from watchword.adapters.federation.metadata import DISCOVERY
from watchword.crypto.jws import InvalidToken
from watchword.crypto.secret import Secret
from watchword.domain.errors import FederationFailed
from watchword.domain.federation import AppleKey, Identity
from watchword.domain.time import SECOND
from watchword.testing import FakeClock

HOST = "https://login.microsoftonline.com"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
APPLE_KEY = ECKey.generate_key("P-256")


class TestMicrosoft:
    @pytest.mark.parametrize("shared", ["common", "organizations"])
    def test_names_a_template_for_whom_everybody_may_use(self, shared: str) -> None:
        template = microsoft.metadata_issuer(f"{HOST}/{shared}/v2.0")
        assert template == f"{HOST}/{{tenantid}}/v2.0"
        assert microsoft.token_issuer(template, {"tid": TENANT}) == f"{HOST}/{TENANT}/v2.0"

    def test_o06_a_tenant_of_ones_own_is_the_only_issuer(self) -> None:
        mine = f"{HOST}/{TENANT}/v2.0"
        assert microsoft.metadata_issuer(mine) == mine
        assert microsoft.token_issuer(mine, {"tid": TENANT.replace("7", "8")}) == mine

    @pytest.mark.parametrize(
        "tenant", [None, "", "common", 7, TENANT + "/x", "../" + TENANT, TENANT.upper(), "a@b"]
    )
    def test_o06_a_token_of_no_tenant_is_nobodys(self, tenant: object) -> None:
        with pytest.raises(InvalidToken):
            microsoft.token_issuer(f"{HOST}/{{tenantid}}/v2.0", {"tid": tenant})

    @pytest.mark.parametrize("issuer", ["https://evil.example/common/v2.0", f"{HOST}.evil.example"])
    def test_o06_another_host_has_no_template(self, issuer: str) -> None:
        assert microsoft.metadata_issuer(issuer) == issuer
        assert microsoft.token_issuer(issuer + "/{tenantid}", {"tid": TENANT}) != issuer

    @pytest.mark.parametrize("shared", ["common", "organizations"])
    def test_shared_addresses_speak_for_every_tenant_and_for_nobody_else(self, shared: str) -> None:
        def speaks_for(issuer: str) -> bool:
            return microsoft.is_issuer_of(f"{HOST}/{shared}/v2.0", issuer)

        assert speaks_for(f"{HOST}/{TENANT}/v2.0")
        for other in (f"{HOST}/{shared}/v2.0", f"{HOST}/{TENANT}", f"{HOST}//v2.0", TENANT, ""):
            assert not speaks_for(other)

    def test_a_tenant_speaks_for_itself_alone(self) -> None:
        mine = f"{HOST}/{TENANT}/v2.0"
        assert microsoft.is_issuer_of(mine, mine)
        assert not microsoft.is_issuer_of(mine, mine.replace("7", "8"))

    @pytest.mark.parametrize(
        ("claims", "is_verified"),
        [
            ({"email_verified": True}, False),
            ({"xms_edov": True}, True),
            ({"xms_edov": "1"}, False),
            ({"xms_edov": 1}, False),
            ({"xms_edov": False, "email_verified": True}, False),
        ],
    )
    def test_o07_an_address_is_verified_by_its_own_word_alone(
        self, claims: dict[str, object], is_verified: bool
    ) -> None:
        about = {"email": "victim@example.com", **claims}
        identity = read_identity(f"{HOST}/{TENANT}/v2.0", "s", about, about)
        assert identity.email_verified is is_verified


class Elsewhere(httpx2.AsyncBaseTransport):
    """Takes what is meant for Microsoft to the provider of the tests."""

    def __init__(self, provider: LyingProvider) -> None:
        self._provider = provider
        self._connections = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        to = httpx2.URL(self._provider.issuer)
        assert str(request.url).startswith(HOST)
        request.url = request.url.copy_with(scheme="http", host=to.host, port=to.port)
        return await self._connections.handle_async_request(request)

    async def aclose(self) -> None:
        await self._connections.aclose()


class TestAnAccountOfAnyTenant:
    @pytest.fixture
    def client(self, make_client: MakeClient, provider: LyingProvider) -> Client:
        template = f"{HOST}/{{tenantid}}/v2.0"
        provider.metadata |= {
            "issuer": template,
            **{name: f"{HOST}/{name}" for name in ("authorization_endpoint", "userinfo_endpoint")},
            "token_endpoint": f"{HOST}/token",
            "jwks_uri": f"{HOST}/keys",
        }
        provider.answers[f"/common/v2.0{DISCOVERY}"] = as_json(provider.metadata)
        provider.publish("RS256", issuer=template)
        del provider.jwks["keys"][0]["alg"]
        provider.claims = {"tid": TENANT, "iss": f"{HOST}/{TENANT}/v2.0"}
        return make_client(issuer=f"{HOST}/common/v2.0", connections=Elsewhere(provider))

    async def test_is_of_the_issuer_of_that_tenant(
        self, client: Client, provider: LyingProvider
    ) -> None:
        identity = await client.sign_in(provider)
        assert (identity.issuer, identity.subject) == (f"{HOST}/{TENANT}/v2.0", "ada-1")
        assert not identity.email_verified

    @pytest.mark.parametrize(
        "claims", [{"tid": OTHER_TENANT}, {"tid": ...}, {"iss": f"{HOST}/{{tenantid}}/v2.0"}]
    )
    async def test_o06_that_names_another_tenant_than_its_issuer_is_refused(
        self, claims: dict[str, object], client: Client, provider: LyingProvider
    ) -> None:
        provider.claims |= claims
        with pytest.raises(FederationFailed):
            await client.sign_in(provider)

    async def test_o06_signed_by_another_tenants_key_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.jwks["keys"][0]["issuer"] = f"{HOST}/{OTHER_TENANT}/v2.0"
        with pytest.raises(FederationFailed) as caught:
            await client.sign_in(provider)
        assert caught.value.reason == "ID token: key of another issuer"

    async def test_o05_in_an_answer_of_another_issuer_is_refused(
        self, client: Client, provider: LyingProvider
    ) -> None:
        parameters = provider.approve(await client.begin())
        with pytest.raises(FederationFailed) as caught:
            await client.finish([*parameters, ("iss", f"{HOST}/{OTHER_TENANT}/v2.0")])
        assert caught.value.reason == "callback: another issuer"


class TestAKeyThatNamesItsIssuer:
    async def test_serves_that_issuer_alone(self, client: Client, provider: LyingProvider) -> None:
        provider.publish("ES256", issuer=provider.issuer)
        assert (await client.sign_in(provider)).subject == "ada-1"

    async def test_o06_of_another_tenant_serves_nobody_here(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.publish("ES256", issuer=f"{HOST}/{TENANT}/v2.0")
        with pytest.raises(FederationFailed) as caught:
            await client.sign_in(provider)
        assert caught.value.reason == "ID token: key of another issuer"


class TestApple:
    @pytest.fixture
    def client(self, make_client: MakeClient, provider: LyingProvider) -> Client:
        pem = Secret(APPLE_KEY.as_pem(private=True))
        apple = replace(
            ours(provider),
            client_secret=AppleKey("TEAM123456", "KEY1234567", pem),
            posts_back=True,
            scopes=("openid", "email", "name"),
        )
        provider.claims = {"name": ...}
        return make_client(apple)

    async def test_gets_a_secret_that_was_signed_for_the_moment(
        self, client: Client, provider: LyingProvider, clock: FakeClock
    ) -> None:
        await client.sign_in(provider)
        (asked,) = [asked for asked in provider.asked if asked.path == "/token"]
        secret = jwt.decode(asked.form["client_secret"], APPLE_KEY, algorithms=["ES256"])
        now = clock.now() // SECOND
        assert secret.header == {"alg": "ES256", "kid": "KEY1234567"}
        assert secret.claims == {
            "iss": "TEAM123456",
            "sub": CLIENT_ID,
            "aud": "https://appleid.apple.com",
            "iat": now,
            "exp": now + 300,
        }

    async def test_is_asked_to_post_its_answer(
        self, client: Client, provider: LyingProvider
    ) -> None:
        assert "response_mode=form_post" in await client.begin()
        assert client.providers.listed()[0].posts_back

    async def test_o07_tells_the_name_beside_the_code_and_nothing_else(
        self, client: Client, provider: LyingProvider
    ) -> None:
        user = {"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "v@example.com"}
        identity = await self.sign_in_with(client, provider, json.dumps(user))
        assert identity.name == "Ada Lovelace"
        assert identity.email is not None
        assert identity.email.text == "ada@example.com"

    @pytest.mark.parametrize(
        "user", ["", "{", "[]", "7", '{"name": "x"}', '{"name": {"firstName": 7}}', "[" * 9_999]
    )
    async def test_may_say_nothing_of_the_name(
        self, user: str, client: Client, provider: LyingProvider
    ) -> None:
        assert (await self.sign_in_with(client, provider, user)).name == ""

    @staticmethod
    async def sign_in_with(client: Client, provider: LyingProvider, user: str) -> Identity:
        parameters = provider.approve(await client.begin())
        return await client.finish([*parameters, ("user", user)])

    async def test_that_refuses_the_secret_ends_the_flow(
        self, client: Client, provider: LyingProvider
    ) -> None:
        provider.answers["/token"] = as_json({"error": "invalid_client"}, 400)
        with pytest.raises(FederationFailed) as caught:
            await client.sign_in(provider)
        assert caught.value.reason == "token endpoint: invalid_client"

    def test_shows_no_name_that_could_do_harm(self) -> None:
        assert read_apple_name('{"name": {"firstName": "a\\u202eb"}}') == ""
