"""Everything that is listed, page by page, as NDJSON or CSV; memory does not grow with it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from watchword.cli.output import csv_lines, open_output
from watchword.ports import Page, PageRequest

Row = TypeVar("Row")

_PAGE = 200


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


FORMATS: Final = [form.value for form in Format]


async def each_page(
    read: Callable[[PageRequest], Awaitable[Page[Row]]],
) -> AsyncIterator[Sequence[Row]]:
    request = PageRequest(_PAGE)
    while True:
        page = await read(request)
        yield page.rows
        if page.following is None:
            return
        request = PageRequest(_PAGE, page.following)


async def export(
    pages: AsyncIterator[Sequence[msgspec.Struct]],
    kind: type[msgspec.Struct],
    *,
    form: Format,
    output: Path | None,
) -> int:
    """How many rows were written. The fields of ``kind`` are the columns."""
    columns = msgspec.structs.fields(kind)
    lines = msgspec.json.Encoder()
    count = 0
    with open_output(output) as file:
        if form is Format.CSV:
            file.write(csv_lines([[column.encode_name for column in columns]]))
        async for page in pages:
            if form is Format.CSV:
                rows = ([_cell(getattr(row, column.name)) for column in columns] for row in page)
                file.write(csv_lines(rows))
            else:
                file.write(lines.encode_lines(page))
            count += len(page)
    return count


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
