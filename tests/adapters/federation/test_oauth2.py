"""Plain OAuth 2: who the access token opens userinfo for, and GitHub's list of addresses."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.adapters.federation.conftest import Client, MakeClient
from tests.adapters.federation.lying import (
    ACCESS_TOKEN,
    CLIENT_ID,
    SECRET,
    Answer,
    LyingProvider,
    as_json,
)
from watchword.crypto.secret import Secret
from watchword.domain.errors import FederationFailed
from watchword.domain.federation import OAuthProvider

ISSUER = "https://github.com"


def github(provider: LyingProvider, *, with_emails: bool = True) -> OAuthProvider:
    return OAuthProvider(
        id="other",
        name="GitHub",
        issuer=ISSUER,
        client_id=CLIENT_ID,
        client_secret=Secret(SECRET.encode()),
        authorize_url=f"{provider.issuer}/authorize",
        token_url=f"{provider.issuer}/token",
        userinfo_url=f"{provider.issuer}/user",
        emails_url=f"{provider.issuer}/user/emails" if with_emails else None,
        scopes=("read:user", "user:email"),
    )


@pytest.fixture
def client(make_client: MakeClient, provider: LyingProvider) -> Client:
    provider.answers["/user"] = as_json({"id": 583231, "login": "octocat", "name": "Octo Cat"})
    provider.answers["/user/emails"] = as_json(emails(("octo@example.com", True, True)))
    return make_client(github(provider))


def emails(*entries: tuple[object, object, object]) -> Sequence[object]:
    return [
        {"email": email, "primary": primary, "verified": verified}
        for email, primary, verified in entries
    ]


async def test_the_number_is_the_subject_and_the_setting_the_issuer(
    client: Client, provider: LyingProvider
) -> None:
    identity = await client.sign_in(provider)
    assert (identity.issuer, identity.subject) == (ISSUER, "583231")
    assert identity.email is not None
    assert (identity.email.text, identity.email_verified) == ("octo@example.com", True)
    assert identity.name == "Octo Cat"
    assert provider.asked[-1].headers["authorization"] == f"Bearer {ACCESS_TOKEN}"


async def test_o03_pkce_is_sent_and_the_secret_goes_to_the_token_endpoint_alone(
    client: Client, provider: LyingProvider
) -> None:
    url = await client.begin()
    wanted = dict(parse_qsl(urlsplit(url).query))
    assert (wanted["code_challenge_method"], wanted["scope"]) == ("S256", "read:user user:email")
    assert "nonce" not in wanted
    await client.finish(provider.approve(url))
    assert [asked.path for asked in provider.asked if "client_secret" in asked.form] == ["/token"]


@pytest.mark.parametrize(
    "entries",
    [
        emails(("v@example.com", True, False)),
        emails(("v@example.com", True, "true")),
        emails(("v@example.com", False, True)),
        emails(("not an address", True, True)),
        emails((None, True, True)),
        [],
        [7, None],
    ],
)
async def test_o07_only_the_verified_primary_address_counts(
    entries: Sequence[object], client: Client, provider: LyingProvider
) -> None:
    provider.answers["/user/emails"] = as_json(entries)
    identity = await client.sign_in(provider)
    assert (identity.email, identity.email_verified) == (None, False)


async def test_o07_the_address_of_another_provider_is_never_verified(
    make_client: MakeClient, provider: LyingProvider
) -> None:
    about = {"id": "u1", "email": "v@example.com", "email_verified": True, "verified": True}
    provider.answers["/user"] = as_json(about)
    identity = await make_client(github(provider, with_emails=False)).sign_in(provider)
    assert identity.subject == "u1"
    assert identity.email is not None
    assert not identity.email_verified


@pytest.mark.parametrize(
    "subject", [None, "", True, 1.5, [1], "a" * 256, "a\nb", "ä", 10**300], ids=lambda v: str(v)[:9]
)
async def test_an_answer_without_a_subject_signs_nobody_in(
    subject: object, client: Client, provider: LyingProvider
) -> None:
    provider.answers["/user"] = as_json({"id": subject, "login": "octocat"})
    with pytest.raises(FederationFailed) as caught:
        await client.sign_in(provider)
    assert caught.value.reason == "userinfo: no subject"


@pytest.mark.parametrize(
    "answer", [Answer(b""), Answer(b"{}"), Answer(b"[{]"), as_json([], 404), Answer(b"[]", 302)]
)
async def test_o12_a_list_of_addresses_that_cannot_be_read_ends_the_flow(
    answer: Answer, client: Client, provider: LyingProvider
) -> None:
    provider.answers["/user/emails"] = answer
    with pytest.raises(FederationFailed, match="Start again"):
        await client.sign_in(provider)


async def test_a_refusal_with_a_status_of_success_is_a_refusal(
    client: Client, provider: LyingProvider
) -> None:
    provider.answers["/token"] = as_json({"error": "bad_verification_code"})
    with pytest.raises(FederationFailed) as caught:
        await client.sign_in(provider)
    assert caught.value.reason == "token endpoint: bad_verification_code"
