"""Everything that is listed, page by page, as NDJSON or CSV; memory does not grow with it.

Invariant: no cell of a CSV is a formula to a spreadsheet.
"""

import csv
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from io import StringIO
from typing import Final, TypeVar

import msgspec

from watchword.ports import Page, PageRequest

Row = TypeVar("Row")

_PAGE = 200
# What a spreadsheet takes for a formula (attack I10), after blanks that it drops, in full width as
# well. The apostrophes before it are what `quoted` has put there.
_FORMULA: Final = re.compile(r"'*\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_LINES: Final = msgspec.json.Encoder()


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


async def each_page(
    read: Callable[[PageRequest], Awaitable[Page[Row]]],
) -> AsyncGenerator[Sequence[Row], None]:
    request = PageRequest(_PAGE)
    while True:
        page = await read(request)
        yield page.rows
        if page.following is None:
            return
        request = PageRequest(_PAGE, page.following)


def head(kind: type[msgspec.Struct], form: Format) -> bytes:
    """What stands before the rows: the fields of ``kind`` are the columns."""
    if form is Format.NDJSON:
        return b""
    return csv_lines([[column.encode_name for column in msgspec.structs.fields(kind)]])


def lines(rows: Sequence[msgspec.Struct], kind: type[msgspec.Struct], form: Format) -> bytes:
    if form is Format.NDJSON:
        return _LINES.encode_lines(rows)
    columns = msgspec.structs.fields(kind)
    return csv_lines([_cell(getattr(row, column.name)) for column in columns] for row in rows)


def csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([quoted(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def quoted(cell: str) -> str:
    """A cell that a spreadsheet shows as it is."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unquoted(cell: str) -> str:
    """What `quoted` made this of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case msgspec.Raw():
            return bytes(value).decode()
        case _:
            return str(value)
