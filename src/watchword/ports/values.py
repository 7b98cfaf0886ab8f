"""What the promises speak of: pages, queries, records, tallies; values without behaviour."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Generic, NamedTuple, TypeVar

from watchword.domain.accounts import Account, Status
from watchword.domain.sessions import Session
from watchword.domain.time import Instant, Span

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """``after`` is the last key of the page before, None for the first; ``limit`` 1 to 200."""

    limit: int
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """``following`` is what to ask for next, None on the last page."""

    rows: Sequence[Row]
    following: str | None


@dataclass(frozen=True, slots=True)
class AccountQuery:
    role: str | None = None
    status: Status | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A session with its account, read together."""

    account: Account
    session: Session


class RequestTrace(NamedTuple):
    """Where an audited change came from. ``language`` is that of the mail which it causes, empty
    for the default; it is not kept with the event.
    """

    request_id: str = ""
    ip: str = ""
    user_agent: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An event as it was written. ``details`` is the JSON object of its own fields."""

    id: str
    at: Instant
    type: str
    subject: str | None
    actor: str | None
    session: str | None
    trace: RequestTrace
    details: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Times in ms, ``since`` inclusive, ``until`` exclusive."""

    user: str | None = None
    type: str | None = None
    since: Instant | None = None
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key at rest: ``sealed`` opens only with the master secret. It signs from
    ``activated_at`` (None: not yet) and verifies until ``retires_at`` (None: no end yet).
    """

    kid: str
    algorithm: str
    sealed: bytes
    created_at: Instant
    activated_at: Instant | None
    retires_at: Instant | None


class Topic(StrEnum):
    SESSION = "session"
    USER = "user"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that cached pictures of ``topic`` ``id`` must notice."""

    topic: Topic
    id: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change as it is kept. ``at`` is when it was noted, by the clock of who noted it. ``proof``:
    the session goes on, by access tokens of this proof or a later one; 0 for a session that has
    ended, and for every other topic.
    """

    seq: int
    at: Instant
    change: Change
    proof: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """``count`` requests in ``period`` ms, from the first one on."""

    count: int
    period: Span


class Tally(NamedTuple):
    """What is left of an allowance, and when (a moment in ms) it is whole again."""

    remaining: int
    resets_at: Instant
    is_over: bool


class HashState(Enum):
    """Whether a stored hash has today's parameters."""

    CURRENT = "current"
    OUTDATED = "outdated"


class Count(StrEnum):
    """What is counted, each with one label."""

    SIGN_INS = "sign_ins"
    REFRESHES = "refreshes"
    LOCKOUTS = "lockouts"
    LIMITED = "limited"
    CACHE = "cache"
    BREACH_CHECKS = "breach_checks"
