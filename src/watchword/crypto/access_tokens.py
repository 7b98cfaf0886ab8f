"""An access token says who acts, in which session, until when; we issue none we would refuse.

Invariant: what comes out of `verify` was signed by a key we hold, for us, and is inside its time.
Whether the session still lives is not known here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeGuard

import msgspec

from watchword.crypto import jws
from watchword.crypto.jws import InvalidToken
from watchword.crypto.keys import Algorithm, SigningKey, VerifyingKey

# RFC 9068 2.1. Exact, so that no other token of ours can stand in for this one (ASVS 9.2.2).
TYPE: Final = "at+jwt"
MAX_LIFETIME: Final = 15 * 60

# Seconds and generations alike: room to spare, and never a surprise in a database.
_MAX_INTEGER = 2**40
_MAX_TEXT = 128
_MAX_NAME = 256
_MAX_METHODS = 8
_MAX_METHOD = 32
_encode: Final = msgspec.json.Encoder().encode
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class ExpiredToken(InvalidToken):
    """Genuine in all else, but past its end: ``claims`` were true once, enough to sign out by."""

    def __init__(self, claims: "AccessClaims") -> None:
        super().__init__("expired")
        self.claims = claims


class AccessClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of an access token (RFC 9068 2.2). Times are whole seconds since the epoch.

    A value that exists obeys every rule that needs no clock: exact types (a boolean is no number),
    texts that are not empty and hold no control character or surrogate, a lifetime of 15 minutes at
    most. ValueError otherwise.
    """

    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    iat: int
    exp: int
    role: str
    gen: int
    amr: tuple[str, ...]

    def __post_init__(self) -> None:
        for text in (self.iss, self.aud, self.sub, self.sid, self.role, *self.amr):
            if type(text) is not str:
                raise ValueError("iss, aud, sub, sid, role and amr are texts")
        _require_texts((self.iss, self.aud), (self.sub, self.sid, self.role), self.amr)
        if not _is_text(self.jti, _MAX_TEXT):
            raise ValueError("jti is a text of 1 to 128 characters")
        for number in (self.iat, self.exp, self.gen):
            if type(number) is not int or not 0 <= number <= _MAX_INTEGER:
                raise ValueError("iat, exp and gen are whole numbers up to 2**40")
        if not 0 < self.exp - self.iat <= MAX_LIFETIME:
            raise ValueError("a token ends after it began, by 15 minutes at most")


_CLAIMS: Final = AccessClaims.__struct_fields__


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Issues and checks the access tokens of one issuer for one audience (ASVS 9.2.3)."""

    issuer: str
    audience: str

    def issue(self, claims: AccessClaims, key: SigningKey) -> str:
        """Sign these claims; ValueError if they speak for another issuer or to another audience."""
        if claims.iss != self.issuer or claims.aud != self.audience:
            raise ValueError("the claims are not of this issuer and audience")
        header = _header_segment(key.algorithm, key.kid)
        return jws.sign_segment(header, _encode(claims), key)

    def verify(self, token: str, keys: Mapping[str, VerifyingKey], now: int) -> AccessClaims:
        """Check a token at `now`, seconds since the epoch: valid from `iat` on, while `now < exp`.

        InvalidToken for anything that is not ours, ExpiredToken for what once was. There is no
        leeway: the clock that issues is the clock that checks.
        """
        signed = jws.verify(token, keys)
        if signed.header.get("typ") != TYPE:
            raise InvalidToken("type")
        payload = jws.read_object(signed.payload)
        claims = _read_claims(payload)
        if claims.iss != self.issuer:
            raise InvalidToken("issuer")
        if claims.aud != self.audience:
            raise InvalidToken("audience")
        not_before = payload.get("nbf", claims.iat)
        if not _is_whole(not_before):
            raise InvalidToken("claims")
        if claims.iat > now or not_before > now:
            raise InvalidToken("not yet valid")
        if now >= claims.exp:
            raise ExpiredToken(claims)
        return claims


def _read_claims(payload: Mapping[str, object]) -> AccessClaims:
    """Take the claims out of a signed payload; members we do not know are ignored (RFC 7519 4)."""
    try:
        # Open types, because AccessClaims is what checks at run time what these values are.
        known: dict[str, Any] = {name: payload[name] for name in _CLAIMS}
    except KeyError:
        raise InvalidToken("claims") from None
    if not isinstance(known["amr"], list):
        raise InvalidToken("claims")
    known["amr"] = tuple(known["amr"])
    try:
        return AccessClaims(**known)
    except ValueError:
        raise InvalidToken("claims") from None


@lru_cache(maxsize=4_096)  # they are the same in every token of a session
def _require_texts(
    names: tuple[str, ...], texts: tuple[str, ...], methods: tuple[str, ...]
) -> None:
    if not all(_is_text(name, _MAX_NAME) for name in names):
        raise ValueError("iss and aud are texts of 1 to 256 characters")
    if not all(_is_text(text, _MAX_TEXT) for text in texts):
        raise ValueError("sub, sid and role are texts of 1 to 128 characters")
    if len(methods) > _MAX_METHODS or not all(_is_text(name, _MAX_METHOD) for name in methods):
        raise ValueError("amr is up to 8 texts of 1 to 32 characters")


def _is_text(value: object, longest: int) -> bool:
    return type(value) is str and len(value) <= longest and _TEXT.fullmatch(value) is not None


def _is_whole(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= _MAX_INTEGER


@lru_cache(maxsize=32)
def _header_segment(algorithm: Algorithm, kid: str) -> str:
    return jws.segment({"alg": algorithm.value, "kid": kid, "typ": TYPE})
