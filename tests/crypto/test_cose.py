"""A key is kept only if it can check a signature of the algorithm that it names."""

import pytest
from webauthn.helpers import parse_cbor

from watchword.crypto.cose import Algorithm, UnusableKey, require_usable
from watchword.testing.authenticator import SoftwareAuthenticator

KEYS: dict[Algorithm, dict[object, object]] = {
    algorithm: parse_cbor(
        SoftwareAuthenticator("https://example.org", algorithm=algorithm).public_key
    )
    for algorithm in Algorithm
}
ED25519, P256, RSA = KEYS[Algorithm.EDDSA], KEYS[Algorithm.ES256], KEYS[Algorithm.RS256]
KTY, ALG, CRV, X, Y = 1, 3, -1, -2, -3
N, E = -1, -2

# Points of order 1, 2, 4 and 8 (RFC 7748 section 7 warns of them), and one that is on no curve.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
]
OFF_CURVE = "0200000000000000000000000000000000000000000000000000000000000000"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_of_each_offered_algorithm_is_usable(algorithm: Algorithm) -> None:
    require_usable(KEYS[algorithm])


@pytest.mark.parametrize("number", [0, 7, -36, -37, -48, -258, -65_535, None, "-7", True, -7.0])
def test_w08_an_algorithm_that_is_not_offered_is_refused(number: object) -> None:
    with pytest.raises(UnusableKey, match="not offered"):
        require_usable({**P256, ALG: number})


@pytest.mark.parametrize("x", [*SMALL_ORDER, OFF_CURVE])
def test_w08_an_ed25519_point_that_is_no_key_is_refused(x: str) -> None:
    with pytest.raises(UnusableKey, match="off the curve"):
        require_usable({**ED25519, X: bytes.fromhex(x)})


@pytest.mark.parametrize(
    "changed",
    [{X: bytes(32)}, {Y: bytes(32)}, {X: b"\xff" * 32}, {X: P256[Y], Y: P256[X]}],
    ids=["x is 0", "y is 0", "x beyond the field", "swapped"],
)
def test_w08_a_p256_point_off_the_curve_is_refused(changed: dict[object, object]) -> None:
    with pytest.raises(UnusableKey, match="off the curve"):
        require_usable({**P256, **changed})


@pytest.mark.parametrize(
    "key",
    [
        {**P256, KTY: 1},
        {**P256, KTY: True},
        {**P256, KTY: 3},
        {**P256, CRV: 2},
        {**P256, CRV: 3},
        {**P256, CRV: 6},
        {**P256, CRV: None},
        {**ED25519, CRV: 7},
        {**ED25519, ALG: -7},
        {**P256, ALG: -8},
        {**P256, ALG: -257},
        {**RSA, ALG: -7},
        {**RSA, KTY: 2},
        {ALG: -257},
        {ALG: -7},
        {},
    ],
)
def test_w08_a_key_of_another_kind_than_its_algorithm_is_refused(key: dict[object, object]) -> None:
    with pytest.raises(UnusableKey):
        require_usable(key)


@pytest.mark.parametrize("x", [b"", b"\x01", bytes(31), bytes(33), "x" * 32, None, 5])
def test_w08_a_coordinate_of_another_length_is_refused(x: object) -> None:
    for key in (P256, ED25519):
        with pytest.raises(UnusableKey, match="32 bytes"):
            require_usable({**key, X: x})


@pytest.mark.parametrize(
    "changed",
    [
        {N: b"\xff" * 128},
        {N: b"\xff" * 255},
        {N: b"\xff" * 513},
        {N: b""},
        {N: 7},
        {E: b"\x01"},
        {E: b"\x02"},
        {E: b"\x01\x00\x00"},
        {E: b"\x01\x00\x00\x00\x01"},
        {E: b""},
        {E: 65_537},
    ],
)
def test_w08_an_rsa_key_that_is_weak_or_costly_is_refused(changed: dict[object, object]) -> None:
    with pytest.raises(UnusableKey):
        require_usable({**RSA, **changed})
