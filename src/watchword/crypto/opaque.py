"""Opaque tokens: made, read and compared here; none is ever stored, only what derives it.

A token of a session is ``session id · generation · MAC(key, session id, generation, salt)``. The
salt lives in the session's row, so neither the key nor the database alone can make one. A second,
shorter MAC over the text itself lets garbage be refused without asking the database.
"""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from watchword.crypto import base64url
from watchword.crypto.jws import InvalidToken

_SECRET_BYTES = 32
_CHECK_BYTES = 16
_LONGEST = 256


def to_text(raw: bytes) -> str:
    return base64url.encode(raw)


def from_text(text: str) -> bytes:
    """The only spelling of these bytes is accepted; raise `InvalidToken` for any other."""
    try:
        return base64url.decode(text)
    except ValueError:
        raise InvalidToken("encoding") from None


def hash_of(secret: bytes) -> bytes:
    """What is stored of a secret of 128 bits or more (ASVS 6.5.2, 11.4)."""
    return hashlib.sha256(secret).digest()


class _Mac:
    """Keyed BLAKE2b (RFC 7693 section 2.9): a MAC by itself, at a quarter of the cost of HMAC.

    The key is taken in once; every message goes on from there.
    """

    def __init__(self, key: bytes) -> None:
        lengths = (_CHECK_BYTES, _SECRET_BYTES)
        self._begun = {length: hashlib.blake2b(key=key, digest_size=length) for length in lengths}

    def __call__(self, message: bytes, length: int) -> bytes:
        hashing = self._begun[length].copy()
        hashing.update(message)
        return hashing.digest()


class MacKeys:
    """Keys for one purpose; the first makes, all verify, so that a secret can be rotated."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._macs = tuple(_Mac(key) for key in keys)

    def __repr__(self) -> str:
        return "MacKeys(<hidden>)"

    def make(self, message: bytes, length: int = _SECRET_BYTES) -> bytes:
        """Of 16 or 32 bytes."""
        return self._macs[0](message, length)

    def require(self, message: bytes, mac: bytes) -> None:
        """Raise `InvalidToken` unless one of the keys made ``mac``; time does not tell which."""
        length = len(mac)
        if length not in {_CHECK_BYTES, _SECRET_BYTES}:
            raise InvalidToken("opaque")
        matches = False
        for own in self._macs:
            matches |= hmac.compare_digest(own(message, length), mac)
        if not matches:
            raise InvalidToken("opaque")


class Presented(msgspec.Struct, frozen=True):
    """A token that we made, as it came back; whether it is its session's is not known yet. Its
    ``claim`` is what its secret speaks for.
    """

    session_id: str
    generation: int
    claim: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"Presented(session_id={self.session_id!r}, generation={self.generation})"


class SessionTokens:
    """Tokens of one kind, told apart by ``prefix``, which is part of what is authenticated."""

    def __init__(self, prefix: str, keys: MacKeys) -> None:
        self._prefix = prefix
        self._keys = keys

    def make(self, session_id: str, generation: int, salt: bytes) -> str:
        """The one token of this generation: derived again, it is the same."""
        text = f"{self._prefix}{session_id}.{generation}"
        claim = text.encode()
        secret = self._keys.make(b"secret\0%b\0%b" % (claim, salt), _SECRET_BYTES)
        check = self._keys.make(b"check\0%b\0%b" % (claim, secret), _CHECK_BYTES)
        return f"{text}.{to_text(secret + check)}"

    def read(self, text: str) -> Presented:
        """Raise `InvalidToken` for what we did not make; costs no database (attack S16)."""
        if len(text) > _LONGEST or not text.startswith(self._prefix) or not text.isascii():
            raise InvalidToken("opaque")
        start, _, proof = text.rpartition(".")
        session_id, _, generation = start[len(self._prefix) :].partition(".")
        raw = from_text(proof)
        if len(raw) != _SECRET_BYTES + _CHECK_BYTES or not generation.isdecimal():
            raise InvalidToken("opaque")
        claim, secret, check = start.encode(), raw[:_SECRET_BYTES], raw[_SECRET_BYTES:]
        self._keys.require(b"check\0%b\0%b" % (claim, secret), check)
        return Presented(session_id, int(generation), claim, secret)

    def require_genuine(self, presented: Presented, salt: bytes) -> None:
        """Raise `InvalidToken` unless the session with ``salt`` gave this token out."""
        self._keys.require(b"secret\0%b\0%b" % (presented.claim, salt), presented.secret)


class SignedTexts:
    """Short texts that come back as they were given: cursors, device ids, CSRF tokens."""

    def __init__(self, keys: MacKeys) -> None:
        self._keys = keys

    def sign(self, text: str) -> str:
        raw = text.encode()
        return f"{to_text(raw)}.{to_text(self._keys.make(raw))}"

    def read(self, signed: str) -> str:
        """Raise `InvalidToken` for anything that `sign` did not make."""
        body, _, mac = signed.partition(".")
        if not mac or len(signed) > _LONGEST * 4 or not signed.isascii():
            raise InvalidToken("opaque")
        raw = from_text(body)
        self._keys.require(raw, from_text(mac))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise InvalidToken("encoding") from None
