"""The documented configurations, in the proxies that they are for: who gets through, and as whom.

Where a proxy is not installed its tests are left out, and say so; in CI they fail.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.proxies.stage import (
    ADMIN,
    PASSWORD,
    Ports,
    caddy,
    is_here,
    new_ports,
    nginx,
    site,
    watchword,
)

Proxy = Callable[[Path, Ports], AbstractContextManager[None]]
PROXIES: dict[str, Proxy] = {"nginx": nginx, "caddy": caddy}
ADA = {"email": "zo\u00eb%0d@example.com", "password": PASSWORD}
FORGED = {
    "X-Auth-User": "root",
    "x-auth-role": "admin",
    "X-Auth-Session": "s",
    "X-Auth-Email": ADMIN,
    "X_Auth_User": "root",
    "X_auth_role": "admin",
}


def _proxy(name: str) -> Any:
    is_left_out = not is_here(name) and "CI" not in os.environ  # noqa: TID251
    why = f"THE PROOF OF FORWARD AUTH WITH {name.upper()} IS LEFT OUT: it is not installed"
    return pytest.param(name, marks=pytest.mark.skipif(is_left_out, reason=why))


@pytest.fixture(scope="module", params=[_proxy(name) for name in PROXIES])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the proxy, with everything that stands behind it; Ada has an account."""
    ports, name = new_ports(), str(request.param)
    behind, before = tmp_path_factory.mktemp("watchword"), tmp_path_factory.mktemp(name)
    with ExitStack() as stack:
        stack.enter_context(site(ports.site))
        stack.enter_context(watchword(behind, ports, dict(os.environ)))  # noqa: TID251
        stack.enter_context(PROXIES[name](before, ports))
        url = f"http://localhost:{ports.proxy}"
        assert httpx2.post(f"{url}/auth/register", json=ADA, timeout=30).status_code == 201
        yield url


@pytest.fixture
def client(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=30) as client:
        yield client


def sign_in(client: httpx2.Client, email: str = ADA["email"], **more: str) -> dict[str, Any]:
    wanted = {"email": email, "password": PASSWORD, "transport": "session", **more}
    answer = client.post("/auth/login", json=wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(answer: httpx2.Response) -> dict[str, list[str]]:
    """What the site heard of who is asking, by header, however it is spelt."""
    assert answer.status_code == 200, answer.text
    found: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        if name.replace("_", "-").startswith("x-auth-"):
            found.setdefault(name, []).append(value)
    return found


def as_told_of(content: dict[str, Any]) -> dict[str, list[str]]:
    user = content["user"]
    return {
        "x-auth-user": [user["id"]],
        "x-auth-role": [user["role"]],
        "x-auth-session": [content["session"]["id"]],
        "x-auth-email": [user["email"].replace("%", "%25").replace("\u00eb", "%C3%AB")],
    }


class TestWhoIsSignedIn:
    @pytest.mark.parametrize("transport", ["session", "body"])
    def test_gets_through_and_is_named(self, transport: str, client: httpx2.Client) -> None:
        content = sign_in(client, transport=transport)
        token = content.get("accessToken")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert told(client.get("/", headers=headers)) == as_told_of(content)

    def test_posts_what_they_post_to_the_site(self, client: httpx2.Client) -> None:
        content = sign_in(client)
        answer = client.post(
            "/orders?role=admin&x=1", content=b"a body", headers={"Content-Type": "text/x"}
        )
        assert told(answer) == as_told_of(content)
        assert (answer.json()["method"], answer.json()["body"]) == ("POST", "a body")

    @pytest.mark.parametrize("path", ["/", "/admin/", "/public/"])
    def test_is_nobody_else_by_saying_so(self, path: str, client: httpx2.Client) -> None:
        content = sign_in(client, ADMIN if path == "/admin/" else ADA["email"])
        expected = {} if path == "/public/" else as_told_of(content)
        assert told(client.get(path, headers=FORGED)) == expected

    def test_is_an_administrator_where_one_is_needed(self, client: httpx2.Client) -> None:
        sign_in(client)
        for path in ("/admin/", "/admin/x?role=user"):
            answer = client.get(path, headers=FORGED)
            assert answer.status_code == 403
            assert "headers" not in answer.text
        content = sign_in(client, ADMIN)
        assert told(client.get("/admin/x")) == as_told_of(content)

    def test_is_kept_out_by_the_very_next_request_once_signed_out(
        self, client: httpx2.Client
    ) -> None:
        token = sign_in(client, transport="body")["accessToken"]
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/", headers=headers).status_code == 200
        assert client.post("/auth/logout", headers=headers, json={}).status_code == 200
        assert client.get("/", headers=headers).status_code == 401


class TestWhoIsNot:
    @pytest.mark.parametrize(
        "headers",
        [{}, FORGED, {"Authorization": "Bearer x"}, {"Cookie": "session=x"}],
        ids=["nothing", "forged", "token", "cookie"],
    )
    @pytest.mark.parametrize(
        "path", ["/", "/?role=user", "/admin/", "/admin/..%2f", "/public/..%2fadmin/", "/publicx"]
    )
    def test_gets_nowhere(self, path: str, headers: dict[str, str], client: httpx2.Client) -> None:
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert "headers" not in answer.text

    def test_is_told_how_to_come(self, client: httpx2.Client) -> None:
        assert client.get("/").headers["www-authenticate"].startswith("Bearer")

    def test_reads_what_is_public_as_nobody(self, client: httpx2.Client) -> None:
        assert told(client.get("/public/x", headers=FORGED)) == {}

    def test_gets_nowhere_with_two_tokens(self, client: httpx2.Client) -> None:
        token = sign_in(client, transport="body")["accessToken"]
        twice = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")]
        answer = client.get("/", headers=twice)
        assert answer.status_code in {400, 500}
        assert "headers" not in answer.text

    @pytest.mark.parametrize("path", ["/_user", "/_admin"])
    def test_cannot_ask_the_proxys_own_questions(self, path: str, client: httpx2.Client) -> None:
        assert client.get(path).status_code in {401, 404}
