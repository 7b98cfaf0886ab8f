"""The public keys of another identity provider, as it publishes them (RFC 7517 section 5).

They are met with more patience than our own, because others choose their form: a key may leave out
its algorithm and even its identifier. They are trusted with less: one that brings its private half,
a shared secret or too few bits is passed over, so nothing that it signed holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm, ESAlgorithm, JWSAlgModel, RSAAlgorithm, RSAPSSAlgorithm
from joserfc.jwk import JWKRegistry, Key, RSAKey

from watchword.crypto import base64url
from watchword.crypto.jws import InvalidToken, UnknownKey


class ProviderAlgorithm(StrEnum):
    """What an ID token may be signed with: pairs of keys alone, for what is published is no secret
    (attacks J01, J02).
    """

    EDDSA = "EdDSA"
    ES256 = "ES256"
    ES384 = "ES384"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"


MOST_KEYS: Final = 64
_LONGEST_KID: Final = 256
_RSA_BITS: Final = range(2048, 4096 + 1)  # RFC 7518 3.3; the end bounds what one check may cost
_PUBLIC_MEMBERS: Final = {"OKP": ("crv", "x"), "EC": ("crv", "x", "y"), "RSA": ("n", "e")}
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES: Final = {
    "Ed25519": (ProviderAlgorithm.EDDSA,),
    "P-256": (ProviderAlgorithm.ES256,),
    "P-384": (ProviderAlgorithm.ES384,),
}
_RSA: Final = tuple(word for word in ProviderAlgorithm if word[1:2] == "S" and word[0] != "E")
_VERIFIERS: Final[dict[ProviderAlgorithm, JWSAlgModel]] = {
    ProviderAlgorithm.EDDSA: EdDSAAlgorithm(),
    ProviderAlgorithm.ES256: ESAlgorithm("ES256", "P-256", 256),
    ProviderAlgorithm.ES384: ESAlgorithm("ES384", "P-384", 384),
    ProviderAlgorithm.RS256: RSAAlgorithm(256),
    ProviderAlgorithm.RS384: RSAAlgorithm(384),
    ProviderAlgorithm.RS512: RSAAlgorithm(512),
    ProviderAlgorithm.PS256: RSAPSSAlgorithm(256),
    ProviderAlgorithm.PS384: RSAPSSAlgorithm(384),
    ProviderAlgorithm.PS512: RSAPSSAlgorithm(512),
}
_LENGTHS: Final = {
    ProviderAlgorithm.EDDSA: 64,
    ProviderAlgorithm.ES256: 64,
    ProviderAlgorithm.ES384: 96,
}


@dataclass(frozen=True, slots=True, eq=False)
class ProviderKey:
    """One key under one algorithm. ``issuer`` is whom alone it signs for, where it says so."""

    kid: str | None
    algorithm: ProviderAlgorithm
    issuer: str | None
    _jose: Key = field(repr=False)

    def verify(self, signing_input: bytes, signature: bytes) -> None:
        """Return if the signature is this key's; raise cryptography's InvalidSignature if not."""
        if len(signature) != self._signature_length():
            raise InvalidSignature
        if not _VERIFIERS[self.algorithm].verify(signing_input, signature, self._jose):
            raise InvalidSignature

    def _signature_length(self) -> int:
        if isinstance(self._jose, RSAKey):
            return (self._jose.public_key.key_size + 7) // 8
        return _LENGTHS[self.algorithm]


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """The usable keys of one key set, each under every algorithm that it may be used with."""

    keys: Sequence[ProviderKey]

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, object]) -> "ProviderKeys":
        """Raise ValueError for what is no key set, or one beyond all measure."""
        listed = jwks.get("keys")
        if not isinstance(listed, list) or len(listed) > MOST_KEYS:
            raise ValueError("not a key set")
        return cls([key for jwk in listed if isinstance(jwk, dict) for key in _read(jwk)])

    def choose(
        self, header: Mapping[str, object], allowed: frozenset[ProviderAlgorithm]
    ) -> ProviderKey:
        """The one key that the header can mean; `InvalidToken`, or `UnknownKey` for its `kid`.

        Without a `kid` there must be a single candidate (OpenID Connect Core 10.1).
        """
        kid, alg = header.get("kid"), header.get("alg")
        if not isinstance(alg, str) or alg not in allowed:
            raise InvalidToken("algorithm")
        if kid is not None and (not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID):
            raise InvalidToken("kid")
        named = [key for key in self.keys if kid is None or key.kid == kid]
        if not named:
            raise UnknownKey
        fitting = [key for key in named if key.algorithm == alg]
        if not fitting:
            raise InvalidToken("algorithm")
        if len(fitting) > 1:
            raise InvalidToken("several keys")
        return fitting[0]


def _read(jwk: Mapping[str, object]) -> list[ProviderKey]:
    """The key under each algorithm that it may be used with; none if it is not fit for any."""
    kid, issuer, alg = jwk.get("kid"), jwk.get("issuer"), jwk.get("alg")
    if not _is_meant_to_sign(jwk) or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        return []
    if any(not isinstance(text, str | None) for text in (kid, issuer, alg)):
        return []
    jose = _load(jwk)
    if jose is None:
        return []
    algorithms = _RSA if jwk["kty"] == "RSA" else _CURVES.get(str(jwk["crv"]), ())
    return [
        ProviderKey(kid, algorithm, issuer, jose)  # type: ignore[arg-type]  # looked at above
        for algorithm in algorithms
        if alg in {None, algorithm.value}
    ]


def _is_meant_to_sign(jwk: Mapping[str, object]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    )


def _load(jwk: Mapping[str, object]) -> Key | None:
    """The library's key, from its public members alone."""
    kty = jwk.get("kty")
    members = _PUBLIC_MEMBERS.get(kty, ()) if isinstance(kty, str) else ()
    material = {name: value for name in members if isinstance(value := jwk.get(name), str)}
    if not members or len(material) != len(members):
        return None
    try:
        # Before the library sees it: it would import a short key with no more than a warning.
        if kty == "RSA" and _bits_of(material["n"]) not in _RSA_BITS:
            return None
        return JWKRegistry.import_key({"kty": str(kty), **material})
    except (JoseError, ValueError):
        return None


def _bits_of(modulus: str) -> int:
    return int.from_bytes(base64url.decode(modulus)).bit_length()
