"""The whole flow with an OpenID provider that others wrote, its own pages included."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from tests.driving import serving
from tests.real_provider import configured, modules_of, running
from watchword.adapters.federation import FederatedProviders
from watchword.adapters.federation.transport import Transport
from watchword.adapters.system import SystemClock
from watchword.domain.errors import FederationFailed
from watchword.domain.federation import Identity
from watchword.testing import FakeClock

REDIRECT = "http://localhost:8000/auth/real/callback"
NONCE, VERIFIER = "n-0S6_WzA2Mj", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

_FORM = re.compile(r'<form[^>]*action="([^"]*)"')
_PROMPT = re.compile(r'name="prompt" value="([^"]*)"')


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> Path:
    return modules_of(pytestconfig)


@pytest.fixture(params=[True, False], ids=["pushed", "plain"])
async def providers(
    request: pytest.FixtureRequest, installed: Path, tmp_path: Path
) -> AsyncIterator[FederatedProviders]:
    with running(
        installed, tmp_path / "provider", callback=REDIRECT, pushed=request.param
    ) as issuer:
        transport = Transport(httpx2.AsyncHTTPTransport())
        made = FederatedProviders([configured("real", issuer)], transport, SystemClock())
        yield made
        await made.close()


async def approve(url: str, login: str) -> list[tuple[str, str]]:
    """Go there as a browser does: sign in, agree, and come back with what the provider says."""
    async with httpx2.AsyncClient() as browser:
        answer = await browser.get(url)
        while not answer.headers.get("location", "").startswith(REDIRECT):
            if answer.is_redirect:
                answer = await browser.get(urljoin(str(answer.url), answer.headers["location"]))
                continue
            assert answer.status_code == 200, answer.text
            form, prompt = _FORM.search(answer.text), _PROMPT.search(answer.text)
            assert form is not None
            assert prompt is not None
            fields = {"prompt": prompt[1], "login": login, "password": "any"}
            answer = await browser.post(
                urljoin(str(answer.url), html.unescape(form[1])), data=fields
            )
        return parse_qsl(urlsplit(answer.headers["location"]).query)


async def begin(providers: FederatedProviders) -> str:
    return await providers.begin(
        "real", redirect_uri=REDIRECT, state="a-state", nonce=NONCE, verifier=VERIFIER
    )


async def finish(
    providers: FederatedProviders, parameters: list[tuple[str, str]], nonce: str = NONCE
) -> Identity:
    return await providers.finish(
        "real", parameters, redirect_uri=REDIRECT, nonce=nonce, verifier=VERIFIER
    )


@pytest.mark.parametrize("login", ["ada", "bob"])
async def test_somebody_who_signs_in_there_is_known_here(
    login: str, providers: FederatedProviders
) -> None:
    parameters = await approve(await begin(providers), login)
    given = dict(parameters)
    assert given["state"] == "a-state"
    identity = await finish(providers, parameters)
    assert (identity.issuer, identity.subject, identity.name) == (given["iss"], login, login)
    assert identity.email is not None
    assert identity.email.text == f"{login}@example.com"
    assert identity.email_verified is (login == "ada")


async def test_a_browser_goes_there_and_comes_back_signed_in(
    installed: Path, tmp_path: Path
) -> None:
    """The server as a whole, over HTTP."""
    with running(installed, tmp_path / "provider", callback=REDIRECT) as issuer:
        clock = FakeClock(SystemClock().now())
        async with serving(
            tmp_path / "data", clock=clock, providers=(configured("real", issuer),)
        ) as server:
            client = server.client()
            answer = await client.get("/auth/real", params={"returnTo": "/welcome"})
            parameters = await approve(answer.headers["location"], "ada")
            back = await client.get("/auth/real/callback", params=dict(parameters))
            assert (back.status_code, back.headers["location"]) == (303, "/welcome")
            grant = await client.post("/auth/refresh", json={})
            access = {"Authorization": f"Bearer {grant.json()['accessToken']}"}
            profile = (await client.get("/profile", headers=access)).json()
            assert profile["user"]["email"] == "ada@example.com"
            assert profile["user"]["emailVerified"] is True
            again = await client.get("/auth/real/callback", params=dict(parameters))
            assert again.json()["code"] == "OAUTH_FAILED"


async def test_o04_a_code_is_good_for_one_flow(providers: FederatedProviders) -> None:
    parameters = await approve(await begin(providers), "ada")
    await finish(providers, parameters)
    with pytest.raises(FederationFailed) as caught:
        await finish(providers, parameters)
    assert caught.value.reason == "token endpoint: invalid_grant"


async def test_o03_a_code_of_another_flow_is_refused(providers: FederatedProviders) -> None:
    parameters = await approve(await begin(providers), "ada")
    with pytest.raises(FederationFailed) as caught:
        await finish(providers, parameters, nonce="of another flow")
    assert caught.value.reason == "ID token: nonce"


async def test_o05_the_answer_names_its_issuer_or_is_refused(
    providers: FederatedProviders,
) -> None:
    parameters = await approve(await begin(providers), "ada")
    with pytest.raises(FederationFailed) as caught:
        await finish(providers, [pair for pair in parameters if pair[0] != "iss"])
    assert caught.value.reason == "callback: no issuer, although it was promised"
