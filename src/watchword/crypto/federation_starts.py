"""What is remembered of somebody who went to another provider, sealed until they come back.

Invariant: it opens for the one way back that it was sealed for; whoever reads the database alone
learns neither the verifier nor the nonce, and can put nothing in their place.
"""

import msgspec

from watchword.crypto import base64url
from watchword.crypto.sealing import SealBroken, Sealer


class Vouched(msgspec.Struct, frozen=True):
    """Whom the provider has said somebody is; ``address`` and its ``key`` may be empty."""

    issuer: str
    subject: str
    address: str
    key: str

    def __repr__(self) -> str:
        return f"Vouched(issuer={self.issuer!r})"


class FederationStart(msgspec.Struct, frozen=True, kw_only=True):
    """``nonce`` is of OpenID Connect, ``verifier`` of PKCE. ``device`` and ``replaces`` are what
    the browser held when it left: the strict cookies do not come back with it. ``session_id`` is
    that of a signed-in person who wants to link ``provider``; None for a sign-in. ``asks``: once
    they are back they are asked whether to link; ``vouched`` is what waits for their word.
    """

    provider: str
    nonce: str
    verifier: str
    return_to: str
    transport: str
    remember: bool = True
    device: str | None = None
    replaces: tuple[str, ...] = ()
    session_id: str | None = None
    asks: bool = False
    vouched: Vouched | None = None

    def __repr__(self) -> str:
        return f"FederationStart(provider={self.provider!r})"

    def waiting(self, vouched: Vouched) -> "FederationStart":
        return msgspec.structs.replace(self, vouched=vouched)


class SealedStarts:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(FederationStart).decode

    def seal(self, start: FederationStart, token_hash: bytes) -> str:
        return base64url.encode(self._sealer.seal(self._encode(start), _place(token_hash)))

    def open(self, sealed: str, token_hash: bytes) -> FederationStart:
        """Raise `SealBroken` for anything that was not sealed for ``token_hash``."""
        try:
            return self._decode(self._sealer.open(base64url.decode(sealed), _place(token_hash)))
        except (ValueError, msgspec.DecodeError):
            raise SealBroken("not a start") from None


def _place(token_hash: bytes) -> bytes:
    return b"links.detail " + token_hash
