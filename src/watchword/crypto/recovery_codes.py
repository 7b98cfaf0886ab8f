"""Recovery codes: each of 120 random bits, so SHA-256 may keep it without salt (ASVS 6.5.2).

The alphabet is Crockford's base32, which has no letter that is read as a digit.
"""

from dataclasses import dataclass, field
from typing import Final

from watchword.crypto import opaque

COUNT: Final = 10
RANDOM_BYTES: Final = 150

_BYTES_EACH: Final = RANDOM_BYTES // COUNT
_LENGTH: Final = _BYTES_EACH * 8 // 5
_GROUP: Final = 4
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_DASHES: Final = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_SPACES: Final = " \t\r\n\u00a0"
# ASCII letters alone change their case: `str.upper` would also turn a long s into S.
_AS_SHOWN: Final = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzILO",
    "ABCDEFGH1JK1MN0PQRSTUVWXYZ110",
    _DASHES + _SPACES,
)


@dataclass(frozen=True, slots=True)
class NewCodes:
    """A fresh set: ``texts`` are shown once, ``hashes`` are kept, in the same order."""

    texts: tuple[str, ...] = field(repr=False)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        return tuple(hash_of(text) for text in self.texts)


def make(random: bytes) -> NewCodes:
    """Make ten codes from ``RANDOM_BYTES`` random bytes; ValueError for any other number."""
    if len(random) != RANDOM_BYTES:
        raise ValueError("ten codes are made from 150 random bytes")
    return NewCodes(
        tuple(
            _to_text(random[start : start + _BYTES_EACH])
            for start in range(0, RANDOM_BYTES, _BYTES_EACH)
        )
    )


def normal(text: str) -> str:
    """The one spelling of a code: case, dashes, spaces and look-alikes do not matter (attack B11).

    What is no code comes out as no code.
    """
    return text.translate(_AS_SHOWN)


def hash_of(text: str) -> bytes:
    """What is kept of a code, and what a presented text, any text, is looked up by."""
    # A lone surrogate can come out of JSON; it is part of no code, and must not raise.
    return opaque.hash_of(normal(text).encode("utf-8", "surrogatepass"))


def _to_text(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    letters = "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))
