"""What happened to the service itself: its first administrator, its keys, its mail."""

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
