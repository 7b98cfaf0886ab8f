"""Keys keep their algorithm, hide their private half, and are never made of weak material."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.crypto.conftest import Keyring
from watchword.crypto.keys import Algorithm, SigningKey, UnusableKey, VerifyingKey

every_algorithm = pytest.mark.parametrize("algorithm", list(Algorithm), ids=str)
every_pair = pytest.mark.parametrize(
    "algorithm", [Algorithm.EDDSA, Algorithm.ES256, Algorithm.RS256], ids=str
)
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def public_jwk(key: SigningKey) -> dict[str, str]:
    jwk = key.public_jwk()
    assert jwk is not None
    return jwk


def stored(jwk: Mapping[str, Any], **changes: object) -> bytes:
    return json.dumps({**jwk, **changes}).encode()


@every_algorithm
class TestEveryKey:
    def test_it_checks_what_it_signed(self, keyring: Keyring, algorithm: Algorithm) -> None:
        key = keyring[algorithm]
        key.verifying_key.verify(b"message", key.sign(b"message"))

    def test_it_refuses_another_message(self, keyring: Keyring, algorithm: Algorithm) -> None:
        key = keyring[algorithm]
        with pytest.raises(InvalidSignature):
            key.verifying_key.verify(b"massage", key.sign(b"message"))

    @given(signature=st.binary(max_size=600))
    def test_it_refuses_random_signatures(
        self, keyring: Keyring, algorithm: Algorithm, signature: bytes
    ) -> None:
        with pytest.raises(InvalidSignature):
            keyring[algorithm].verifying_key.verify(b"message", signature)

    @given(data=st.data())
    def test_it_refuses_random_signatures_of_the_right_length(
        self, keyring: Keyring, algorithm: Algorithm, data: st.DataObject
    ) -> None:
        length = len(keyring[algorithm].sign(b"message"))
        signature = data.draw(st.binary(min_size=length, max_size=length))
        with pytest.raises(InvalidSignature):
            keyring[algorithm].verifying_key.verify(b"message", signature)

    def test_it_refuses_a_longer_or_shorter_signature(
        self, keyring: Keyring, algorithm: Algorithm
    ) -> None:
        key = keyring[algorithm]
        signature = key.sign(b"message")
        for spelled in (signature + b"\0", b"\0" + signature, signature[:-1], b""):
            with pytest.raises(InvalidSignature):
                key.verifying_key.verify(b"message", spelled)

    def test_it_survives_its_store(self, keyring: Keyring, algorithm: Algorithm) -> None:
        key = keyring[algorithm]
        again = SigningKey.from_bytes(key.to_bytes())
        assert (again.kid, again.algorithm) == (key.kid, key.algorithm)
        key.verifying_key.verify(b"message", again.sign(b"message"))
        assert json.loads(again.to_bytes()) == json.loads(key.to_bytes())

    def test_its_repr_shows_no_part_of_it(self, keyring: Keyring, algorithm: Algorithm) -> None:
        key = keyring[algorithm]
        assert repr(key) == f"SigningKey(kid='{algorithm}-1', algorithm={algorithm!r})"
        assert (
            repr(key.verifying_key) == f"VerifyingKey(kid='{algorithm}-1', algorithm={algorithm!r})"
        )


@every_pair
class TestPublicHalf:
    def test_it_names_itself_and_nothing_private(
        self, keyring: Keyring, algorithm: Algorithm
    ) -> None:
        jwk = public_jwk(keyring[algorithm])
        assert (jwk["kid"], jwk["alg"], jwk["use"]) == (f"{algorithm}-1", str(algorithm), "sig")
        assert PRIVATE_MEMBERS.isdisjoint(jwk)
        assert all(type(value) is str for value in jwk.values())

    def test_a_service_that_has_only_the_jwks_can_check(
        self, keyring: Keyring, algorithm: Algorithm
    ) -> None:
        key = keyring[algorithm]
        published = json.loads(json.dumps(key.public_jwk()))
        VerifyingKey.from_jwk(published).verify(b"message", key.sign(b"message"))

    def test_the_checking_half_cannot_sign(self, keyring: Keyring, algorithm: Algorithm) -> None:
        assert not keyring[algorithm].verifying_key._jose.is_private

    def test_a_private_half_given_away_is_not_taken(
        self, keyring: Keyring, algorithm: Algorithm
    ) -> None:
        careless = json.loads(keyring[algorithm].to_bytes())
        assert not VerifyingKey.from_jwk(careless)._jose.is_private

    @pytest.mark.parametrize(
        "change",
        [
            {"use": "enc"},
            {"key_ops": ["encrypt"]},
            {"key_ops": "verify"},
            {"key_ops": []},
            {"alg": "none"},
            {"alg": "PS256"},
            {"alg": None},
            {"alg": ["EdDSA"]},
            {"kid": None},
            {"kid": ""},
            {"kid": "../../dev/null"},
            {"kid": "k" * 65},
            {"kty": "oct", "k": "A" * 43, "alg": "HS256"},
            {"kty": "oct"},
        ],
        ids=json.dumps,
    )
    def test_a_key_for_another_purpose_is_refused(
        self,
        keyring: Keyring,
        algorithm: Algorithm,
        change: dict[str, object],
    ) -> None:
        with pytest.raises(UnusableKey):
            VerifyingKey.from_jwk({**public_jwk(keyring[algorithm]), **change})

    def test_a_key_of_another_algorithm_is_refused(
        self, keyring: Keyring, algorithm: Algorithm
    ) -> None:
        jwk = public_jwk(keyring[algorithm])
        for other in {"EdDSA", "ES256", "RS256"} - {str(algorithm)}:
            with pytest.raises(UnusableKey):
                VerifyingKey.from_jwk({**jwk, "alg": other})

    def test_a_damaged_member_is_refused(self, keyring: Keyring, algorithm: Algorithm) -> None:
        jwk = public_jwk(keyring[algorithm])
        for member in jwk.keys() & {"crv", "x", "y", "n"}:
            for damage in ("", "A", "AAAA", "=", "ü", None, 7):
                with pytest.raises(UnusableKey):
                    VerifyingKey.from_jwk({**jwk, member: damage})


class TestWeakKeys:
    def test_a_point_off_the_curve_is_refused(self, keyring: Keyring) -> None:
        jwk = public_jwk(keyring[Algorithm.ES256])
        with pytest.raises(UnusableKey):
            VerifyingKey.from_jwk({**jwk, "y": jwk["x"]})

    def test_j08_a_key_on_p_384_is_no_es256_key(self) -> None:
        jwk = ECKey.import_key(generate_ec(SECP384R1())).as_dict()
        with pytest.raises(UnusableKey):
            VerifyingKey.from_jwk({**jwk, "kid": "k", "alg": "ES256"})

    def test_an_rsa_key_is_met_from_2048_bits_and_signs_from_3072(self) -> None:
        jose = RSAKey.import_key(generate_rsa(65537, 2048))
        VerifyingKey.from_jwk({**jose.as_dict(), "kid": "k", "alg": "RS256"})
        with pytest.raises(UnusableKey, match="too short"):
            SigningKey.from_bytes(stored(jose.as_dict(private=True), kid="k", alg="RS256"))

    def test_a_short_rsa_key_is_refused(self) -> None:
        with pytest.warns(SecurityWarning):  # the library warns of it, we refuse it
            jwk = RSAKey.import_key(generate_rsa(65537, 1024)).as_dict()
        with pytest.warns(SecurityWarning), pytest.raises(UnusableKey, match="too short"):
            VerifyingKey.from_jwk({**jwk, "kid": "k", "alg": "RS256"})

    def test_a_shared_secret_has_256_bits_or_more(self) -> None:
        short = OctKey.import_key(b"s" * 31).as_dict()
        with pytest.raises(UnusableKey, match="too short"):
            SigningKey.from_bytes(stored(short, kid="k", alg="HS256"))

    def test_a_shared_secret_is_never_published(self, keyring: Keyring) -> None:
        assert keyring[Algorithm.HS256].public_jwk() is None

    @pytest.mark.parametrize("kid", ["", "k" * 65, "a b", "a\n", "é", "a/b", "a'b", "..\\b"])
    def test_an_unsafe_identifier_is_refused(self, kid: str) -> None:
        with pytest.raises(UnusableKey):
            SigningKey.generate(Algorithm.EDDSA, kid)

    @pytest.mark.parametrize(
        "damaged",
        [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"{}", b'{"kid":"k","alg":"EdDSA"}'],
        ids=lambda damaged: repr(damaged[:12]),
    )
    def test_a_damaged_store_is_refused(self, damaged: bytes) -> None:
        with pytest.raises(UnusableKey):
            SigningKey.from_bytes(damaged)

    def test_a_refusal_tells_no_part_of_the_key(self, keyring: Keyring) -> None:
        jwk = json.loads(keyring[Algorithm.EDDSA].to_bytes())
        with pytest.raises(UnusableKey) as refused:
            SigningKey.from_bytes(stored(jwk, d=jwk["d"][:-4]))
        assert jwk["d"][:8] not in str(refused.value)
        assert refused.value.__suppress_context__


@given(message=st.binary(max_size=2_000))
def test_a_signature_is_the_same_by_both_libraries(keyring: Keyring, message: bytes) -> None:
    """RFC 8032 section 5.1.6: Ed25519 is deterministic."""
    key = keyring[Algorithm.EDDSA]
    jwk = json.loads(key.to_bytes())
    openssl = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(jwk["d"] + "="))
    assert key.sign(message) == openssl.sign(message)
