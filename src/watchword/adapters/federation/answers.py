"""The callback of a flow, and what was remembered of its start."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from watchword.domain.errors import FederationFailed

_LONGEST: Final = 4_096
# What a provider may say instead of a code (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6). Only
# these words reach the log: anybody can call a callback with any text.
_ERRORS: Final = frozenset({
    "access_denied", "account_selection_required", "consent_required", "interaction_required",
    "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "login_required",
    "server_error", "temporarily_unavailable", "unauthorized_client", "unsupported_response_type",
    "user_cancelled_authorize", "incorrect_client_credentials", "bad_verification_code",
    "redirect_uri_mismatch",
})  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Start:
    """What the browser takes to the provider, and what it must not see: the verifier."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, repr=False)
class Callback:
    """What the browser brought back, with what the flow remembered."""

    code: str
    iss: str | None
    user: str | None
    redirect_uri: str
    nonce: str
    verifier: str


def read_callback(
    parameters: Sequence[tuple[str, str]], *, redirect_uri: str, nonce: str, verifier: str
) -> Callback:
    """Raise `FederationFailed` for a refusal, and for what could be read in two ways (O10)."""
    given = dict(parameters)
    if len(given) != len(parameters):
        raise FederationFailed("callback: a parameter twice")
    if "error" in given:
        raise FederationFailed(f"callback: {name_error(given['error'])}")
    code = given.get("code", "")
    if not 0 < len(code) <= _LONGEST or not (code.isascii() and code.isprintable()):
        raise FederationFailed("callback: no code")
    return Callback(code, given.get("iss"), given.get("user"), redirect_uri, nonce, verifier)


def name_error(word: object) -> str:
    """The provider's error code if it is one that exists."""
    return word if isinstance(word, str) and word in _ERRORS else "another error"
