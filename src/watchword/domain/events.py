"""What happened, one class per audit fact; an event is written in the transaction of its change.

To add one: subclass `Event`, give it a ``type`` (dotted, past tense), add its own fields (strings,
numbers, booleans; never a secret, never a password, never a token), and write it in the flow's
transaction beside the change it tells of. It then shows up in ``GET /audit`` and in the docs.
"""

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact about ``subject``, caused by ``actor``: user ids, None for the service itself."""

    type: ClassVar[str]
    subject: str | None
    actor: str | None = None
    session: str | None = None

    def details(self) -> dict[str, str | int | bool | None]:
        """The fields of this kind of event beyond those that all events share."""
        shared = {"subject", "actor", "session"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in shared}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Event):
    type = "account.registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanged(Event):
    type = "account.profile_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(Event):
    type = "account.role_changed"
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    type = "account.status_changed"
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted(Event):
    type = "account.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountImported(Event):
    type = "account.imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(Event):
    type = "credential.password_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordUpgraded(Event):
    """The stored hash was replaced at sign-in because its parameters were out of date."""

    type = "credential.password_upgraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Event):
    type = "session.signed_in"
    amr: str
    new_device: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFailed(Event):
    """``subject`` is None for an address without an account; the address itself is not kept."""

    type = "session.sign_in_failed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLocked(Event):
    type = "account.locked"
    until: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reauthenticated(Event):
    type = "session.reauthenticated"
    amr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """``reason``: signed_out, revoked, evicted, password_changed, disabled, replaced."""

    type = "session.ended"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsEnded(Event):
    """Several sessions of one user at once."""

    type = "session.all_ended"
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReuseDetected(Event):
    type = "session.token_reused"
    generation: int
    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupLinkMade(Event):
    type = "setup.link_made"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysRotated(Event):
    type = "keys.rotated"
    kid: str


def all_types() -> tuple[str, ...]:
    """The type of every event that exists, for the documentation and its test."""
    return tuple(sorted(cls.type for cls in Event.__subclasses__()))
