"""How we tell a provider that it is us: a secret in a header or in the form, or Apple's signed one.

`client_secret_basic` and `client_secret_post` are RFC 6749 section 2.3.1.
"""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus

from watchword.crypto import jws
from watchword.crypto.keys import SigningKey
from watchword.crypto.secret import Secret
from watchword.domain.errors import FederationFailed
from watchword.domain.federation import AppleKey
from watchword.domain.time import SECOND
from watchword.ports import Clock

_APPLE: Final = "https://appleid.apple.com"
_APPLE_LIFETIME: Final = 5 * 60  # seconds; Apple allows half a year, one request needs a moment


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """What a request carries to prove who sends it."""

    form: Mapping[str, str]
    headers: Mapping[str, str]


def prove(
    client_id: str, secret: Secret | AppleKey, methods: Collection[str], clock: Clock
) -> Proof:
    """By the first method that the provider takes; the header keeps the secret out of bodies."""
    if isinstance(secret, AppleKey):
        text = sign_for_apple(client_id, secret, clock)
        return Proof({"client_id": client_id, "client_secret": text}, {})
    text = secret.reveal().decode()
    if "client_secret_basic" in methods:
        pair = f"{quote_plus(client_id)}:{quote_plus(text)}".encode("ascii")
        return Proof({}, {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"})
    if "client_secret_post" in methods:
        return Proof({"client_id": client_id, "client_secret": text}, {})
    raise FederationFailed("metadata: no way to authenticate with a client secret")


def sign_for_apple(client_id: str, key: AppleKey, clock: Clock) -> str:
    """A JWT in the form that Apple reads as a client secret: ES256 under the team's key."""
    now = clock.now() // SECOND
    claims = {
        "iss": key.team_id,
        "iat": now,
        "exp": now + _APPLE_LIFETIME,
        "aud": _APPLE,
        "sub": client_id,
    }
    return jws.encode(
        {}, json.dumps(claims).encode(), SigningKey.from_pem(key.pem.reveal(), key.key_id)
    )
