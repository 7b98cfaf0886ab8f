"""Passkeys (WebAuthn level 3): what is asked of a browser, and what is kept of its answer.

No attestation is asked for, so no manufacturer vouches for anything that is said here of a passkey.
The answers are verified in `watchword.crypto.ceremonies`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self
from urllib.parse import urlsplit

from watchword.crypto import base64url
from watchword.crypto.cose import Algorithm

TIMEOUT: Final = 5 * 60 * 1_000  # ms: what level 3 section 15.1 recommends at least


class PasskeyRefused(Exception):
    """What was sent is not believed. `reason` is a fixed word for logs, never a part of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Requirement(StrEnum):
    """How much something is wanted (section 5.4.6, 5.8.6)."""

    REQUIRED = "required"
    PREFERRED = "preferred"


@dataclass(frozen=True, slots=True)
class UserEntity:
    """Whose passkey it will be. ``handle`` is opaque, 1 to 64 bytes, and no address: authenticators
    show it to anybody (section 14.6.1). ``name`` is shown when a passkey is chosen.
    """

    handle: bytes
    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One passkey, named to a browser."""

    credential_id: bytes
    transports: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        told: dict[str, object] = {
            "type": "public-key",
            "id": base64url.encode(self.credential_id),
        }
        return {**told, "transports": list(self.transports)} if self.transports else told


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What a verified registration leaves to keep. ``public_key`` is a COSE_Key, ``aaguid`` the
    model that the authenticator claims to be, in the form of a UUID.
    """

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    backup_eligible: bool
    backed_up: bool
    user_verified: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """What is kept of a passkey and needed to verify it. ``user_handle`` is its owner's."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    user_handle: bytes


@dataclass(frozen=True, slots=True)
class PasskeyUse:
    """What a verified assertion says. ``counter_regressed`` means that the authenticator may have
    been cloned (section 6.1.1, attack W06); what follows from it is the caller's to decide.
    """

    credential_id: bytes
    sign_count: int
    user_verified: bool
    backed_up: bool
    counter_regressed: bool


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site that passkeys are for. They are bound to ``id``, a host name, for ever; ``origins``
    are the pages, and apps, that may ask for them.
    """

    id: str
    name: str
    origins: tuple[str, ...]
    user_verification: Requirement = Requirement.PREFERRED
    resident_key: Requirement = Requirement.REQUIRED

    @classmethod
    def at(
        cls,
        public_url: str,
        name: str,
        *,
        origins: Iterable[str] = (),
        user_verification: Requirement = Requirement.PREFERRED,
        resident_key: Requirement = Requirement.REQUIRED,
    ) -> Self:
        """The relying party of an origin, with further ``origins``. ValueError without a host."""
        host = urlsplit(public_url).hostname
        if not host:
            raise ValueError("the public URL names no host")
        allowed = tuple(dict.fromkeys((public_url, *origins)))
        return cls(host, name, allowed, user_verification, resident_key)

    def creation_options(
        self, user: UserEntity, challenge: bytes, *, exclude: Iterable[Descriptor] = ()
    ) -> dict[str, object]:
        """PublicKeyCredentialCreationOptionsJSON (section 5.1.9). ``challenge`` is 32 random bytes,
        ``exclude`` what the user has already.
        """
        return {
            "rp": {"id": self.id, "name": self.name},
            "user": {
                "id": base64url.encode(user.handle),
                "name": user.name,
                "displayName": user.display_name,
            },
            "challenge": base64url.encode(challenge),
            "pubKeyCredParams": [
                {"type": "public-key", "alg": algorithm.value} for algorithm in Algorithm
            ],
            "timeout": TIMEOUT,
            "excludeCredentials": [descriptor.to_json() for descriptor in exclude],
            "authenticatorSelection": {
                "residentKey": self.resident_key.value,
                # For clients of level 1, which know no other word for it (section 5.4.4).
                "requireResidentKey": self.resident_key is Requirement.REQUIRED,
                "userVerification": self.user_verification.value,
            },
            "attestation": "none",
        }

    def request_options(
        self, challenge: bytes, *, allow: Iterable[Descriptor] = ()
    ) -> dict[str, object]:
        """PublicKeyCredentialRequestOptionsJSON (section 5.1.10). Without ``allow``, the browser
        offers what it has for this site, and nobody learns who has an account (attack E05).
        """
        return {
            "challenge": base64url.encode(challenge),
            "timeout": TIMEOUT,
            "rpId": self.id,
            "allowCredentials": [descriptor.to_json() for descriptor in allow],
            "userVerification": self.user_verification.value,
        }
