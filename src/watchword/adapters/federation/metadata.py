"""What an OpenID provider says about itself (OpenID Connect Discovery 1.0, RFC 8414, RFC 9207).

Invariant: what comes out of `read_metadata` is of the issuer that was asked, and every address in
it is as well guarded as that issuer's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from watchword.crypto.provider_keys import ProviderAlgorithm
from watchword.domain.errors import FederationFailed
from watchword.domain.federation import require_endpoint

DISCOVERY: Final = "/.well-known/openid-configuration"

_WHAT: Final = "metadata"


@dataclass(frozen=True, slots=True)
class Metadata:
    """``answers_with_issuer``: the callback carries `iss` (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    pushed_request_endpoint: str | None
    algorithms: frozenset[ProviderAlgorithm]
    auth_methods: frozenset[str]
    answers_with_issuer: bool


def read_metadata(document: Mapping[str, object], issuer: str) -> Metadata:
    """``issuer`` is what the document must call itself, exactly (ASVS 10.5.3; attack O06)."""
    if document.get("issuer") != issuer:
        raise FederationFailed(f"{_WHAT}: another issuer")
    methods = _words(document, "code_challenge_methods_supported", "S256")
    if "S256" not in methods:
        raise FederationFailed(f"{_WHAT}: no PKCE with S256")
    if "code" not in _words(document, "response_types_supported", "code"):
        raise FederationFailed(f"{_WHAT}: no authorization code flow")
    supported = _words(document, "id_token_signing_alg_values_supported", "RS256")
    algorithms = frozenset(word for word in ProviderAlgorithm if word.value in supported)
    if not algorithms:
        raise FederationFailed(f"{_WHAT}: no algorithm for ID tokens that can be relied on")
    promised = document.get("authorization_response_iss_parameter_supported", False)
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_address(document, "authorization_endpoint", issuer),
        token_endpoint=_address(document, "token_endpoint", issuer),
        jwks_uri=_address(document, "jwks_uri", issuer),
        userinfo_endpoint=_optional(document, "userinfo_endpoint", issuer),
        pushed_request_endpoint=_optional(
            document, "pushed_authorization_request_endpoint", issuer
        ),
        algorithms=algorithms,
        auth_methods=_words(
            document, "token_endpoint_auth_methods_supported", "client_secret_basic"
        ),
        answers_with_issuer=promised is True,
    )


def _words(document: Mapping[str, object], name: str, default: str) -> frozenset[str]:
    value = document.get(name, [default])
    if not isinstance(value, list):
        raise FederationFailed(f"{_WHAT}: {name}")
    return frozenset(word for word in value if isinstance(word, str))


def _optional(document: Mapping[str, object], name: str, issuer: str) -> str | None:
    return None if document.get(name) is None else _address(document, name, issuer)


def _address(document: Mapping[str, object], name: str, issuer: str) -> str:
    try:
        address = require_endpoint(document.get(name))
    except ValueError:
        raise FederationFailed(f"{_WHAT}: {name}") from None
    # Plain http is for a provider on this machine, which alone may name others there.
    if issuer.startswith("https:") and not address.startswith("https:"):
        raise FederationFailed(f"{_WHAT}: {name}")
    return address
