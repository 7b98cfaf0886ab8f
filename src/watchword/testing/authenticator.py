"""An authenticator and its browser, in software: honest unless it is told how to misbehave.

What it makes has the JSON forms that browsers post (WebAuthn level 3 sections 5.1.1 and 5.1.2).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from watchword.crypto import base64url
from watchword.crypto.cose import Algorithm

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP = 0x01, 0x04, 0x08, 0x10
_ATTESTED, _EXTENSIONS = 0x40, 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What one ceremony does, and what it lies about. None leaves a part as it should be.

    ``client_data`` joins or replaces members of the client data; a member that is None goes.
    ``public_key`` and ``authenticator_data`` stand in for the bytes of that name, ``tail`` follows
    the authenticator data, and ``extensions`` is CBOR.
    """

    user_present: bool = True
    user_verified: bool = True
    backup_eligible: bool = False
    backed_up: bool = False
    sign_count: int | None = None
    rp_id: str | None = None
    client_data: Mapping[str, object] = field(default_factory=dict)
    user_handle: bytes | None = None
    attestation: str = "none"
    statement: Mapping[str, object] | None = None
    public_key: bytes | None = None
    extensions: bytes = b""
    tail: bytes = b""

    @property
    def flags(self) -> int:
        return (
            _PRESENT * self.user_present
            | _VERIFIED * self.user_verified
            | _ELIGIBLE * self.backup_eligible
            | _BACKED_UP * self.backed_up
            | _EXTENSIONS * bool(self.extensions)
        )


HONEST: Final = Behaviour()


class SoftwareAuthenticator:
    """Holds one passkey, and counts its uses. The key comes from ``seed`` and is the same in every
    run; one of RSA, which takes a tenth of a second to make, is another each time.
    """

    def __init__(
        self,
        origin: str,
        *,
        algorithm: Algorithm = Algorithm.ES256,
        seed: int = 1,
        id_length: int = 32,
    ) -> None:
        self.origin = origin
        self.algorithm = algorithm
        self.credential_id = hashlib.shake_256(b"id %d" % seed).digest(id_length)
        self.aaguid = bytes(16)
        self.user_handle = b""
        self.sign_count = 0
        self._key = _make_key(algorithm, seed)

    def create(
        self, options: Mapping[str, object], behaviour: Behaviour = HONEST
    ) -> dict[str, object]:
        """A RegistrationResponseJSON for PublicKeyCredentialCreationOptionsJSON."""
        self.user_handle = base64url.decode(str(_member(options, "user")["id"]))
        client_data = self._client_data("webauthn.create", options, behaviour)
        rp_id = str(_member(options, "rp")["id"])
        told = self._authenticator_data(rp_id, behaviour, attested=self._attested(behaviour))
        statement = behaviour.statement
        if statement is None and behaviour.attestation == "packed":
            signature = self._sign(told + hashlib.sha256(client_data).digest())
            statement = {"alg": self.algorithm.value, "sig": signature}
        attestation = {
            "fmt": behaviour.attestation,
            "attStmt": dict(statement or {}),
            "authData": told,
        }
        return self._answer(
            {
                "clientDataJSON": base64url.encode(client_data),
                "attestationObject": base64url.encode(encode_cbor(attestation)),
                "transports": ["internal", "hybrid"],
            }
        )

    def get(
        self, options: Mapping[str, object], behaviour: Behaviour = HONEST
    ) -> dict[str, object]:
        """An AuthenticationResponseJSON for PublicKeyCredentialRequestOptionsJSON."""
        self.sign_count += 1
        client_data = self._client_data("webauthn.get", options, behaviour)
        told = self._authenticator_data(str(options["rpId"]), behaviour)
        handle = self.user_handle if behaviour.user_handle is None else behaviour.user_handle
        return self._answer(
            {
                "clientDataJSON": base64url.encode(client_data),
                "authenticatorData": base64url.encode(told),
                "signature": base64url.encode(
                    self._sign(told + hashlib.sha256(client_data).digest())
                ),
                "userHandle": base64url.encode(handle) if handle else None,
            }
        )

    @property
    def public_key(self) -> bytes:
        """The COSE_Key (RFC 9053 section 7)."""
        return encode_cbor(_cose(self._key))

    def _answer(self, response: dict[str, object]) -> dict[str, object]:
        text = base64url.encode(self.credential_id)
        return {
            "id": text,
            "rawId": text,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

    def _client_data(
        self, ceremony: str, options: Mapping[str, object], behaviour: Behaviour
    ) -> bytes:
        members = {
            "type": ceremony,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
            **behaviour.client_data,
        }
        told = {name: value for name, value in members.items() if value is not None}
        return json.dumps(told, separators=(",", ":")).encode()

    def _authenticator_data(
        self, rp_id: str, behaviour: Behaviour, *, attested: bytes = b""
    ) -> bytes:
        flags = behaviour.flags | (_ATTESTED if attested else 0)
        count = self.sign_count if behaviour.sign_count is None else behaviour.sign_count
        return b"".join(
            (
                hashlib.sha256((behaviour.rp_id or rp_id).encode()).digest(),
                flags.to_bytes(1, "big"),
                count.to_bytes(4, "big"),
                attested,
                behaviour.extensions,
                behaviour.tail,
            )
        )

    def _attested(self, behaviour: Behaviour) -> bytes:
        length = len(self.credential_id).to_bytes(2, "big")
        key = self.public_key if behaviour.public_key is None else behaviour.public_key
        return self.aaguid + length + self.credential_id + key

    def _sign(self, message: bytes) -> bytes:
        match self._key:
            case Ed25519PrivateKey() as key:
                return key.sign(message)
            case ec.EllipticCurvePrivateKey() as key:
                return key.sign(message, ec.ECDSA(SHA256()))
            case rsa.RSAPrivateKey() as key:
                return key.sign(message, PKCS1v15(), SHA256())
            case key:
                assert_never(key)


def _make_key(algorithm: Algorithm, seed: int) -> PrivateKey:
    match algorithm:
        case Algorithm.EDDSA:
            return Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
        case Algorithm.ES256:
            return ec.derive_private_key(seed, ec.SECP256R1())
        case Algorithm.RS256:
            return rsa.generate_private_key(65_537, 2_048)
    assert_never(algorithm)


def _cose(key: PrivateKey) -> dict[int, int | bytes]:
    match key:
        case Ed25519PrivateKey():
            return {1: 1, 3: Algorithm.EDDSA.value, -1: 6, -2: key.public_key().public_bytes_raw()}
        case ec.EllipticCurvePrivateKey():
            point = key.public_key().public_numbers()
            x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
            return {1: 2, 3: Algorithm.ES256.value, -1: 1, -2: x, -3: y}
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            n, e = numbers.n.to_bytes(key.key_size // 8, "big"), numbers.e.to_bytes(3, "big")
            return {1: 3, 3: Algorithm.RS256.value, -1: n, -2: e}
    assert_never(key)


def _member(options: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = options[name]
    if not isinstance(value, Mapping):
        raise TypeError(name)
    return value
