"""OpenID Connect as a relying party: the authorization code flow, with everything it offers.

PKCE (RFC 7636), nonce, `iss` in the callback (RFC 9207), and pushed requests (RFC 9126) where the
provider takes them.
"""

from collections.abc import Mapping
from typing import Final

from watchword.adapters.federation.answers import Callback, Start, name_error
from watchword.adapters.federation.authorization import ask_for_code, at_address
from watchword.adapters.federation.claims import read_apple_name, read_identity
from watchword.adapters.federation.client_secrets import Proof, prove
from watchword.adapters.federation.metadata import DISCOVERY, Metadata, read_metadata
from watchword.adapters.federation.microsoft import metadata_issuer, token_issuer
from watchword.adapters.federation.remembered import Remembered
from watchword.adapters.federation.token_endpoint import Tokens, exchange
from watchword.adapters.federation.transport import Transport
from watchword.crypto import id_tokens
from watchword.crypto.jws import InvalidToken, UnknownKey
from watchword.crypto.provider_keys import ProviderKeys
from watchword.domain.errors import FederationFailed
from watchword.domain.federation import Identity, OpenIdProvider
from watchword.domain.time import SECOND, Span
from watchword.ports import Clock

_PUSHED: Final = "pushed request"
_CREATED: Final = 201


class OpenIdConnect:
    """One provider, whose metadata and keys are fetched when somebody first signs in there."""

    def __init__(
        self, provider: OpenIdProvider, transport: Transport, clock: Clock, *, patience: Span
    ) -> None:
        self._provider = provider
        self._transport = transport
        self._clock = clock
        self._metadata = Remembered(self._fetch_metadata, clock, patience=patience)
        self._keys = Remembered(self._fetch_keys, clock, patience=patience)

    async def begin(self, start: Start) -> str:
        metadata = await self._metadata.get()
        wanted = ask_for_code(self._provider.client_id, self._provider.scopes, start)
        wanted["nonce"] = start.nonce
        if self._provider.posts_back:
            wanted["response_mode"] = "form_post"
        if metadata.pushed_request_endpoint is not None:
            wanted = await self._push(metadata, metadata.pushed_request_endpoint, wanted)
        return at_address(metadata.authorization_endpoint, wanted)

    async def finish(self, callback: Callback) -> Identity:
        metadata = await self._metadata.get()
        _require_same_issuer(metadata, callback)
        tokens = await exchange(
            self._transport, metadata.token_endpoint, callback, self._proof(metadata)
        )
        claims = await self._verify(metadata, callback, tokens)
        if callback.iss is not None and callback.iss != claims["iss"]:
            raise FederationFailed("callback: another issuer")
        about = await self._ask_about(metadata, claims, tokens)
        if self._provider.posts_back and "name" not in about:
            about = {**about, "name": read_apple_name(callback.user)}
        return read_identity(str(claims["iss"]), str(claims["sub"]), claims, about)

    async def _fetch_metadata(self) -> Metadata:
        issuer = self._provider.issuer
        document = await self._transport.document(issuer.rstrip("/") + DISCOVERY, "metadata")
        return read_metadata(document, metadata_issuer(issuer))

    async def _fetch_keys(self) -> ProviderKeys:
        metadata = await self._metadata.get()
        try:
            return ProviderKeys.from_jwks(await self._transport.document(metadata.jwks_uri, "keys"))
        except ValueError:
            raise FederationFailed("keys: not a key set") from None

    def _proof(self, metadata: Metadata) -> Proof:
        provider = self._provider
        return prove(provider.client_id, provider.client_secret, metadata.auth_methods, self._clock)

    async def _push(
        self, metadata: Metadata, url: str, wanted: Mapping[str, str]
    ) -> dict[str, str]:
        """The browser then carries a reference alone, and cannot be made to change the request."""
        proof = self._proof(metadata)
        reply = await self._transport.post(url, _PUSHED, {**wanted, **proof.form}, proof.headers)
        document = reply.document(_PUSHED)
        reference = document.get("request_uri")
        is_named = isinstance(reference, str) and reference.isascii() and bool(reference)
        if reply.status != _CREATED or not is_named:
            raise FederationFailed(f"{_PUSHED}: {name_error(document.get('error'))}")
        return {"client_id": self._provider.client_id, "request_uri": str(reference)}

    async def _verify(
        self, metadata: Metadata, callback: Callback, tokens: Tokens
    ) -> dict[str, object]:
        expected = id_tokens.Expected(
            issuer_of=lambda claims: token_issuer(metadata.issuer, claims),
            client_id=self._provider.client_id,
            nonce=callback.nonce,
            access_token=tokens.access_token,
            algorithms=metadata.algorithms,
            now=self._clock.now() / SECOND,
        )
        keys = await self._keys.get()
        try:
            try:
                return id_tokens.verify(tokens.id_token, keys, expected)
            except UnknownKey:
                # The provider may have changed its keys since.
                keys = await self._keys.get_after(keys)
                return id_tokens.verify(tokens.id_token, keys, expected)
        except InvalidToken as refusal:
            raise FederationFailed(f"ID token: {refusal.reason}") from None

    async def _ask_about(
        self, metadata: Metadata, claims: Mapping[str, object], tokens: Tokens
    ) -> Mapping[str, object]:
        """Who says address and name: the ID token, or userinfo where it does not."""
        is_asked = "email" in self._provider.scopes and "email" not in claims
        if not is_asked or metadata.userinfo_endpoint is None:
            return claims
        about = await self._transport.document(
            metadata.userinfo_endpoint, "userinfo", bearer=tokens.access_token
        )
        # OpenID Connect Core 5.3.2: another subject means another person's answer.
        if about.get("sub") != claims["sub"]:
            raise FederationFailed("userinfo: another subject")
        return about


def _require_same_issuer(metadata: Metadata, callback: Callback) -> None:
    """Before the code is given away: it may be that of another provider (attack O05)."""
    if callback.iss is None:
        if metadata.answers_with_issuer:
            raise FederationFailed("callback: no issuer, although it was promised")
    elif "{" not in metadata.issuer and callback.iss != metadata.issuer:
        raise FederationFailed("callback: another issuer")
