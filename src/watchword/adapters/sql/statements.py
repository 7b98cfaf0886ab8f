"""How a store speaks to its database: text with named parameters in, plain rows out."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from watchword.domain.time import Instant

Value = str | int | bytes | None
Row = Sequence[Value]
Parameters = Mapping[str, Value]


class Queries(Protocol):
    """The newest committed state, for reading."""

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]: ...

    async def row(self, sql: str, parameters: Parameters) -> Row | None: ...


class Statements(Queries, Protocol):
    """One place to run statements: a transaction, or the newest committed state for reading."""

    async def change(self, sql: str, parameters: Parameters) -> int:
        """How many rows were changed. Raise `UniqueViolation` when a key is taken."""
        ...

    def now(self) -> Instant:
        """By this node's clock, for what is noted along the way."""
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
