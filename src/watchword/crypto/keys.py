"""A key has one algorithm for life; its private half leaves only by `to_bytes`, to be sealed.

To add an algorithm: name it in `Algorithm`, describe its keys in `_SHAPES`, give it a signer in
`_SIGNERS`, a length in `_SIGNATURE_LENGTHS` and a case in `SigningKey.generate`; the tests of keys
and of tokens then run over it by themselves.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self, assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm, ESAlgorithm, HMACAlgorithm, JWSAlgModel, RSAAlgorithm
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

# A key identifier is untrusted text from a token (RFC 8725bis): no path, quote, space or control.
KID: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")

# ASVS 11.2.3: 128 bits of strength for what we sign; keys of others are met at the floor of
# RFC 7518 3.3. The ceiling bounds what one check may cost, and how long a token may get.
_SIGNING_RSA_BITS = 3072
_VERIFYING_RSA_BITS = 2048
_LARGEST_RSA_BITS = 4096
_HMAC_BITS = 256


class Algorithm(StrEnum):
    """The signature algorithms known here, by their JOSE names (RFC 7518, RFC 8037)."""

    EDDSA = "EdDSA"
    ES256 = "ES256"
    RS256 = "RS256"
    HS256 = "HS256"


class UnusableKey(ValueError):
    """The key is malformed, too weak, or meant for another purpose."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The JWK members (RFC 7517, RFC 7518 6, RFC 8037 2) of one algorithm's keys."""

    kty: str
    crv: str | None
    public: tuple[str, ...]
    private: tuple[str, ...]


_SHAPES: Final = {
    Algorithm.EDDSA: _Shape("OKP", "Ed25519", ("crv", "x"), ("d",)),
    Algorithm.ES256: _Shape("EC", "P-256", ("crv", "x", "y"), ("d",)),
    Algorithm.RS256: _Shape("RSA", None, ("n", "e"), ("d", "p", "q", "dp", "dq", "qi")),
    Algorithm.HS256: _Shape("oct", None, (), ("k",)),
}
_SIGNERS: Final[dict[Algorithm, JWSAlgModel]] = {
    Algorithm.EDDSA: EdDSAAlgorithm(),
    Algorithm.ES256: ESAlgorithm("ES256", "P-256", 256),
    Algorithm.RS256: RSAAlgorithm(256),
    Algorithm.HS256: HMACAlgorithm(256),
}
_ED25519_LENGTH: Final = 64
_SIGNATURE_LENGTHS: Final = {
    Algorithm.EDDSA: _ED25519_LENGTH,
    Algorithm.ES256: 64,
    Algorithm.HS256: 32,
}


@dataclass(frozen=True, slots=True, eq=False)
class VerifyingKey:
    """What checks signatures: the public half of a pair, or for HS256 the shared secret itself."""

    kid: str
    algorithm: Algorithm
    _jose: Key = field(repr=False)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object]) -> Self:
        """Read one public key of a JWKS; it must name its `kid` and `alg`. UnusableKey otherwise.

        A shared secret is refused: what is published can be no secret. Members beyond the key
        itself, such as `x5c` or a private half, are left where they are.
        """
        kid, algorithm = _identity(jwk, "verify")
        if algorithm is Algorithm.HS256:
            raise UnusableKey("a shared secret is not a public key")
        return cls(kid, algorithm, _load(jwk, algorithm, _SHAPES[algorithm].public))

    def verify(self, signing_input: bytes, signature: bytes) -> None:
        """Return if the signature is this key's; raise cryptography's InvalidSignature if not."""
        # The exact length first: no second spelling of a signature depends on the library.
        if len(signature) != self._signature_length():
            raise InvalidSignature
        if not _SIGNERS[self.algorithm].verify(signing_input, signature, self._jose):
            raise InvalidSignature

    def _signature_length(self) -> int:
        if isinstance(self._jose, RSAKey):
            return (self._jose.public_key.key_size + 7) // 8
        return _SIGNATURE_LENGTHS[self.algorithm]


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A key that signs tokens: made by `generate`, or read back by `from_bytes`."""

    kid: str
    algorithm: Algorithm
    _jose: Key = field(repr=False)
    _signs: Callable[[bytes], bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_signs", _signer(self.algorithm, self._jose))

    @classmethod
    def generate(cls, algorithm: Algorithm, kid: str) -> Self:
        """Make a new key of at least 128 bits of strength; UnusableKey for an unsafe identifier."""
        if not KID.fullmatch(kid):
            raise UnusableKey("the key identifier is not safe")
        match algorithm:
            case Algorithm.EDDSA:
                return cls(kid, algorithm, OKPKey.generate_key("Ed25519"))
            case Algorithm.ES256:
                return cls(kid, algorithm, ECKey.generate_key("P-256"))
            case Algorithm.RS256:
                return cls(kid, algorithm, RSAKey.generate_key(_SIGNING_RSA_BITS))
            case Algorithm.HS256:
                return cls(kid, algorithm, OctKey.generate_key(_HMAC_BITS))
        assert_never(algorithm)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read what `to_bytes` wrote; UnusableKey, which tells no part of it, for anything else."""
        try:
            jwk = json.loads(stored)
        except (ValueError, RecursionError):
            raise UnusableKey("not a stored key") from None
        if not isinstance(jwk, dict):
            raise UnusableKey("not a stored key")
        kid, algorithm = _identity(jwk, "sign")
        shape = _SHAPES[algorithm]
        jose = _load(jwk, algorithm, shape.public + shape.private)
        if isinstance(jose, RSAKey) and jose.public_key.key_size < _SIGNING_RSA_BITS:
            raise UnusableKey("the key is too short to sign")
        return cls(kid, algorithm, jose)

    @classmethod
    def from_pem(cls, pem: bytes, kid: str) -> Self:
        """Read an EC key on P-256 (PKCS #8), for ES256; UnusableKey for anything else."""
        if not KID.fullmatch(kid):
            raise UnusableKey("the key identifier is not safe")
        try:
            key = ECKey.import_key(pem)
        except (JoseError, ValueError, TypeError):
            raise UnusableKey("the key is malformed") from None
        if not key.is_private or key.curve_name != "P-256":
            raise UnusableKey("the key does not fit its algorithm")
        return cls(kid, Algorithm.ES256, key)

    def to_bytes(self) -> bytes:
        """The whole key as a JWK, private half included: for sealing, and for nothing else."""
        return json.dumps({**self._jose.as_dict(private=True), **self._label()}).encode()

    def public_jwk(self) -> dict[str, str] | None:
        """The entry for the JWKS (RFC 7517); None for HS256, which has nothing to publish."""
        if self.algorithm is Algorithm.HS256:
            return None
        jwk, shape = self._jose.as_dict(), _SHAPES[self.algorithm]
        return {
            "kty": shape.kty,
            **{member: str(jwk[member]) for member in shape.public},
            **self._label(),
        }

    @property
    def verifying_key(self) -> VerifyingKey:
        """The half that checks; of a pair it holds nothing private."""
        jwk = self.public_jwk()
        return (
            VerifyingKey.from_jwk(jwk)
            if jwk
            else VerifyingKey(self.kid, self.algorithm, self._jose)
        )

    def sign(self, signing_input: bytes) -> bytes:
        return self._signs(signing_input)

    def _label(self) -> dict[str, str]:
        return {"kid": self.kid, "alg": self.algorithm.value, "use": "sig"}


def _signer(algorithm: Algorithm, jose: Key) -> Callable[[bytes], bytes]:
    """Ed25519 is deterministic (RFC 8032 5.1.6): libsodium makes the same signature as OpenSSL, in
    two thirds of the time, and every refresh waits for one.
    """
    raw = jose.raw_value
    if isinstance(raw, Ed25519PrivateKey):
        _, secret = crypto_sign_seed_keypair(raw.private_bytes_raw())
        return lambda signing_input: crypto_sign(signing_input, secret)[:_ED25519_LENGTH]
    model = _SIGNERS[algorithm]
    return lambda signing_input: model.sign(signing_input, jose)


def _identity(jwk: Mapping[str, object], operation: str) -> tuple[str, Algorithm]:
    """Say which key this is and for what algorithm, if it may do this (RFC 7517 4.2, 4.3)."""
    kid, alg, operations = jwk.get("kid"), jwk.get("alg"), jwk.get("key_ops", [operation])
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise UnusableKey("the key identifier is not safe")
    if not isinstance(alg, str) or alg not in set(Algorithm):
        raise UnusableKey("the key names no algorithm known here")
    if (
        jwk.get("use", "sig") != "sig"
        or not isinstance(operations, list)
        or operation not in operations
    ):
        raise UnusableKey("the key is meant for another purpose")
    return kid, Algorithm(alg)


def _load(jwk: Mapping[str, object], algorithm: Algorithm, members: tuple[str, ...]) -> Key:
    """Build the library's key from these members alone, of the algorithm's type and curve."""
    shape = _SHAPES[algorithm]
    material = {member: value for member in members if isinstance(value := jwk.get(member), str)}
    if (
        jwk.get("kty") != shape.kty
        or material.get("crv") != shape.crv
        or len(material) != len(members)
    ):
        raise UnusableKey("the key does not fit its algorithm")
    try:
        key = JWKRegistry.import_key({"kty": shape.kty, **material})
    except (JoseError, ValueError):
        raise UnusableKey("the key is malformed") from None
    if (
        isinstance(key, RSAKey)
        and not _VERIFYING_RSA_BITS <= key.public_key.key_size <= _LARGEST_RSA_BITS
    ):
        raise UnusableKey("the key is too short or too long")
    if isinstance(key, OctKey) and len(key.raw_value) * 8 < _HMAC_BITS:
        raise UnusableKey("the key is too short")
    return key
