"""Compact JWS: the same bytes have one spelling only, and no token brings its own key.

Signatures are the library's work; this module decides what is looked at, in which order, and what
is refused (RFC 7515, RFC 8725). It reads no key from a header, follows no URL, and knows no `none`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature

from watchword.crypto import base64url, strict_json
from watchword.crypto.keys import KID, SigningKey, VerifyingKey

# Characters. Every token issued here stays below it, whatever its claims.
MAX_LENGTH: Final = 8192
_PARTS = 3
_MAX_DEPTH = 16

# Extensions that we do not implement (RFC 7515 4.1.11, RFC 7797), and members by which a token
# would bring or fetch its own key. Most could be ignored, but no honest token here carries them.
_REFUSED_MEMBERS: Final = frozenset({"crit", "b64", "jwk", "jku", "x5u", "x5c"})


class InvalidToken(Exception):
    """The token is not genuine. `reason` is a fixed word for logs, never a part of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKey(InvalidToken):
    """It names a key that was not given: nothing else of it was looked at."""

    def __init__(self) -> None:
        super().__init__("unknown key")


@dataclass(frozen=True, slots=True)
class Jws:
    """A header and a payload whose signature has been checked."""

    header: dict[str, object]
    payload: bytes


class Checks(Protocol):
    """A key, as far as this module looks at one."""

    @property
    def algorithm(self) -> StrEnum: ...

    def verify(self, signing_input: bytes, signature: bytes) -> None:
        """Return if the signature is this key's; raise cryptography's InvalidSignature if not."""
        ...


def verify(token: str, keys: Mapping[str, VerifyingKey], *, max_length: int = MAX_LENGTH) -> Jws:
    """Check a compact JWS against the keys we hold, by `kid`; InvalidToken if it is not genuine."""
    return verify_by(token, partial(_find_key, keys=keys), max_length=max_length)


def verify_by(
    token: str, choose: Callable[[Mapping[str, object]], Checks], *, max_length: int = MAX_LENGTH
) -> Jws:
    """Check a compact JWS with the key that ``choose`` takes by its header, if it takes any.

    Whatever is cheap is checked before any signature is computed.
    """
    if len(token) > max_length:
        raise InvalidToken("length")
    parts = token.split(".", _PARTS)
    # An empty payload is a payload (RFC 7515); a token of ours then simply has no claims.
    if len(parts) != _PARTS or not parts[0] or not parts[2]:
        raise InvalidToken("structure")
    raw_header, payload, signature = map(_decode, parts)
    header = read_object(raw_header)
    if not _REFUSED_MEMBERS.isdisjoint(header):
        raise InvalidToken("header")
    key = choose(header)
    # One key, one algorithm: the header may only repeat what the key already says (RFC 8725 3.1).
    if header.get("alg") != key.algorithm.value:
        raise InvalidToken("algorithm")
    try:
        key.verify(f"{parts[0]}.{parts[1]}".encode("ascii"), signature)
    except InvalidSignature:
        raise InvalidToken("signature") from None
    return Jws(header, payload)


def encode(header: Mapping[str, object], payload: bytes, key: SigningKey) -> str:
    """Write a compact JWS; `alg` and `kid` are always the key's own."""
    return sign_segment(
        segment({**header, "alg": key.algorithm.value, "kid": key.kid}), payload, key
    )


def segment(header: Mapping[str, object]) -> str:
    """The first part of a token. For one key it is the same in every token, so it may be kept."""
    return base64url.encode(json.dumps(header, separators=(",", ":")).encode("ascii"))


def sign_segment(header_segment: str, payload: bytes, key: SigningKey) -> str:
    """Finish a token whose header, made by `segment`, names this key."""
    signing_input = f"{header_segment}.{base64url.encode(payload)}"
    return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode('ascii')))}"


def read_object(text: bytes) -> dict[str, object]:
    """Read a JSON object: no name twice in it, no number beyond reach, 16 levels at most."""
    try:
        value = strict_json.decode(text)
    except ValueError:
        raise InvalidToken("json") from None
    _refuse_depth(value)
    return value


def _find_key(header: Mapping[str, object], keys: Mapping[str, VerifyingKey]) -> VerifyingKey:
    kid = header.get("kid")
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise InvalidToken("kid")
    key = keys.get(kid)
    if key is None:
        raise UnknownKey
    return key


def _decode(part: str) -> bytes:
    try:
        return base64url.decode(part)
    except ValueError:
        raise InvalidToken("encoding") from None


def _refuse_depth(value: dict[str, object]) -> None:
    """Refuse what is nested deeply, at a level of our own: the interpreter's differs by version."""
    level: list[dict[str, object] | list[object]] = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise InvalidToken("json")
