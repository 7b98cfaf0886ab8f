"""The request that the browser carries to a provider (RFC 6749 section 4.1.1, RFC 7636)."""

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from watchword.adapters.federation.answers import Start
from watchword.crypto import base64url


def ask_for_code(client_id: str, scopes: Sequence[str], start: Start) -> dict[str, str]:
    wanted = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": start.redirect_uri,
        "state": start.state,
        "code_challenge": base64url.encode(hashlib.sha256(start.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    if scopes:
        wanted["scope"] = " ".join(scopes)
    return wanted


def at_address(endpoint: str, wanted: Mapping[str, str]) -> str:
    """The endpoint keeps a query of its own (RFC 6749 section 3.1)."""
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(wanted)}"
