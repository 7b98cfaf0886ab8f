"""What the store holds. Invariant: a transaction works on a copy that nobody else has seen."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, fields
from typing import TypeVar

from watchword.domain.accounts import Account
from watchword.domain.factors import Passkey, Totp
from watchword.domain.identities import LinkedIdentity
from watchword.domain.letters import Letter
from watchword.domain.links import Link
from watchword.domain.sessions import Session
from watchword.domain.time import Instant
from watchword.ports import AuditRecord, Change, Recorded, StoredKey, Topic

Key = TypeVar("Key")
Row = TypeVar("Row")


@dataclass(slots=True)
class Tables:
    accounts: dict[str, Account] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    passkeys: dict[str, Passkey] = field(default_factory=dict)
    identities: dict[tuple[str, str], LinkedIdentity] = field(default_factory=dict)
    links: dict[bytes, Link] = field(default_factory=dict)
    letters: dict[str, tuple[Instant, Letter]] = field(default_factory=dict)
    devices: dict[tuple[str, bytes], Instant] = field(default_factory=dict)
    first_seen: dict[tuple[str, bytes], Instant] = field(default_factory=dict)
    trusted: dict[tuple[str, bytes], Instant] = field(default_factory=dict)
    totp: dict[str, Totp] = field(default_factory=dict)
    recovery_codes: dict[str, frozenset[bytes]] = field(default_factory=dict)
    keys: dict[str, StoredKey] = field(default_factory=dict)
    audit: dict[int, AuditRecord] = field(default_factory=dict)
    events: int = 0
    changes: list[Recorded] = field(default_factory=list)

    def copy(self) -> "Tables":
        return Tables(*(copy(getattr(self, table.name)) for table in fields(self)))

    def note(self, topic: Topic, subject: str = "", *, proof: int = 0) -> None:
        """The commit writes down when."""
        seq = len(self.changes) + 1
        self.changes.append(Recorded(seq, 0, Change(topic, subject), proof))


@dataclass(slots=True)
class Place:
    """Where verbs look: the committed tables, or the copy of a transaction."""

    tables: Tables = field(default_factory=Tables)


def drop(table: dict[Key, Row], is_over: Callable[[Key, Row], bool], at_most: int) -> int:
    """Remove rows that are over, and say how many."""
    over = [key for key, row in table.items() if is_over(key, row)][:at_most]
    for key in over:
        del table[key]
    return len(over)
