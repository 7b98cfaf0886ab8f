"""A provider of the tests' own, and our client for it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.adapters.federation.lying import CLIENT_ID, SECRET, LyingProvider, lying
from watchword.adapters.federation import FederatedProviders
from watchword.adapters.federation.transport import Transport
from watchword.crypto.secret import Secret
from watchword.domain.federation import ConfiguredProvider, Identity, OpenIdProvider
from watchword.domain.time import SECOND
from watchword.testing import FakeClock

REDIRECT = "http://localhost:8000/auth/other/callback"
STATE, NONCE, VERIFIER = "the-state", "the-nonce", "v" * 43


class Client:
    """Our side, as a flow would use it: goes there, comes back."""

    def __init__(self, providers: FederatedProviders) -> None:
        self.providers = providers

    async def begin(self, **changes: str) -> str:
        start = {"state": STATE, "nonce": NONCE, "verifier": VERIFIER, "redirect_uri": REDIRECT}
        return await self.providers.begin("other", **{**start, **changes})

    async def finish(self, parameters: list[tuple[str, str]], **changes: str) -> Identity:
        kept = {"nonce": NONCE, "verifier": VERIFIER, "redirect_uri": REDIRECT}
        return await self.providers.finish("other", parameters, **{**kept, **changes})

    async def sign_in(self, provider: LyingProvider) -> Identity:
        return await self.finish(provider.approve(await self.begin()))


MakeClient = Callable[..., Client]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def provider(clock: FakeClock) -> AsyncIterator[LyingProvider]:
    async with lying(clock) as one:
        yield one


def ours(provider: LyingProvider) -> OpenIdProvider:
    return OpenIdProvider(
        id="other",
        name="Other",
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=Secret(SECRET.encode()),
    )


@pytest.fixture
async def make_client(provider: LyingProvider, clock: FakeClock) -> AsyncIterator[MakeClient]:
    """A client of ``provider``, or of another configured one; ``deadline`` in ms."""
    made: list[FederatedProviders] = []

    def make(
        configured: ConfiguredProvider | None = None,
        *,
        deadline: int = 30 * SECOND,
        connections: httpx2.AsyncBaseTransport | None = None,
        **changes: Any,
    ) -> Client:
        chosen = configured or replace(ours(provider), **changes)
        transport = Transport(connections or httpx2.AsyncHTTPTransport())
        made.append(FederatedProviders([chosen], transport, clock, deadline))
        return Client(made[-1])

    yield make
    for providers in made:
        await providers.close()


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    return make_client()
