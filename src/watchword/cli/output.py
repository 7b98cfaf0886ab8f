"""Where an export goes: standard output, or a file that nobody else on the machine can read.

Invariant: under its own name there is never half an export.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


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
