"""The store: what is read, and what is changed together or not at all."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from watchword.domain.accounts import Account, EmailAddress, Status
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason, Session, Step
from watchword.domain.time import Instant, Span
from watchword.ports.audit import AuditLog, AuditReader
from watchword.ports.factors import RecoveryCodes, TotpFactors
from watchword.ports.holdings import Holdings
from watchword.ports.identities import Identities
from watchword.ports.mail import Outbox, OutboxReader
from watchword.ports.passkeys import Passkeys
from watchword.ports.values import (
    AccountQuery,
    Page,
    PageRequest,
    Standing,
    StoredKey,
)
from watchword.ports.visits import Visits


class Accounts(Protocol):
    async def insert(self, account: Account) -> None:
        """Raise `Conflict` when the address is taken; the transaction can go on."""
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
        """With sessions, devices, links, passkeys and identities. Raise `LastAdmin` as above."""
        ...


class Ownership(Protocol):
    """What a link that was redeemed proves about an account, or changes in it."""

    async def verify_address(self, account_id: str, address: EmailAddress) -> bool:
        """False when that is not the account's address (any more)."""
        ...

    async def change_address(
        self, account_id: str, address: EmailAddress, *, instead_of: EmailAddress
    ) -> bool:
        """The new one is verified. False as above; raise `Conflict` when it is taken."""
        ...

    async def set_password(self, account_id: str, encoded: str | None) -> None:
        """None: there is none any more."""
        ...


class Administrators(Protocol):
    async def has_any(self) -> bool:
        """An active one."""
        ...


class Directory(Protocol):
    """Reads over many accounts; they may be slow, so they never run on the event loop."""

    async def list_accounts(self, query: AccountQuery, page: PageRequest) -> Page[Account]: ...

    async def list_signed_in(self, page: PageRequest) -> Page[str]:
        """The ids of those with a session that nobody has ended, past its time or not; by id."""
        ...


class Sessions(Visits, Protocol):
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

    async def rotate(
        self, session_id: str, generation: int, *, now: Instant, held: int | None = None
    ) -> bool:
        """Compare-and-swap: the session goes on to the generation after ``generation``, if it is
        alive and at ``held``; that is ``generation`` itself unless the store has lost rotations.
        """
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
        """Replaces what is outstanding of the same user, if its purpose is one that `replaces`."""
        ...

    async def require_live(self, token_hash: bytes, purpose: Purpose, *, now: Instant) -> Link:
        """Raise `LinkInvalid` for who has none; whoever has one may still be too late for it."""
        ...

    async def consume(
        self,
        token_hash: bytes,
        purpose: Purpose,
        *,
        now: Instant,
        binding: bytes | None = None,
    ) -> Link | None:
        """The link, once; None for everybody after, and past its end. One that is bound to a
        browser is given to that ``binding`` alone, and stays for it (attack P12).
        """
        ...

    async def discard(self, user_id: str) -> None:
        """All that are outstanding of a user, whatever they are for."""
        ...


class Devices(Protocol):
    """Which devices have signed in to which account; ``device_hash`` is SHA-256 of the cookie."""

    async def is_known(self, user_id: str, device_hash: bytes) -> bool: ...

    async def last_seen(self, user_id: str, device_hash: bytes) -> Instant | None:
        """As of the last `remember`; None for one that is not known."""
        ...

    async def has_any(self, user_id: str) -> bool: ...

    async def remember(self, user_id: str, device_hash: bytes, *, now: Instant) -> None: ...

    async def trust(self, user_id: str, device_hash: bytes, *, until: Instant) -> None:
        """Only one that is known; nobody signs in from it by that alone."""
        ...

    async def is_trusted(self, user_id: str, device_hash: bytes, *, now: Instant) -> bool: ...

    async def distrust(self, user_id: str) -> None:
        """All of a user's; they stay known."""
        ...


class Keys(Protocol):
    async def list_keys(self) -> Sequence[StoredKey]: ...

    async def insert(self, key: StoredKey) -> None: ...

    async def activate(self, kid: str, *, now: Instant, overlap: Span) -> None:
        """``kid`` signs from now on; those that signed before verify for ``overlap`` longer."""
        ...

    async def reseal(self, kid: str, sealed: bytes) -> None: ...

    async def delete(self, kid: str) -> None: ...


class People(Protocol):
    """Who there is, and how they can show it."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def administrators(self) -> Administrators: ...
    @property
    def passkeys(self) -> Passkeys: ...
    @property
    def identities(self) -> Identities: ...


class Reading(People, Protocol):
    """The newest committed state."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def outbox(self) -> OutboxReader: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def holdings(self) -> Holdings: ...
    @property
    def audit(self) -> AuditReader: ...


class Proofs(Protocol):
    """What shows that somebody is who they say, and changes when they show it."""

    @property
    def ownership(self) -> Ownership: ...
    @property
    def totp(self) -> TotpFactors: ...
    @property
    def recovery_codes(self) -> RecoveryCodes: ...


class Unit(People, Proofs, Protocol):
    """One transaction: everything in it is committed together, before its block is left."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def links(self) -> Links: ...
    @property
    def outbox(self) -> Outbox: ...
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

    async def rotate(
        self,
        session_id: str,
        generation: int,
        otherwise: Callable[[Unit], Awaitable[Step]],
        *,
        now: Instant,
    ) -> Step:
        """`Sessions.rotate` in a transaction of its own. If it may not, what ``otherwise`` makes of
        that in the same transaction, before anybody else can move the session on. Every refresh
        comes this way, and most need one statement.
        """
        ...

    async def touch(self, seen: Sequence[tuple[str, Instant]]) -> None:
        """`Sessions.touch` on its own: nothing else is decided with it."""
        ...

    async def gather(self, within: Span) -> None:
        """Return when somebody writes, or in ``within`` ms: for who has time, so that what is
        written next shares a commit, where commits can be shared.
        """
        ...
