"""Signing in at another identity provider: sent there, and come back with an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from watchword.domain.federation import Identity


@dataclass(frozen=True, slots=True)
class ListedProvider:
    """A provider as people choose it. ``posts_back``: see `OpenIdProvider`."""

    id: str
    name: str
    posts_back: bool = False


class Providers(Protocol):
    """The relying party's half of the authorization code flow with PKCE (RFC 6749, RFC 7636).

    The caller makes ``state``, ``nonce`` and ``verifier`` (43 to 128 characters of RFC 7636 4.1)
    afresh for each flow, binds them to the browser and to the provider, and compares ``state``
    before it calls `finish`, once (attacks O01, O02, O04). ``redirect_uri`` is the same in both
    calls, and of this provider alone (attack O05).

    Both raise `NotFound` for a provider that is not configured, `ProviderUnavailable` for one that
    is down or slow, and `FederationFailed` for everything else.
    """

    def listed(self) -> Sequence[ListedProvider]:
        """Those that are configured, by id."""
        ...

    def speaks_for(self, issuer: str) -> bool:
        """Whether one of those that are configured, by whatever id, says who its people are: an
        identity of any other issuer lets nobody in.
        """
        ...

    async def begin(
        self, provider: str, *, redirect_uri: str, state: str, nonce: str, verifier: str
    ) -> str:
        """The address to send the browser to."""
        ...

    async def finish(
        self,
        provider: str,
        parameters: Sequence[tuple[str, str]],
        *,
        redirect_uri: str,
        nonce: str,
        verifier: str,
    ) -> Identity:
        """Whom the provider says it was. ``parameters``: of the callback, as they came, doubles
        included.
        """
        ...
