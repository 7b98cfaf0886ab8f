"""How a store speaks to its database: text with named parameters in, plain rows out."""

from collections.abc import Mapping, Sequence
from typing import Protocol

Value = str | int | bytes | None
Row = Sequence[Value]
Parameters = Mapping[str, Value]


class Statements(Protocol):
    """One place to run statements: a transaction, or the newest committed state for reading."""

    async def rows(self, sql: str, parameters: Parameters) -> Sequence[Row]: ...

    async def row(self, sql: str, parameters: Parameters) -> Row | None: ...

    async def change(self, sql: str, parameters: Parameters) -> int:
        """How many rows were changed. Raise `UniqueViolation` when a key is taken."""
        ...


class UniqueViolation(Exception):  # noqa: N818  what the database reports, not a defect
    """A row with the same unique key exists already."""
