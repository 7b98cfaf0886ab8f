"""What happened to what people prove themselves by."""

from dataclasses import dataclass

from watchword.domain.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(Event):
    """A user changed their password; all their other sessions ended."""

    type = "credential.password_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordReset(Event):
    """A password was set by a link that was mailed; all sessions and other links ended."""

    type = "credential.password_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRemoved(Event):
    """The first proof of an address came by a sign-in link, in a browser that had never signed in:
    the password before it may be somebody else's, and ended with all sessions and other links.
    """

    type = "credential.password_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordUpgraded(Event):
    """The stored hash was replaced at sign-in because its parameters were out of date."""

    type = "credential.password_upgraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyAdded(Event):
    """A user added a passkey. ``synced``: it can be copied to other devices of theirs."""

    type = "credential.passkey_added"
    passkey: str
    synced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRejected(Event):
    """What a user's browser sent as a new passkey was not believed; ``reason`` names the part."""

    type = "credential.passkey_rejected"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MfaEnabled(Event):
    """A user confirmed an app that makes codes; signing in asks for one from now on."""

    type = "credential.mfa_enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MfaDisabled(Event):
    """The second factor was removed with its recovery codes. ``reason``: ``asked`` (by its user,
    with a code) or ``operator`` (by a command).
    """

    type = "credential.mfa_disabled"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRenamed(Event):
    """A user gave a passkey another name."""

    type = "credential.passkey_renamed"
    passkey: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRemoved(Event):
    """A user removed a passkey; it signs in no more."""

    type = "credential.passkey_removed"
    passkey: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeySuspected(Event):
    """A passkey was refused because its counter did not go forward (``kept`` here, ``told`` by it):
    there may be a copy of it. Its owner gets a mail.
    """

    type = "credential.passkey_suspected"
    passkey: str
    kept: int
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesReplaced(Event):
    """A user made new recovery codes; the old ones are dead."""

    type = "credential.recovery_codes_replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodeUsed(Event):
    """A recovery code was used in place of the app; ``remaining`` are left."""

    type = "credential.recovery_code_used"
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTrusted(Event):
    """A browser is not asked for a second factor for a while, by the wish of who showed one."""

    type = "credential.device_trusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked(Event):
    """An account at another identity provider leads to this one from now on; ``provider`` is the
    provider's id.
    """

    type = "credential.identity_linked"
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityUnlinked(Event):
    """An account at another identity provider leads to this one no more: its owner has said so, or
    has shown by mail that the address is theirs, which whoever had linked it had not.
    """

    type = "credential.identity_unlinked"
    provider: str
