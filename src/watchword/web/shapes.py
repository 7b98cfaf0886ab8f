"""What answers look like on the wire; the API reference is made from these and from `inputs`."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec

from watchword.domain.accounts import Account
from watchword.domain.identities import LinkedIdentity
from watchword.domain.places import Place
from watchword.domain.sessions import Session
from watchword.domain.time import SECOND, Instant
from watchword.ports import AuditRecord
from watchword.web.origins import Origins


class Shape(msgspec.Struct, frozen=True, rename="camel", omit_defaults=False):
    """Keys are camelCase on the wire."""


class OptionalShape(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An answer whose unset fields are left out."""


@lru_cache(maxsize=8_192)
def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_text(at: Instant) -> str:
    """RFC 3339 in UTC, to the second."""
    return _rfc3339(at // SECOND)


def fields_of(shape: Shape) -> dict[str, Any]:
    """For a shape that says all that this one does, and more."""
    return msgspec.structs.asdict(shape)


class UserShape(Shape, frozen=True):
    id: str
    email: str
    name: str
    role: str
    email_verified: bool
    mfa_enabled: bool
    created_at: str


class ManagedUserShape(UserShape, frozen=True):
    """A user as an administrator sees them."""

    status: Literal["active", "disabled"]


class DeviceShape(Shape, frozen=True):
    browser: str | None
    os: str | None
    type: str


class LocationShape(Shape, frozen=True):
    """By a database on the server's machine, in English; null where it does not say."""

    country: str | None
    city: str | None


class SessionShape(Shape, frozen=True):
    id: str
    created_at: str
    last_seen_at: str
    expires_at: str
    idle_expires_at: str
    ip: str
    user_agent: str
    device: DeviceShape
    location: LocationShape | None
    current: bool
    amr: tuple[str, ...]


def user_shape(account: Account) -> UserShape:
    return UserShape(
        account.id,
        account.email.text,
        account.name,
        account.role,
        account.email_verified,
        account.mfa_enabled,
        time_text(account.created_at),
    )


def managed_user_shape(account: Account) -> ManagedUserShape:
    return ManagedUserShape(**fields_of(user_shape(account)), status=account.status.value)


def location_shape(place: Place | None) -> LocationShape | None:
    if place is None or not place.is_named:
        return None
    return LocationShape(place.country, place.city)


def session_shape(
    session: Session,
    origins: Origins,
    *,
    current: bool,
    seen: Instant | None = None,
) -> SessionShape:
    """``seen`` is the last use where it is later than the session's own."""
    seen = session.last_seen_at if seen is None else seen
    device = origins.device(session.origin)
    return SessionShape(
        session.id,
        time_text(session.created_at),
        time_text(seen),
        time_text(session.expires_at),
        time_text(seen + session.idle_ttl),
        session.origin.ip,
        session.origin.user_agent,
        DeviceShape(device.browser, device.os, device.type),
        location_shape(origins.place(session.origin)),
        current,
        session.amr,
    )


class MessageAnswer(Shape, frozen=True):
    message: str


class UserAnswer(Shape, frozen=True):
    message: str
    user: UserShape


class ManagedUserAnswer(Shape, frozen=True):
    message: str
    user: ManagedUserShape


class ProfileAnswer(Shape, frozen=True):
    message: str
    user: UserShape
    session: SessionShape


class GrantAnswer(OptionalShape, frozen=True):
    """``accessToken``, ``tokenType`` and ``expiresIn`` (seconds) in the ``cookie`` and ``body``
    transports; ``refreshToken`` in ``body``.
    """

    message: str
    user: UserShape | None = None
    session: SessionShape | None = None
    access_token: str | None = None
    token_type: Literal["Bearer"] | None = None
    expires_in: int | None = None
    refresh_token: str | None = None


class NewAppAnswer(Shape, frozen=True):
    """``secret`` is base32; ``qrCode`` is a ``data:`` URL of a PNG that shows ``otpauthUrl``."""

    secret: str
    otpauth_url: str
    qr_code: str


class MfaEnabledAnswer(Shape, frozen=True):
    message: str
    recovery_codes: tuple[str, ...]


class RecoveryCodesAnswer(Shape, frozen=True):
    recovery_codes: tuple[str, ...]


class RevokedAnswer(Shape, frozen=True):
    message: str
    revoked: int


class SessionsAnswer(Shape, frozen=True):
    message: str
    sessions: list[SessionShape]


class UsersAnswer(Shape, frozen=True):
    message: str
    users: list[ManagedUserShape]
    next_cursor: str | None


class CsrfAnswer(Shape, frozen=True):
    csrf_token: str


class ProviderShape(Shape, frozen=True):
    id: str
    name: str


class ProvidersAnswer(Shape, frozen=True):
    providers: list[ProviderShape]


class UrlAnswer(Shape, frozen=True):
    """Where the browser has to go, with the cookie that came beside it."""

    url: str


class IdentityShape(Shape, frozen=True):
    """``provider`` is its id, ``email`` what that said last, null if nothing."""

    id: str
    provider: str
    email: str | None
    created_at: str
    last_used_at: str


class IdentitiesAnswer(Shape, frozen=True):
    identities: list[IdentityShape]


def identity_shape(identity: LinkedIdentity) -> IdentityShape:
    return IdentityShape(
        identity.id,
        identity.provider,
        identity.address or None,
        time_text(identity.created_at),
        time_text(identity.last_used_at),
    )


class EventShape(Shape, frozen=True):
    id: str
    at: str
    type: str
    subject: str | None
    actor: str | None
    session: str | None
    request_id: str
    ip: str
    user_agent: str
    details: msgspec.Raw


class AuditAnswer(Shape, frozen=True):
    events: list[EventShape]
    next_cursor: str | None


def event_shape(record: AuditRecord) -> EventShape:
    return EventShape(
        record.id,
        time_text(record.at),
        record.type,
        record.subject,
        record.actor,
        record.session,
        record.trace.request_id,
        record.trace.ip,
        record.trace.user_agent,
        msgspec.Raw(record.details.encode()),
    )


class CheckShape(OptionalShape, frozen=True):
    status: Literal["ok", "failed"]
    latency_ms: float | None = None


class HealthAnswer(Shape, frozen=True):
    status: Literal["ok", "failed", "leaving"]
    checks: dict[str, CheckShape]


class JwksAnswer(Shape, frozen=True):
    keys: list[dict[str, str]]
