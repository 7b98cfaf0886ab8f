"""Authenticator data (WebAuthn level 3 section 6.1): bytes that are just what their flags say.

What they mean is judged where a registration or an assertion is verified.
"""

from typing import Final

from watchword.crypto import cbor

_ATTESTED: Final = 0x40
_EXTENSIONS: Final = 0x80

# rpIdHash 32 | flags 1 | signCount 4 || aaguid 16 | credentialIdLength 2 | credentialId | key
_FLAGS: Final = 32
_HEADER: Final = 37
_AAGUID: Final = 16
_LENGTH: Final = 2


def require_well_formed(raw: bytes) -> None:
    """Raise ValueError for what is cut short, goes on, or holds CBOR that no authenticator writes.

    Libraries find the end of a key by encoding it again, which is no end for a hostile one.
    """
    if len(raw) < _HEADER:
        raise ValueError("cut short")
    flags, end = raw[_FLAGS], _HEADER
    if flags & _ATTESTED:
        end = cbor.item_end(raw, _credential_end(raw))
    if flags & _EXTENSIONS:
        end = cbor.item_end(raw, end)
    if end != len(raw):
        raise ValueError("bytes are left over")


def _credential_end(raw: bytes) -> int:
    at = _HEADER + _AAGUID
    length = int.from_bytes(raw[at : at + _LENGTH], "big")
    end = at + _LENGTH + length
    if end > len(raw):
        raise ValueError("cut short")
    return end
