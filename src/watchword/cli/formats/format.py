"""What a form of records is, whatever system it comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from watchword.cli.formats.fields import Record

Row: TypeAlias = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """``read`` makes of a record the fields of `watchword.flows.importing`, or None of one that is
    no account; it raises `Unreadable`. ``read_row`` does so for the row of a table, where an empty
    cell is None; without it, a row is read as any record.

    ``columns`` must be named in the first line of a table; when ``others`` is not None, no columns
    but those may be there too. ``why_no_table`` is a sentence when no table is read. ``members``
    is the name of the list in a JSON document that is more than a list. ``longest`` bounds a
    record, in bytes.
    """

    read: Callable[[Record], Record | None]
    read_row: Callable[[Row], Record | None] | None = None
    columns: tuple[str, ...] = ()
    others: tuple[str, ...] | None = None
    members: str | None = None
    why_no_table: str = ""
    longest: int = 262_144
