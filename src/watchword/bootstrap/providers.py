"""The other identity providers that the settings name; where none is, nothing of it is imported."""

from typing import Protocol

from watchword.adapters.no_providers import NoProviders
from watchword.ports import Clock, Providers
from watchword.settings import Settings


class OpenProviders(Providers, Protocol):
    """With connections that end when the process does."""

    async def close(self) -> None: ...


def make_providers(settings: Settings, clock: Clock) -> OpenProviders:
    if not settings.providers:
        return NoProviders()
    import httpx2  # lazy: 80 ms that only providers need

    from watchword.adapters.federation import FederatedProviders  # lazy: as above
    from watchword.adapters.federation.transport import Transport  # lazy: as above

    return FederatedProviders(settings.providers, Transport(httpx2.AsyncHTTPTransport()), clock)
