"""Where an export goes: standard output, or a file that nobody else on the machine can read.

Invariant: under its own name there is never half an export.
"""

import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import BinaryIO, Final, cast

# What a spreadsheet takes for a formula (attack I10), after blanks that it drops, in full width as
# well. The apostrophes before it are what `quoted` has put there.
_FORMULA: Final = re.compile(r"'*\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def quoted(cell: str) -> str:
    """A cell that a spreadsheet shows as it is."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unquoted(cell: str) -> str:
    """What `quoted` made this of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([quoted(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


@contextmanager
def open_output(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output without a path. A file has mode 0600, and its name once it is whole."""
    if path is None or str(path) == "-":
        yield sys.stdout.buffer
        return
    place = path.resolve()
    if place.exists() and not place.is_file():  # a pipe or a device is no name to take over
        with place.open("wb") as file:
            yield file
        return
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
