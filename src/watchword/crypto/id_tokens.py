"""An ID token says that a provider knows somebody: signed by it, for us, for this very flow.

OpenID Connect Core sections 2 and 3.1.3.7, read strictly. Invariant: what comes out of `verify` was
signed by a key of the provider, for us alone, is inside its time and carries our nonce.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from watchword.crypto import base64url, jws
from watchword.crypto.jws import InvalidToken
from watchword.crypto.provider_keys import ProviderAlgorithm, ProviderKey, ProviderKeys

MAX_LENGTH: Final = 16_384
# Clocks of two houses differ; the token comes straight from the provider, so it cannot be old.
LEEWAY: Final = 60
OLDEST: Final = 10 * 60

_LATEST: Final = 2**40
_LONGEST_SUBJECT: Final = 255
_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


@dataclass(frozen=True, slots=True, repr=False)
class Expected:
    """What an ID token must say. ``issuer_of`` takes the claims and answers whose token it must be.

    ``now`` is in seconds since the epoch. ``access_token`` came in the same answer.
    """

    issuer_of: Callable[[Mapping[str, object]], str]
    client_id: str
    nonce: str
    access_token: str
    algorithms: frozenset[ProviderAlgorithm]
    now: float


def verify(token: str, keys: ProviderKeys, expected: Expected) -> dict[str, object]:
    """The claims; `InvalidToken` with its reason, or `UnknownKey`, if they cannot be relied on."""
    chosen: list[ProviderKey] = []

    def choose(header: Mapping[str, object]) -> ProviderKey:
        chosen.append(keys.choose(header, expected.algorithms))
        return chosen[0]

    signed = jws.verify_by(token, choose, max_length=MAX_LENGTH)
    # Another kind of token of the same provider cannot stand in for this one (ASVS 9.2.2, 10.5.5).
    if str(signed.header.get("typ", "JWT")).upper() != "JWT":
        raise InvalidToken("type")
    claims = jws.read_object(signed.payload)
    _require_issuer(claims, expected, chosen[0])
    _require_audience(claims, expected.client_id)
    _require_time(claims, expected.now)
    if not _is_same(claims.get("nonce"), expected.nonce):
        raise InvalidToken("nonce")
    at_hash = claims.get("at_hash")
    if at_hash is not None and not _is_same(at_hash, hash_of(expected.access_token, chosen[0])):
        raise InvalidToken("at_hash")
    return claims


def hash_of(access_token: str, key: ProviderKey) -> str:
    """`at_hash`: the left half of the hash that the key's algorithm uses (section 3.1.3.6)."""
    algorithm = key.algorithm
    # Ed25519 hashes with SHA-512.
    make = hashlib.sha512 if algorithm is ProviderAlgorithm.EDDSA else _HASHES[algorithm[-3:]]
    digest = make(access_token.encode()).digest()
    return base64url.encode(digest[: len(digest) // 2])


def _require_issuer(claims: Mapping[str, object], expected: Expected, key: ProviderKey) -> None:
    issuer = expected.issuer_of(claims)
    if claims.get("iss") != issuer:
        raise InvalidToken("issuer")
    if key.issuer is not None and key.issuer not in {issuer, _template_of(issuer, claims)}:
        raise InvalidToken("key of another issuer")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise InvalidToken("subject")
    if not subject.isascii() or not subject.isprintable():
        raise InvalidToken("subject")


def _template_of(issuer: str, claims: Mapping[str, object]) -> str:
    """Microsoft publishes keys of all tenants under the issuer with its tenant left open."""
    tenant = claims.get("tid")
    return issuer.replace(tenant, "{tenantid}") if isinstance(tenant, str) and tenant else issuer


def _require_audience(claims: Mapping[str, object], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise InvalidToken("audience")
    authorized = claims.get("azp", None if len(audiences) > 1 else client_id)
    if authorized != client_id:
        raise InvalidToken("authorized party")


def _require_time(claims: Mapping[str, object], now: float) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    not_before = _moment(claims, "nbf") if "nbf" in claims else issued
    if now >= expires + LEEWAY:
        raise InvalidToken("expired")
    if max(issued, not_before) > now + LEEWAY:
        raise InvalidToken("not yet valid")
    if issued < now - OLDEST or expires <= issued:
        raise InvalidToken("stale")


def _moment(claims: Mapping[str, object], name: str) -> float:
    """A NumericDate, which may have a fraction (RFC 7519 section 2)."""
    value = claims.get(name)
    if type(value) not in {int, float} or not 0 <= value <= _LATEST:  # type: ignore[operator]
        raise InvalidToken("claims")
    return value  # type: ignore[return-value]  # its type was looked at, booleans left out


def _is_same(given: object, ours: str) -> bool:
    if not isinstance(given, str) or not given.isascii():
        return False
    return hmac.compare_digest(given.encode(), ours.encode())
