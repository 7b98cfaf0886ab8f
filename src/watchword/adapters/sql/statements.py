"""How a store speaks to its database: text with named parameters in, plain rows out.

Where many write at once, what a transaction has read must not change before it has decided. Two
things see to that, and both cost nothing where there is one writer. A clause that PostgreSQL needs
stands in the text as a comment, ``/*! … */``: read there in a transaction, passed over everywhere
else. And `Statements.claim` waits for what no clause can name. Invariant: whoever claims several
does so in the order of `Claim`, and many sessions in the order of their ids, so that no two wait
for each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Final, Protocol

from watchword.ports import Topic

Value = str | int | bytes | None
Row = Sequence[Value]
Parameters = Mapping[str, Value]

# The row of the table that is called ``u`` stays as it was read until the transaction has ended.
HELD: Final = "/*! FOR NO KEY UPDATE OF u */"
# Whoever else cleans up, or sends, is left what they have begun with.
UNCLAIMED: Final = "/*! FOR UPDATE SKIP LOCKED */"


class Claim(Enum):
    """What a transaction can have to itself until it ends, each after those above it.

    A user's row stands for everything that belongs to the user: whoever changes more than one row
    of that claims it first.
    """

    USER = auto()
    OWNER_OF_SESSION = auto()
    OWNER_OF_LINK = auto()
    OWNER_OF_PASSKEY = auto()
    SESSIONS_OF_USER = auto()
    ADMINISTRATORS = auto()
    KEYS = auto()


class Queries(Protocol):
    """The newest committed state, for reading."""

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]: ...

    async def row(self, sql: str, parameters: Parameters) -> Row | None: ...


class Statements(Queries, Protocol):
    """One place to run statements: a transaction, or the newest committed state for reading."""

    async def change(self, sql: str, parameters: Parameters) -> int:
        """How many rows were changed. Raise `UniqueViolation` when a key is taken: then the
        transaction may be over, so where that is expected the statement itself looks first.
        """
        ...

    async def change_each(self, sql: str, each: Iterable[Parameters]) -> None:
        """One statement many times."""
        ...

    async def claim(self, what: Claim, key: str | bytes = "") -> None:
        """Wait until nobody else has it; what is not there is nobody's."""
        ...

    async def note(self, topic: Topic, subject: str, proof: int) -> None:
        """For those who keep a picture of it, see `Revocations`, and those who are told of it, see
        `Feed`; with the time by this node's clock. ``proof``: as of `Recorded`.
        """
        ...

    def note_again(self, topic: Topic, subject: str) -> None:
        """What was to be ended may have ended already, this very moment and elsewhere: whoever says
        so goes by it from the commit on, whether its news are there or not, and where revocation is
        strict they wait as if they had ended it themselves. Nothing is kept.
        """
        ...


def all_of(*wanted: tuple[str, str, Value]) -> tuple[str, dict[str, Value]]:
    """Of each condition, the name in it and the value for it: a WHERE clause of those that have a
    value, and its parameters.
    """
    asked = [(condition, name, value) for condition, name, value in wanted if value is not None]
    conditions = " AND ".join(condition for condition, _, _ in asked)
    parameters: dict[str, Value] = {name: value for _, name, value in asked}
    return (f"WHERE {conditions}" if asked else ""), parameters


class UniqueViolation(Exception):
    """A row with the same unique key exists already."""
