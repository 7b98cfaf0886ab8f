"""Hashes that other systems made, verified so that their owners can move in; none is made here.

Each kind is a frozen value that `parse` reads from the stored text, with a `verify` that raises.
What costs more than a sign-in may cost is not read at all, so an imported hash cannot be turned
into an attack on the machine. To add a kind: a class with `read` and `verify`, a line in `KINDS`,
and a vector in the tests.
"""

import hashlib
import hmac
import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Final, Protocol

import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from watchword.domain.errors import WrongPassword

# About two seconds of one core each; the systems' own defaults are below a half of it.
_MAX_BCRYPT_COST: Final = 15
_MAX_PBKDF2_ROUNDS: Final = 3_000_000
_MAX_SCRYPT_WORK: Final = 2**21  # N·r·p; 128 bytes of memory for each N·r, so 256 MiB at most
_MAX_SCRYPT_BLOCK: Final = 32  # r and p each: memory grows with them whatever N is

# A digest below 16 bytes proves little (an empty one would prove nothing); one above 64 bytes
# multiplies the work of PBKDF2.
_DIGEST_SIZES: Final = range(16, 65)

_BCRYPT_SEES: Final = 72
_AES_256_KEY: Final = 32

_NUMBER: Final = "([1-9][0-9]{0,9})"
_BASE64: Final = "([A-Za-z0-9+/.]{2,128}={0,2})"  # dots are passlib's way to write a plus
_TEXT: Final = "([A-Za-z0-9./_-]{1,128})"


class UnreadableHash(ValueError):
    """Not a kind that is known here, malformed, or dearer than the limits above."""


class ForeignHash(Protocol):
    def verify(self, password: bytes) -> None:
        """Raise `WrongPassword`."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Bcrypt:
    """``$2a$``, ``$2b$`` and ``$2y$``.

    bcrypt saw the first 72 bytes of a password only, so these are what such a hash can be compared
    with: any tail is taken, until the next sign-in has replaced the hash by one of the whole.
    """

    encoded: bytes

    # The last character of the salt has four spare bits, which every maker left at 0.
    _FORM = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")

    @classmethod
    def read(cls, encoded: str) -> "Bcrypt | None":
        found = cls._FORM.fullmatch(encoded)
        if not found:
            return None
        if not 4 <= int(found[1]) <= _MAX_BCRYPT_COST:  # noqa: PLR2004  bcrypt's own minimum
            raise UnreadableHash("The bcrypt cost is out of bounds.")
        return cls(encoded.encode())

    def verify(self, password: bytes) -> None:
        if not bcrypt.checkpw(password[:_BCRYPT_SEES], self.encoded):
            raise WrongPassword


@dataclass(frozen=True, slots=True, repr=False)
class BcryptOfSha256:
    """Django ``bcrypt_sha256$$2b$…``: bcrypt of the hexadecimal SHA-256, which it sees whole."""

    bcrypt: Bcrypt

    _PREFIX = "bcrypt_sha256$"

    @classmethod
    def read(cls, encoded: str) -> "BcryptOfSha256 | None":
        if not encoded.startswith(cls._PREFIX):
            return None
        inner = Bcrypt.read(encoded.removeprefix(cls._PREFIX))
        return None if inner is None else cls(inner)

    def verify(self, password: bytes) -> None:
        self.bcrypt.verify(hashlib.sha256(password).hexdigest().encode())


@dataclass(frozen=True, slots=True, repr=False)
class Scrypt:
    """PHC ``$scrypt$ln=,r=,p=$salt$digest`` and Django ``scrypt$N$salt$r$p$digest``."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    _PHC = re.compile(rf"\$scrypt\$ln={_NUMBER},r={_NUMBER},p={_NUMBER}\${_BASE64}\${_BASE64}")
    _DJANGO = re.compile(rf"scrypt\${_NUMBER}\${_TEXT}\${_NUMBER}\${_NUMBER}\${_BASE64}")

    @classmethod
    def read(cls, encoded: str) -> "Scrypt | None":
        if found := cls._PHC.fullmatch(encoded):
            exponent, r, p = (int(number) for number in found.group(1, 2, 3))
            n = 1 << min(exponent, 64)
            salt = _bytes(found[4])
        elif found := cls._DJANGO.fullmatch(encoded):
            n, r, p = (int(number) for number in found.group(1, 3, 4))
            salt = found[2].encode()
        else:
            return None
        _require_scrypt(n, r, p)
        return cls(n, r, p, salt, _digest(found[5]))

    def verify(self, password: bytes) -> None:
        _compare(_scrypt(password, self.salt, self, len(self.digest)), self.digest)


@dataclass(frozen=True, slots=True, repr=False)
class FirebaseScrypt:
    """``$fbscrypt$v=1,n=14,r=8,p=1,ss=…,sk=…$salt$digest``, in base64; ``n`` is an exponent.

    The key that scrypt makes of the password (its salt is the account's and then the project's
    separator, ``ss``) encrypts the project's signer key, ``sk``, with AES-256 in counter mode from
    zero; the digest is what comes out (README of Firebase's scrypt tool, which has the vector of
    the tests). This text, which Supabase writes too, needs nothing beside it to be verified, and
    so holds the signer key.
    """

    n: int
    r: int
    p: int
    salt: bytes
    signer_key: bytes
    digest: bytes

    _FORM = re.compile(
        rf"\$fbscrypt\$v=1,n={_NUMBER},r={_NUMBER},p={_NUMBER}"
        rf"(?:,ss={_BASE64})?,sk={_BASE64}\${_BASE64}\${_BASE64}"
    )

    @classmethod
    def read(cls, encoded: str) -> "FirebaseScrypt | None":
        found = cls._FORM.fullmatch(encoded)
        if not found:
            return None
        exponent, r, p = (int(number) for number in found.group(1, 2, 3))
        n = 1 << min(exponent, 64)
        _require_scrypt(n, r, p)
        salt = _bytes(found[6]) + _bytes(found[4] or "")
        signer_key, digest = _digest(found[5]), _digest(found[7])
        if len(signer_key) != len(digest):
            raise UnreadableHash("The digest has another length than the signer key.")
        return cls(n, r, p, salt, signer_key, digest)

    def verify(self, password: bytes) -> None:
        key = _scrypt(password, self.salt, self, _AES_256_KEY)
        counter = modes.CTR(bytes(algorithms.AES.block_size // 8))
        encrypted = Cipher(algorithms.AES(key), counter).encryptor().update(self.signer_key)
        _compare(encrypted, self.digest)


@dataclass(frozen=True, slots=True, repr=False)
class Pbkdf2:
    """Django ``pbkdf2_sha256$…``, passlib ``$pbkdf2-sha256$…``, PHC ``$pbkdf2-sha512$i=…``."""

    algorithm: str
    rounds: int
    salt: bytes
    digest: bytes

    _PHC = re.compile(
        rf"\$pbkdf2-(sha256|sha512)\$(?:i=)?{_NUMBER}(?:,l=[0-9]{{1,3}})?\${_BASE64}\${_BASE64}"
    )
    _DJANGO = re.compile(rf"pbkdf2_(sha256|sha512)\${_NUMBER}\${_TEXT}\${_BASE64}")

    @classmethod
    def read(cls, encoded: str) -> "Pbkdf2 | None":
        if found := cls._PHC.fullmatch(encoded):
            salt = _bytes(found[3])
        elif found := cls._DJANGO.fullmatch(encoded):
            salt = found[3].encode()
        else:
            return None
        rounds = int(found[2])
        if rounds > _MAX_PBKDF2_ROUNDS:
            raise UnreadableHash("The PBKDF2 rounds are out of bounds.")
        return cls(found[1], rounds, salt, _digest(found[4]))

    def verify(self, password: bytes) -> None:
        digest = hashlib.pbkdf2_hmac(
            self.algorithm, password, self.salt, self.rounds, len(self.digest)
        )
        _compare(digest, self.digest)


KINDS: Final = (Bcrypt, BcryptOfSha256, Scrypt, FirebaseScrypt, Pbkdf2)


def parse(encoded: str) -> ForeignHash:
    """Raise `UnreadableHash`. No message quotes the hash."""
    for kind in KINDS:
        if stored := kind.read(encoded):
            return stored
    raise UnreadableHash("The form of the hash is not known.")


class _ScryptCosts(Protocol):
    @property
    def n(self) -> int: ...
    @property
    def r(self) -> int: ...
    @property
    def p(self) -> int: ...


def _scrypt(password: bytes, salt: bytes, costs: _ScryptCosts, size: int) -> bytes:
    return hashlib.scrypt(
        password,
        salt=salt,
        n=costs.n,
        r=costs.r,
        p=costs.p,
        maxmem=128 * costs.r * (costs.n + costs.p + 2),
        dklen=size,
    )


def _require_scrypt(n: int, r: int, p: int) -> None:
    """RFC 7914, section 2: N is a power of 2, above 1 and below 2^(16·r)."""
    is_cheap = max(r, p) <= _MAX_SCRYPT_BLOCK and n * r * p <= _MAX_SCRYPT_WORK
    # Asked last: for a block size of a stranger's choice the bound would not fit into memory.
    if not (is_cheap and 1 < n < 1 << 16 * r and n & (n - 1) == 0):
        raise UnreadableHash("The scrypt parameters are out of bounds.")


def _bytes(text: str) -> bytes:
    bare = text.rstrip("=").replace(".", "+")
    try:
        return b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except NotBase64 as error:
        raise UnreadableHash("The hash is not well-formed.") from error


def _digest(text: str) -> bytes:
    digest = _bytes(text)
    if len(digest) not in _DIGEST_SIZES:
        raise UnreadableHash("The digest has an odd length.")
    return digest


def _compare(digest: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(digest, expected):
        raise WrongPassword
