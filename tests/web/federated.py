"""A server with another identity provider beside it, and browsers that go there and back.

The provider listens on this machine and says whatever a test wants it to say.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from tests.adapters.federation.lying import CLIENT_ID, SECRET, LyingProvider, lying
from tests.driving import Holder, Server, serving
from watchword.crypto.secret import Secret
from watchword.domain.federation import OpenIdProvider
from watchword.testing import FakeClock

CALLBACK = "/auth/other/callback"
Pairs = list[tuple[str, str]]


def configured(
    provider: LyingProvider, id_: str = "other", *, posts_back: bool = False
) -> OpenIdProvider:
    return OpenIdProvider(
        id=id_,
        name="Other",
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=Secret(SECRET.encode()),
        posts_back=posts_back,
    )


@dataclass
class Scene:
    server: Server
    provider: LyingProvider

    def browser(self, **headers: str) -> "Browser":
        return Browser(self, self.server.client(**headers))

    def become(self, subject: str, email: object = ..., *, verified: object = True) -> None:
        """Whom the provider says it is from now on; ``...``: it does not say."""
        self.provider.claims = {"sub": subject, "email": email, "email_verified": verified}

    async def enter(self, **asked: str) -> "Browser":
        """Somebody new in front of a browser of their own, signed in."""
        browser = self.browser()
        answer = await browser.sign_in(**asked)
        assert answer.status_code == 303, answer.text
        return browser


@dataclass
class Browser:
    scene: Scene
    client: httpx2.AsyncClient

    async def leave(self, provider: str = "other", **asked: str) -> Pairs:
        """To the provider; what it sends the browser back with."""
        answer = await self.client.get(f"/auth/{provider}", params=asked)
        assert answer.status_code == 302, answer.text
        return self.scene.provider.approve(answer.headers["location"])

    async def come_back(self, pairs: Pairs, path: str = CALLBACK) -> httpx2.Response:
        return await self.client.get(path, params=urlencode(pairs))

    async def sign_in(self, **asked: str) -> httpx2.Response:
        return await self.come_back(await self.leave(**asked))

    async def hold(self) -> Holder:
        """What a page of ours does first: an access token by the refresh cookie."""
        answer = await self.client.post(
            "/auth/refresh", headers={"Sec-Fetch-Site": "same-origin"}, json={}
        )
        assert answer.status_code == 200, answer.text
        return Holder(self.client, answer.json())


async def link(scene: Scene, holder: Holder, **body: str) -> httpx2.Response:
    """All the way, for somebody who is signed in."""
    answer = await holder.post("/auth/other/link", json=body)
    assert answer.status_code == 200, answer.text
    pairs = scene.provider.approve(answer.json()["url"])
    return await holder.client.get(CALLBACK, params=urlencode(pairs))


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@asynccontextmanager
async def beside(
    folder: Path, *, posts_back: bool = False, **settings: Any
) -> AsyncIterator[Scene]:
    clock = FakeClock()
    async with lying(clock) as provider:
        chosen = (configured(provider, posts_back=posts_back), configured(provider, "second"))
        async with serving(folder, clock=clock, providers=chosen, **settings) as server:
            yield Scene(server, provider)
