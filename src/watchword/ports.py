"""The promises that others keep for the core; each verb is atomic in storage.

An adapter's author runs `watchword.testing`'s conformance suite against these. Reads through
`Store.reading` see the newest committed state; verbs on a `Unit` happen together or not at all.
Every verb that changes what a caller may do is noticed by `Revocations` once it is committed.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Generic, Protocol, TypeVar

from watchword.domain.accounts import Account, EmailAddress, Status
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.devices import Device
from watchword.domain.events import Event
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason, Session
from watchword.domain.time import Instant, Span

Row = TypeVar("Row")


class Clock(Protocol):
    def now(self) -> Instant: ...


class Randomness(Protocol):
    def bytes(self, count: int) -> bytes:
        """``count`` bytes fit for secrets (ASVS 11.5.1)."""
        ...


class HashState(Enum):
    """Whether a stored hash has today's parameters."""

    CURRENT = "current"
    OUTDATED = "outdated"


class Hasher(Protocol):
    """Both raise `Busy` when the queue is full, before any work."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, encoded: str | None) -> HashState:
        """Raise `WrongPassword` on a mismatch. ``None`` costs the same work, then is a mismatch."""
        ...


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


class Accounts(Protocol):
    async def insert(self, account: Account) -> None:
        """Raise `Conflict` when the address is taken."""
        ...

    async def find(self, account_id: str) -> Account | None: ...

    async def find_by_address(self, address: EmailAddress) -> Account | None: ...

    async def rename(self, account_id: str, name: str) -> None: ...

    async def replace_password(self, account_id: str, encoded: str, *, instead_of: str) -> bool:
        """False when the stored hash is not ``instead_of`` any more: somebody else changed it."""
        ...

    async def change_role(self, account_id: str, role: str) -> None:
        """Raise `LastAdmin` rather than leave no active administrator."""
        ...

    async def change_status(self, account_id: str, status: Status) -> None:
        """Raise `LastAdmin` rather than leave no active administrator."""
        ...

    async def delete(self, account_id: str) -> None:
        """With sessions, devices and links. Raise `LastAdmin` as above."""
        ...


class Directory(Protocol):
    """Reads over many accounts; they may be slow, so they never run on the event loop."""

    async def list_accounts(self, query: AccountQuery, page: PageRequest) -> Page[Account]: ...

    async def has_admin(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A session with its account, read together."""

    account: Account
    session: Session


class Sessions(Protocol):
    async def open(
        self, session: Session, *, limit: int, evicts: bool, proven: str | None
    ) -> Sequence[str]:
        """Insert, keeping the user's live sessions within ``limit``: the ids of those that gave
        way; raise `SessionLimitReached` when nothing may give way. Raise `AccountDisabled` unless
        the account is active, and `InvalidCredentials` unless its stored hash is still ``proven``
        (None: it was not a password), at the very moment of the insert.
        """
        ...

    async def find(self, session_id: str) -> Standing | None: ...

    async def list_live(self, user_id: str, now: Instant) -> Sequence[Session]:
        """Newest first."""
        ...

    async def rotate(self, session_id: str, generation: int, *, now: Instant) -> Session | None:
        """Compare-and-swap: generation g becomes g + 1 if the session is alive and at g."""
        ...

    async def reprove(
        self, session: Session, amr: tuple[str, ...], *, now: Instant
    ) -> Session | None:
        """Fresh authentication time and the next proof, if the session is alive as given. In the
        ``session`` transport the token's generation moves on as well.
        """
        ...

    async def end(self, session_id: str, reason: EndReason, *, now: Instant) -> bool:
        """False when it had ended before."""
        ...

    async def end_all(
        self, user_id: str, reason: EndReason, *, now: Instant, keep: str | None = None
    ) -> int: ...

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        """Slide forward: never backward, never a session that has ended."""
        ...


class Links(Protocol):
    async def insert(self, link: Link) -> None:
        """Replaces the outstanding links of the same purpose and user."""
        ...

    async def consume(self, token_hash: bytes, purpose: Purpose, *, now: Instant) -> Link | None:
        """The link, once; None for everybody after, and past its end."""
        ...


class Devices(Protocol):
    """Which devices have signed in to which account; ``device_hash`` is SHA-256 of the cookie."""

    async def is_known(self, user_id: str, device_hash: bytes) -> bool: ...

    async def remember(self, user_id: str, device_hash: bytes, *, now: Instant) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTrace:
    """Where an audited change came from."""

    request_id: str = ""
    ip: str = ""
    user_agent: str = ""


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


class AuditLog(Protocol):
    async def append(self, event: Event, *, at: Instant, trace: RequestTrace) -> None: ...


class AuditReader(Protocol):
    async def list_events(self, query: AuditQuery, page: PageRequest) -> Page[AuditRecord]:
        """Newest first."""
        ...


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


class Keys(Protocol):
    async def list_keys(self) -> Sequence[StoredKey]: ...

    async def insert(self, key: StoredKey) -> None: ...

    async def activate(self, kid: str, *, now: Instant, overlap: Span) -> None:
        """``kid`` signs from now on; those that signed before verify for ``overlap`` longer."""
        ...

    async def delete(self, kid: str) -> None: ...


class Reading(Protocol):
    """The newest committed state."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def audit(self) -> AuditReader: ...


class Unit(Protocol):
    """One transaction: everything in it is committed together, before its block is left."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def links(self) -> Links: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def audit(self) -> AuditLog: ...


class Store(Protocol):
    @property
    def reading(self) -> Reading: ...

    def transaction(self) -> AbstractAsyncContextManager[Unit]:
        """Raise `Unavailable` on leaving when the commit failed: then nothing of it happened."""
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """``count`` requests in ``period`` ms, from the first one on."""

    count: int
    period: Span


@dataclass(frozen=True, slots=True)
class Tally:
    """What is left of an allowance, and when (a moment in ms) it is whole again."""

    remaining: int
    resets_at: Instant
    is_over: bool


class Limits(Protocol):
    """Counters shared by all processes; each verb counts and judges in one atomic step."""

    async def hit(
        self, key: str, allowance: Allowance, *, now: Instant, share: str | None = None
    ) -> Tally:
        """Count one more under ``key``, remembering how many of them belong to ``share``."""
        ...

    async def peek(self, key: str, allowance: Allowance, *, now: Instant) -> Tally:
        """What a hit would find, without counting one."""
        ...

    async def forgive(self, key: str, share: str) -> None:
        """Take the hits of ``share`` off ``key`` again."""
        ...


class Lockouts(Protocol):
    """Failures per account, committed on their own whatever else rolls back (attack B05)."""

    async def begin(self, key: str, policy: LockoutPolicy, *, now: Instant) -> Attempts:
        """Count an attempt as failed before it is made; raise `TooManyAttempts` while locked."""
        ...

    async def succeed(self, key: str) -> None: ...


class Topic(StrEnum):
    SESSION = "session"
    USER = "user"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that cached pictures of ``topic`` ``id`` must notice."""

    topic: Topic
    id: str = ""


class Revocations(Protocol):
    """Is my picture current? Asked on every protected request, so it must cost microseconds."""

    def news(self) -> Sequence[Change] | None:
        """The changes committed since the last call; None: unknown, forget every picture.

        Raise `Unavailable` when the truth cannot be reached: then nobody gets in.
        """
        ...


class Housekeeping(Protocol):
    """Clean-up, a bounded piece at a time; safe to run on several processes at once."""

    async def purge(self, now: Instant, *, at_most: int) -> int: ...

    async def count_live_sessions(self, now: Instant) -> int: ...

    async def check(self) -> None:
        """Raise `Unavailable` unless the store can be read and written."""
        ...


class UserAgents(Protocol):
    def parse(self, user_agent: str) -> Device: ...


class Count(StrEnum):
    """What is counted, each with one label."""

    SIGN_INS = "sign_ins"
    REFRESHES = "refreshes"
    LOCKOUTS = "lockouts"
    LIMITED = "limited"
    CACHE = "cache"


class Meter(Protocol):
    def count(self, what: Count, outcome: str) -> None: ...
