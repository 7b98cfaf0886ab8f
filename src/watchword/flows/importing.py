"""People move in from another system, with the hashes of the passwords that they have.

Each record is checked on its own, and those that pass are added many at a time. Invariant: an
account that exists is left as it is, and a record that is refused leaves nothing behind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from watchword.crypto.identifiers import RANDOM_BYTES, make_id
from watchword.domain.accounts import Account, EmailAddress, Status, parse_name
from watchword.domain.devices import printable
from watchword.domain.errors import Conflict, FieldError, Invalid
from watchword.domain.events import AccountImported
from watchword.domain.roles import USER, Roles
from watchword.ports import Clock, Randomness, RequestTrace, Store

FIELDS: Final = ("email", "name", "role", "status", "passwordHash", "emailVerified")
# An export has them too. Here an account gets an id and a beginning of its own, and its owner
# sets up a second factor anew.
PASSED_OVER: Final = ("id", "createdAt", "mfaEnabled")

_KNOWN = frozenset(FIELDS + PASSED_OVER)
_STATUSES = {status.value: status for status in Status}


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A record that is fit to become an account."""

    email: EmailAddress
    name: str
    role: str
    status: Status
    password_hash: str | None = field(repr=False)
    email_verified: bool


@dataclass(frozen=True, slots=True)
class Added:
    """What became of some newcomers. ``last`` is the id of the last account that was made."""

    imported: Sequence[Newcomer]
    existing: Sequence[Newcomer]
    last: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """``can_verify`` knows the kinds of hashes that a sign-in can check a password with."""

    store: Store
    roles: Roles
    can_verify: Callable[[str], bool]
    clock: Clock
    randomness: Randomness

    def check(self, record: Mapping[str, object]) -> Newcomer:
        """Raise `Invalid` that names the first thing that is wrong; it never repeats a hash.

        A field that is missing, None or empty has its default: the role ``user``, active, not
        verified, no password.
        """
        for name in record:
            if name not in _KNOWN:
                raise _unknown(name)
        role = _text(record, "role") or USER
        self.roles.require_known(role)
        encoded = _text(record, "passwordHash") or None
        if encoded is not None and not self.can_verify(encoded):
            raise _wrong("passwordHash", "No password can be verified with a hash of this kind.")
        return Newcomer(
            email=EmailAddress.parse(_text(record, "email")),
            name=parse_name(_text(record, "name")),
            role=role,
            status=_status(_text(record, "status")),
            password_hash=encoded,
            email_verified=_claim(record, "emailVerified"),
        )

    async def add(self, newcomers: Sequence[Newcomer], trace: RequestTrace) -> Added:
        """In one transaction, those whose address is free; the others exist already."""
        imported, existing, last = [], [], None
        async with self.store.transaction() as unit:
            for newcomer in newcomers:
                account = self._account(newcomer)
                try:
                    await unit.accounts.insert(account)
                except Conflict:
                    existing.append(newcomer)
                    continue
                event = AccountImported(subject=account.id)
                await unit.audit.append(event, at=account.created_at, trace=trace)
                imported.append(newcomer)
                last = account.id
        return Added(imported, existing, last)

    async def rehearse(self, newcomers: Sequence[Newcomer]) -> Added:
        """What `add` would do with each of them on its own, without doing it."""
        accounts = self.store.reading.accounts
        free: list[Newcomer] = []
        existing: list[Newcomer] = []
        for one in newcomers:
            found = await accounts.find_by_address(one.email)
            (free if found is None else existing).append(one)
        return Added(free, existing)

    def _account(self, newcomer: Newcomer) -> Account:
        now = self.clock.now()
        return Account(
            id=make_id(now, self.randomness.bytes(RANDOM_BYTES)),
            email=newcomer.email,
            name=newcomer.name,
            role=newcomer.role,
            status=newcomer.status,
            email_verified=newcomer.email_verified,
            mfa_enabled=False,
            password_hash=newcomer.password_hash,
            created_at=now,
        )


def _text(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(name, "This must be a text.")
    return value


def _claim(record: Mapping[str, object], name: str) -> bool:
    value = record.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _wrong(name, "Use true or false.")


def _status(text: str) -> Status:
    if not text:
        return Status.ACTIVE
    if text not in _STATUSES:
        raise _wrong("status", "Use active or disabled.")
    return _STATUSES[text]


def _unknown(name: str) -> Invalid:
    """A misspelt field that is passed over would be a password or a role that is lost."""
    near = get_close_matches(name[:40], FIELDS, n=1)
    advice = f"Did you mean {near[0]}?" if near else f"Use {', '.join(FIELDS)}."
    return _wrong(printable(name, 40), f"There is no such field. {advice}")


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(FieldError(name, message))
