"""What an import says: how far it has come, and which records it could not take."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from watchword.cli.resuming import Progress
from watchword.cli.terminal import count_of, note

_TOLD: Final = 20  # bad records on the terminal; --errors tells all
_LINES_PER_NEWS: Final = 100_000
_EXISTING: Final = "This address has an account already."


class Report:
    """Bad records: the first on the terminal, all of them in a file when one is wanted, where those
    stand too that were passed over. ``unit`` is what is counted.
    """

    def __init__(self, file: BinaryIO | None, progress: Progress, unit: str) -> None:
        self._file = file
        self._progress = progress
        self._unit = unit

    @classmethod
    @contextmanager
    def opened(cls, path: Path | None, progress: Progress, unit: str) -> "Iterator[Report]":
        """What was written after the last commit that is known is written again."""
        if path is None:
            yield cls(None, progress, unit)
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.truncate(progress.reported)
            file.seek(0, os.SEEK_END)
            yield cls(cast("BinaryIO", file), progress, unit)

    def add(self, number: int, reason: str) -> None:
        self._progress.bad += 1
        if self._progress.bad <= _TOLD:
            note(f"{self._unit.capitalize()} {number:,}: {reason}")
        self._write(number, reason)

    def add_existing(self, number: int) -> None:
        """In the file alone: an import that is done again would tell of everybody."""
        self._progress.existing += 1
        self._write(number, _EXISTING)

    def _write(self, number: int, reason: str) -> None:
        if self._file is not None:
            line = msgspec.json.encode({self._unit: number, "reason": reason}) + b"\n"
            self._progress.reported += self._file.write(line)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def end(self) -> None:
        hidden = self._progress.bad - _TOLD
        if hidden > 0 and self._file is None:
            note(f"… and {count_of(hidden, self._unit)} more: --errors FILE lists them all.")


@contextmanager
def shown(source: Path, progress: Progress, unit: str) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, else a line every now and then."""
    if sys.stderr.isatty() and source.is_file():
        with _bar(source.stat().st_size, progress) as show:
            yield show
        return
    told = progress.line // _LINES_PER_NEWS

    def tell() -> None:
        nonlocal told
        if progress.line // _LINES_PER_NEWS > told:
            told = progress.line // _LINES_PER_NEWS
            note(f"{progress.line:,} {unit}s read, {progress.imported:,} accounts imported.")

    yield tell


@contextmanager
def _bar(size: int, progress: Progress) -> Iterator[Callable[[], None]]:
    from rich.console import Console  # lazy: a script never sees the bar
    from rich.progress import Progress as Bar  # lazy: as above

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Importing", total=size, completed=progress.offset)
        yield lambda: bar.update(
            task, completed=progress.offset, description=f"{progress.imported:,} imported"
        )
