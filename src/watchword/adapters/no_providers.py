"""Where no other identity provider is configured: nobody is sent anywhere."""

# ruff: noqa: ARG002  what is asked for makes no difference

from collections.abc import Sequence
from typing import NoReturn

from watchword.domain.errors import NotFound
from watchword.ports import ListedProvider


class NoProviders:
    """Keeps `Providers`."""

    def listed(self) -> Sequence[ListedProvider]:
        return ()

    def speaks_for(self, issuer: str) -> bool:
        return False

    async def begin(
        self, provider: str, *, redirect_uri: str, state: str, nonce: str, verifier: str
    ) -> NoReturn:
        raise NotFound

    async def finish(
        self,
        provider: str,
        parameters: Sequence[tuple[str, str]],
        *,
        redirect_uri: str,
        nonce: str,
        verifier: str,
    ) -> NoReturn:
        raise NotFound

    async def close(self) -> None:
        """There is nothing open."""
