"""Sealed bytes open only whole, only under a known key, and only in the place they are for."""

from collections.abc import Sequence
from secrets import token_bytes  # noqa: TID251  a seed that repeats a nonce breaks the seal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# version | 12 bytes of nonce | ciphertext and 16 bytes of tag. The version is authenticated with
# the context, so that bytes of a later format can never be read as this one.
_VERSION = b"\x01"
_NONCE_LENGTH = 12
_KEY_LENGTH = 32


class SealBroken(Exception):
    """The bytes were changed, cut, moved to another context, or sealed under an unknown key."""


class Sealer:
    """Seals small secrets at rest by AES-256-GCM (NIST SP 800-38D).

    The first key seals and every key opens: a master secret is replaced by putting the new one in
    front. Nonces are random, so one key is good for 2**32 seals (8.3 there).
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Take keys of 32 bytes each, at least one; ValueError otherwise."""
        if not keys or any(len(key) != _KEY_LENGTH for key in keys):
            raise ValueError("a sealer needs at least one key, each of 32 bytes")
        self._ciphers = tuple(AESGCM(key) for key in keys)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Seal for the place that `context` names (table, column, row); it opens nowhere else."""
        nonce = token_bytes(_NONCE_LENGTH)
        return _VERSION + nonce + self._ciphers[0].encrypt(nonce, plaintext, _VERSION + context)

    def is_current(self, sealed: bytes, context: bytes) -> bool:
        """Whether the first key sealed it; if not, seal it anew before that key is given up."""
        try:
            self._open_with(self._ciphers[:1], sealed, context)
        except SealBroken:
            return False
        return True

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Give back what was sealed for this context; SealBroken for anything else."""
        return self._open_with(self._ciphers, sealed, context)

    @staticmethod
    def _open_with(ciphers: Sequence[AESGCM], sealed: bytes, context: bytes) -> bytes:
        version, rest = sealed[:1], sealed[1:]
        nonce, ciphertext = rest[:_NONCE_LENGTH], rest[_NONCE_LENGTH:]
        if version != _VERSION or len(nonce) != _NONCE_LENGTH:
            raise SealBroken("not a sealed value")
        for cipher in ciphers:
            try:
                return cipher.decrypt(nonce, ciphertext, version + context)
            except InvalidTag:
                continue
        raise SealBroken("no key opens this value here")
