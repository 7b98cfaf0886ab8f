"""Answers about passkeys. The options have the JSON forms that browsers read (WebAuthn level 3
sections 5.1.9 and 5.1.10).
"""

from watchword.crypto import base64url
from watchword.domain.factors import Passkey
from watchword.web.shapes import Shape, time_text

Descriptors = list[dict[str, str | list[str]]]


class PasskeyShape(Shape, frozen=True):
    """``synced``: it can be on other devices of the same person. ``credentialId`` is what browsers
    know it by.
    """

    id: str
    credential_id: str
    name: str
    created_at: str
    last_used_at: str | None
    synced: bool
    transports: tuple[str, ...]


class PasskeyAnswer(Shape, frozen=True):
    message: str
    passkey: PasskeyShape


class PasskeysAnswer(Shape, frozen=True):
    message: str
    passkeys: list[PasskeyShape]


def passkey_shape(passkey: Passkey) -> PasskeyShape:
    used = passkey.last_used_at
    return PasskeyShape(
        passkey.id,
        base64url.encode(passkey.credential_id),
        passkey.name,
        time_text(passkey.created_at),
        None if used is None else time_text(used),
        passkey.backup_eligible,
        passkey.transports,
    )


class CreationOptionsAnswer(Shape, frozen=True):
    """PublicKeyCredentialCreationOptionsJSON, for ``parseCreationOptionsFromJSON()``."""

    rp: dict[str, str]
    user: dict[str, str]
    challenge: str
    pub_key_cred_params: list[dict[str, str | int]]
    timeout: int
    exclude_credentials: Descriptors
    authenticator_selection: dict[str, str | bool]
    attestation: str


class RequestOptionsAnswer(Shape, frozen=True):
    """PublicKeyCredentialRequestOptionsJSON, for ``parseRequestOptionsFromJSON()``."""

    challenge: str
    timeout: int
    rp_id: str
    allow_credentials: Descriptors
    user_verification: str
