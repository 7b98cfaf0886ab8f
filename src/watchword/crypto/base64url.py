"""base64url without padding (RFC 7515 section 2), in the one spelling that encoding gives."""

from binascii import a2b_base64, b2a_base64
from typing import Final

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


def encode(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode(text: str) -> bytes:
    """Raise `ValueError` for every other spelling of the same bytes.

    Comparing with that spelling refuses foreign characters, padding and changed spare bits at once.
    """
    raw = a2b_base64(text.encode("ascii").translate(_FROM_URL) + b"==="[: -len(text) % 4])
    if encode(raw) != text:
        raise ValueError("not the spelling that encoding gives")
    return raw
