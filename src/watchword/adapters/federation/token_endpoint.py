"""The code becomes tokens (RFC 6749 section 4.1.3, with the verifier of RFC 7636)."""

from dataclasses import dataclass
from typing import Final

from watchword.adapters.federation.answers import Callback, name_error
from watchword.adapters.federation.client_secrets import Proof
from watchword.adapters.federation.transport import Transport
from watchword.domain.errors import FederationFailed

_WHAT: Final = "token endpoint"


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """``id_token`` is empty when none came."""

    access_token: str
    id_token: str


async def exchange(transport: Transport, url: str, callback: Callback, proof: Proof) -> Tokens:
    form = {
        "grant_type": "authorization_code",
        "code": callback.code,
        "redirect_uri": callback.redirect_uri,
        "code_verifier": callback.verifier,
        **proof.form,
    }
    reply = await transport.post(url, _WHAT, form, proof.headers)
    document = reply.document(_WHAT)
    # GitHub refuses with 200.
    if not reply.is_ok or "error" in document:
        raise FederationFailed(f"{_WHAT}: {name_error(document.get('error'))}")
    access_token, id_token = document.get("access_token"), document.get("id_token", "")
    if str(document.get("token_type")).lower() != "bearer":
        raise FederationFailed(f"{_WHAT}: another type of token")
    if not isinstance(access_token, str) or not isinstance(id_token, str):
        raise FederationFailed(f"{_WHAT}: no token")
    if not access_token or not (access_token.isascii() and access_token.isprintable()):
        raise FederationFailed(f"{_WHAT}: no token")
    return Tokens(access_token, id_token)
