"""What happened, one class per audit fact; an event is written in the transaction of its change.

To add one: subclass `Event` in the module that it belongs to and name it here. Give it a ``type``
(dotted, past tense) and a docstring that says when it is written, add its own fields (strings,
numbers, booleans; never a secret, never a password, never a token), and write it in the flow's
transaction beside the change it tells of. It then shows up in ``GET /audit``, and by
``scripts/make_docs.py`` in docs/events.md.
"""

from watchword.domain.events.accounts import (
    AccountDeleted,
    AccountImported,
    AccountLocked,
    EmailChanged,
    EmailChangeRequested,
    EmailVerified,
    Invited,
    OwnDataExported,
    ProfileChanged,
    Registered,
    RegistrationRepeated,
    RoleChanged,
    StatusChanged,
)
from watchword.domain.events.base import Event, wire_name
from watchword.domain.events.credentials import (
    DeviceTrusted,
    IdentityLinked,
    IdentityUnlinked,
    MfaDisabled,
    MfaEnabled,
    PasskeyAdded,
    PasskeyRejected,
    PasskeyRemoved,
    PasskeyRenamed,
    PasskeySuspected,
    PasswordChanged,
    PasswordRemoved,
    PasswordReset,
    PasswordUpgraded,
    RecoveryCodesReplaced,
    RecoveryCodeUsed,
)
from watchword.domain.events.service import (
    AuditExported,
    KeysRotated,
    LinkSent,
    MailFailed,
    SetupLinkMade,
)
from watchword.domain.events.sessions import (
    Reauthenticated,
    SessionEnded,
    SessionsEnded,
    SignedIn,
    SignInFailed,
    TokenReuseDetected,
    UnusualSignIn,
)

__all__ = [
    "AccountDeleted",
    "AccountImported",
    "AccountLocked",
    "AuditExported",
    "DeviceTrusted",
    "EmailChangeRequested",
    "EmailChanged",
    "EmailVerified",
    "Event",
    "IdentityLinked",
    "IdentityUnlinked",
    "Invited",
    "KeysRotated",
    "LinkSent",
    "MailFailed",
    "MfaDisabled",
    "MfaEnabled",
    "OwnDataExported",
    "PasskeyAdded",
    "PasskeyRejected",
    "PasskeyRemoved",
    "PasskeyRenamed",
    "PasskeySuspected",
    "PasswordChanged",
    "PasswordRemoved",
    "PasswordReset",
    "PasswordUpgraded",
    "ProfileChanged",
    "Reauthenticated",
    "RecoveryCodeUsed",
    "RecoveryCodesReplaced",
    "Registered",
    "RegistrationRepeated",
    "RoleChanged",
    "SessionEnded",
    "SessionsEnded",
    "SetupLinkMade",
    "SignInFailed",
    "SignedIn",
    "StatusChanged",
    "TokenReuseDetected",
    "UnusualSignIn",
    "all_types",
    "wire_name",
]


def all_types() -> tuple[str, ...]:
    """The type of every event that exists, for the documentation and its test."""
    return tuple(sorted({cls.type for cls in Event.__subclasses__()}))
