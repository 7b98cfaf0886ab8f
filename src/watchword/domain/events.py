"""What happened, one class per audit fact; an event is written in the transaction of its change.

To add one: subclass `Event`, give it a ``type`` (dotted, past tense) and a docstring that says when
it is written, add its own fields (strings, numbers, booleans; never a secret, never a password,
never a token), and write it in the flow's transaction beside the change it tells of. It then shows
up in ``GET /audit``, and by ``scripts/make_docs.py`` in docs/events.md.
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
        """The fields of this kind of event beyond those that all share, by their wire names."""
        shared = {"subject", "actor", "session"}
        own = [field.name for field in fields(self) if field.name not in shared]
        return {wire_name(name): getattr(self, name) for name in own}


def wire_name(name: str) -> str:
    """In camelCase, as all keys are that clients see."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Event):
    """An account was made: by registering, by the settings, by a command or by the set-up link."""

    type = "account.registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanged(Event):
    """A user changed their own name."""

    type = "account.profile_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRepeated(Event):
    """Somebody registered with an address that has an account; its owner gets a mail."""

    type = "account.registration_repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited(Event):
    """An administrator made an account without a password; its owner gets a mail."""

    type = "account.invited"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified(Event):
    """The owner of an account has followed the link that was mailed to its address."""

    type = "account.email_verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChangeRequested(Event):
    """A user asked for another address; nothing changes until that one is confirmed."""

    type = "account.email_change_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChanged(Event):
    """A new address was confirmed and is the account's from now on."""

    type = "account.email_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSent(Event):
    """A one-time link was mailed to the account's address; ``purpose`` says what it is good for."""

    type = "mail.link_sent"
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFailed(Event):
    """A mail was refused, or could not be delivered in a day, and was given up."""

    type = "mail.failed"
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(Event):
    """A user's role was set; ``before`` and ``after`` name it."""

    type = "account.role_changed"
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """A user was disabled or enabled again; disabling ended every session."""

    type = "account.status_changed"
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted(Event):
    """An account was deleted with all that belonged to it; its id stays here."""

    type = "account.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountImported(Event):
    """An account was brought in by a command."""

    type = "account.imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(Event):
    """A user changed their password; all their other sessions ended."""

    type = "credential.password_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordReset(Event):
    """A password was set by a link that was mailed; all sessions and other links ended."""

    type = "credential.password_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordUpgraded(Event):
    """The stored hash was replaced at sign-in because its parameters were out of date."""

    type = "credential.password_upgraded"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Event):
    """A session began. ``amr`` says how the person proved who they are (RFC 8176). The device is
    new when this browser had not signed in to the account before.
    """

    type = "session.signed_in"
    amr: str
    new_device: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFailed(Event):
    """An attempt to sign in, or to confirm a password, failed. ``subject`` is null for an address
    without an account; the address itself is not kept.
    """

    type = "session.sign_in_failed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLocked(Event):
    """Too many failures in a row: the account takes no password for so many ``seconds``."""

    type = "account.locked"
    seconds: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reauthenticated(Event):
    """Somebody who was signed in proved once more who they are, as ``amr`` says."""

    type = "session.reauthenticated"
    amr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """One session ended. ``reason``: ``signed_out``, ``revoked`` (by hand), ``evicted`` (too many
    were open) or ``replaced`` (the browser signed in anew).
    """

    type = "session.ended"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsEnded(Event):
    """The sessions of a user were ended at once, ``count`` of them that were live."""

    type = "session.all_ended"
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReuseDetected(Event):
    """A refresh token was used again after its time, so the session was ended. ``generation`` is
    that of the token, ``current`` that of the session.
    """

    type = "session.token_reused"
    generation: int
    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupLinkMade(Event):
    """The one-time link for the first administrator was made."""

    type = "setup.link_made"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysRotated(Event):
    """Another key, ``kid``, signs access tokens from now on."""

    type = "keys.rotated"
    kid: str


def all_types() -> tuple[str, ...]:
    """The type of every event that exists, for the documentation and its test."""
    return tuple(sorted({cls.type for cls in Event.__subclasses__()}))
