"""What happened to accounts and their addresses."""

from dataclasses import dataclass

from watchword.domain.events.base import Event


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
class RoleChanged(Event):
    """A user's role was set; ``before`` and ``after`` name it."""

    type = "account.role_changed"
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """A user was disabled or enabled again; disabling ended every session and every mailed link."""

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
class OwnDataExported(Event):
    """A user took a copy of all that is kept about them."""

    type = "account.data_exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLocked(Event):
    """Too many failures in a row: the account takes no password for so many ``seconds``."""

    type = "account.locked"
    seconds: int
    failures: int
