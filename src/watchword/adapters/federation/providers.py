"""The providers of the settings, each behind one deadline."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from watchword.adapters.federation.answers import Start, read_callback
from watchword.adapters.federation.microsoft import is_issuer_of
from watchword.adapters.federation.oauth2 import OAuth2
from watchword.adapters.federation.openid_connect import OpenIdConnect
from watchword.adapters.federation.transport import Transport
from watchword.domain.errors import NotFound, ProviderUnavailable
from watchword.domain.federation import ConfiguredProvider, Identity, OpenIdProvider
from watchword.domain.time import SECOND, Span
from watchword.ports import Clock, ListedProvider

DEADLINE: Final[Span] = 5 * SECOND
# A provider that does not answer for its metadata or its keys leaves most of the time to the rest.
_DOCUMENTS: Final = 5


class FederatedProviders:
    """Keeps `Providers`. ``deadline`` is for all the requests of one call together, in ms.

    Making one connects to nothing: a provider that is down stops no start.
    """

    def __init__(
        self,
        configured: Sequence[ConfiguredProvider],
        transport: Transport,
        clock: Clock,
        deadline: Span = DEADLINE,
    ) -> None:
        self._listed = [
            ListedProvider(provider.id, provider.name, provider.posts_back)
            for provider in configured
        ]
        self._issuers = [provider.issuer for provider in configured]
        self._transport = transport
        self._deadline = deadline
        self._by_id = {
            provider.id: (
                OpenIdConnect(provider, transport, clock, patience=deadline // _DOCUMENTS)
                if isinstance(provider, OpenIdProvider)
                else OAuth2(provider, transport)
            )
            for provider in configured
        }

    def listed(self) -> Sequence[ListedProvider]:
        return self._listed

    def speaks_for(self, issuer: str) -> bool:
        return any(is_issuer_of(configured, issuer) for configured in self._issuers)

    async def begin(
        self, provider: str, *, redirect_uri: str, state: str, nonce: str, verifier: str
    ) -> str:
        chosen = self._find(provider)
        async with self._in_time():
            return await chosen.begin(Start(redirect_uri, state, nonce, verifier))

    async def finish(
        self,
        provider: str,
        parameters: Sequence[tuple[str, str]],
        *,
        redirect_uri: str,
        nonce: str,
        verifier: str,
    ) -> Identity:
        chosen = self._find(provider)
        callback = read_callback(
            parameters, redirect_uri=redirect_uri, nonce=nonce, verifier=verifier
        )
        async with self._in_time():
            return await chosen.finish(callback)

    async def close(self) -> None:
        await self._transport.close()

    def _find(self, provider: str) -> OpenIdConnect | OAuth2:
        if provider not in self._by_id:
            raise NotFound
        return self._by_id[provider]

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline / SECOND):
                yield
        except TimeoutError:
            raise ProviderUnavailable("too slow") from None
