"""What is kept of one person beside what they look after themselves, as it may be shown to them.

Invariant: none of these values has a secret in it, nor the hash of one.
"""

from dataclasses import dataclass
from typing import Protocol

from watchword.domain.accounts import Account
from watchword.domain.letters import Reason
from watchword.domain.links import Purpose
from watchword.domain.sessions import Session
from watchword.domain.time import Instant
from watchword.ports.values import Page, PageRequest


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A browser that has signed in. ``trusted_until``: it is not asked for the second factor, or
    was not until then; None: it always was.
    """

    first_seen_at: Instant
    last_seen_at: Instant
    trusted_until: Instant | None


@dataclass(frozen=True, slots=True)
class WaitingLetter:
    """``due_at`` is when it is tried next, after so many ``attempts``."""

    reason: Reason
    created_at: Instant
    due_at: Instant
    attempts: int


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A one-time link, or what is used up like one, that nobody has used."""

    purpose: Purpose
    created_at: Instant
    expires_at: Instant


class Holdings(Protocol):
    """Of one account each, page by page. It may be much, so it never runs on the event loop."""

    async def list_sessions(self, user_id: str, page: PageRequest) -> Page[Session]:
        """Newest first, those that have ended among them, until they are purged. Where sessions
        move in another product, how far they have come is as of their beginning.
        """
        ...

    async def list_devices(self, user_id: str, page: PageRequest) -> Page[KnownDevice]: ...

    async def list_letters(self, account: Account, page: PageRequest) -> Page[WaitingLetter]:
        """Oldest first: those to the account, and those to its address on somebody's word."""
        ...

    async def list_links(self, user_id: str, page: PageRequest) -> Page[OpenLink]:
        """Until they are purged: some are past their end."""
        ...
