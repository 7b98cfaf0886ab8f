"""Public keys of passkeys (COSE_Key, RFC 9053): of an algorithm that is offered, and on its curve.

To offer another algorithm: name it in `Algorithm`, and add its case in `require_usable`.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from nacl.bindings import crypto_core_ed25519_is_valid_point


class Algorithm(IntEnum):
    """What is offered, best first, by COSE numbers (WebAuthn level 3 section 5.8.5)."""

    EDDSA = -8
    ES256 = -7
    RS256 = -257


class UnusableKey(ValueError):
    """The key is malformed, off its curve, too weak, or of an algorithm that is not offered."""


# Labels and values of RFC 9053 section 7 and RFC 8230 section 4.
_KTY, _ALG = 1, 3
_CRV, _X, _Y = -1, -2, -3
_N, _E = -1, -2
_OKP, _EC2, _RSA = 1, 2, 3
_P256, _ED25519 = 1, 6

_COORDINATE_BYTES: Final = 32
# The ceilings bound what one check may cost (attack W08).
_RSA_BITS: Final = range(2048, 4096 + 1)
_RSA_EXPONENTS: Final = range(3, 2**32, 2)


def require_usable(key: Mapping[object, object]) -> None:
    """Raise `UnusableKey` unless ``key``, a decoded COSE_Key, can check what it will have to.

    WebAuthn binds each algorithm to one curve (level 3 section 5.8.5), which COSE does not.
    """
    number = key.get(_ALG)
    if type(number) is not int or number not in set(Algorithm):
        raise UnusableKey("the algorithm is not offered")
    match algorithm := Algorithm(number):
        case Algorithm.EDDSA:
            _require(key, {_KTY: _OKP, _CRV: _ED25519})
            if not crypto_core_ed25519_is_valid_point(_coordinate(key, _X)):
                raise UnusableKey("off the curve")
        case Algorithm.ES256:
            _require(key, {_KTY: _EC2, _CRV: _P256})
            point = b"\x04" + _coordinate(key, _X) + _coordinate(key, _Y)
            try:
                EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
            except ValueError:
                raise UnusableKey("off the curve") from None
        case Algorithm.RS256:
            _require(key, {_KTY: _RSA})
            if _number(key, _N).bit_length() not in _RSA_BITS:
                raise UnusableKey("too short or too long")
            if _number(key, _E) not in _RSA_EXPONENTS:
                raise UnusableKey("the exponent is not usable")
        case _:
            assert_never(algorithm)


def _require(key: Mapping[object, object], members: Mapping[int, int]) -> None:
    for label, value in members.items():
        if type(key.get(label)) is not int or key[label] != value:
            raise UnusableKey("the key does not fit its algorithm")


def _coordinate(key: Mapping[object, object], label: int) -> bytes:
    value = key.get(label)
    if not isinstance(value, bytes) or len(value) != _COORDINATE_BYTES:
        raise UnusableKey("a coordinate is not 32 bytes")
    return value


def _number(key: Mapping[object, object], label: int) -> int:
    value = key.get(label)
    if not isinstance(value, bytes):
        raise UnusableKey("a number is not there")
    return int.from_bytes(value, "big")
