"""Everything that is listed, written out page by page; memory does not grow with it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from watchword.cli.output import open_output
from watchword.web.tables import Format, head, lines

FORMATS: Final = [form.value for form in Format]


async def export(
    pages: AsyncIterator[Sequence[msgspec.Struct]],
    kind: type[msgspec.Struct],
    *,
    form: Format,
    output: Path | None,
) -> int:
    """How many rows were written. The fields of ``kind`` are the columns."""
    count = 0
    with open_output(output) as file:
        file.write(head(kind, form))
        async for page in pages:
            file.write(lines(page, kind, form))
            count += len(page)
    return count
