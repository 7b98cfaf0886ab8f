"""What a copy of one's data says beyond what other answers do. Invariant: no field here has room
for a secret, or for the hash of one.
"""

from watchword.domain.accounts import Account
from watchword.domain.factors import Passkey
from watchword.domain.identities import LinkedIdentity
from watchword.domain.sessions import Session
from watchword.domain.time import Instant
from watchword.flows.exports import KeptFactor
from watchword.ports import KnownDevice, OpenLink, WaitingLetter
from watchword.web.origins import Origins
from watchword.web.passkey_shapes import PasskeyShape, passkey_shape
from watchword.web.shapes import (
    DeviceShape,
    IdentityShape,
    LocationShape,
    ManagedUserShape,
    Shape,
    fields_of,
    identity_shape,
    location_shape,
    managed_user_shape,
    time_text,
)


class OwnUserShape(ManagedUserShape, frozen=True):
    has_password: bool


class OwnPasskeyShape(PasskeyShape, frozen=True):
    """``model`` is the AAGUID, ``uses`` as far as the authenticator counts them."""

    model: str
    uses: int
    backed_up: bool


class OwnIdentityShape(IdentityShape, frozen=True):
    """``issuer`` and ``subject``: whom the provider says it is."""

    issuer: str
    subject: str


class SecondFactorShape(Shape, frozen=True):
    """``recoveryCodes``: how many are left."""

    created_at: str
    confirmed_at: str | None
    recovery_codes: int


class EndedSessionShape(Shape, frozen=True):
    """``endedAt`` is null for one whose time is over, and which nobody has ended."""

    id: str
    created_at: str
    last_seen_at: str
    expires_at: str
    ended_at: str | None
    ended_reason: str | None
    ip: str
    user_agent: str
    device: DeviceShape
    location: LocationShape | None
    amr: tuple[str, ...]


class KnownDeviceShape(Shape, frozen=True):
    first_seen_at: str
    last_seen_at: str
    trusted_until: str | None


class WaitingLetterShape(Shape, frozen=True):
    kind: str
    created_at: str
    due_at: str
    attempts: int


class OpenLinkShape(Shape, frozen=True):
    purpose: str
    created_at: str
    expires_at: str


def own_user_shape(account: Account) -> OwnUserShape:
    shown = fields_of(managed_user_shape(account))
    return OwnUserShape(**shown, has_password=account.password_hash is not None)


def own_passkey_shape(passkey: Passkey) -> OwnPasskeyShape:
    return OwnPasskeyShape(
        **fields_of(passkey_shape(passkey)),
        model=passkey.aaguid,
        uses=passkey.sign_count,
        backed_up=passkey.backed_up,
    )


def own_identity_shape(identity: LinkedIdentity) -> OwnIdentityShape:
    shown = fields_of(identity_shape(identity))
    return OwnIdentityShape(**shown, issuer=identity.issuer, subject=identity.subject)


def second_factor_shape(kept: KeptFactor | None) -> SecondFactorShape | None:
    if kept is None:
        return None
    return SecondFactorShape(
        time_text(kept.created_at), _time_or_none(kept.confirmed_at), kept.recovery_codes
    )


def ended_session_shape(session: Session, origins: Origins) -> EndedSessionShape:
    device = origins.device(session.origin)
    return EndedSessionShape(
        session.id,
        time_text(session.created_at),
        time_text(session.last_seen_at),
        time_text(session.expires_at),
        _time_or_none(session.ended_at),
        None if session.ended_reason is None else session.ended_reason.value,
        session.origin.ip,
        session.origin.user_agent,
        DeviceShape(device.browser, device.os, device.type),
        location_shape(origins.place(session.origin)),
        session.amr,
    )


def known_device_shape(device: KnownDevice) -> KnownDeviceShape:
    return KnownDeviceShape(
        time_text(device.first_seen_at),
        time_text(device.last_seen_at),
        _time_or_none(device.trusted_until),
    )


def waiting_letter_shape(letter: WaitingLetter) -> WaitingLetterShape:
    return WaitingLetterShape(
        letter.reason.value,
        time_text(letter.created_at),
        time_text(letter.due_at),
        letter.attempts,
    )


def open_link_shape(link: OpenLink) -> OpenLinkShape:
    return OpenLinkShape(link.purpose.value, time_text(link.created_at), time_text(link.expires_at))


def _time_or_none(at: Instant | None) -> str | None:
    return None if at is None else time_text(at)
