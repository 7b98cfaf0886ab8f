"""A secret shows itself only to who calls `reveal`; no repr, log line or pickle ever holds it."""

import hmac
from typing import ClassVar, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Secret:
    """Secret bytes. Equality takes constant time; there is no hash, for a set would go by it."""

    # Not a dataclass: `dataclasses.asdict` of the settings that hold a secret would walk into it.
    __slots__ = ("_value",)
    __hash__: ClassVar[None]  # type: ignore[assignment]  # set to None by __eq__

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


def derive_key(master: Secret, label: str, length: int = 32) -> bytes:
    """Derive a key of `length` bytes for one purpose: HKDF-SHA256 (RFC 5869), the label as `info`.

    Keys of different labels tell nothing about each other or about the master secret.
    """
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=label.encode()).derive(
        master.reveal()
    )
