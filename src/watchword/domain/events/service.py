"""What happened to the service itself: its first administrator, its keys, its mail, its log."""

from dataclasses import dataclass

from watchword.domain.events.base import Event


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
class SetupLinkMade(Event):
    """The one-time link for the first administrator was made."""

    type = "setup.link_made"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysRotated(Event):
    """Another key, ``kid``, signs access tokens from now on."""

    type = "keys.rotated"
    kid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditExported(Event):
    """An operator took the audit log away as a file, or as much of it as they asked for: what
    concerned ``ofUser``, of ``ofType``, from the day ``since`` to the day ``until``; null: all.
    """

    type = "audit.exported"
    of_user: str | None
    of_type: str | None
    since: str | None
    until: str | None
    format: str
