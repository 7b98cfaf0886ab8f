"""How far an import has come, so that the same command goes on after a crash.

The note lies in the data directory, under a name that stands for this very file and database; it
is written after each commit. Invariant: a note that is lost or old costs time, never an account,
since an account that exists is passed over.
"""

import hashlib
import os
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec

_HEAD = 65_536


@dataclass(slots=True)
class Progress:
    """``offset`` in bytes and ``line`` in the file; what became of the lines up to there;
    ``reported`` bytes of the list of bad lines; the ``last`` account that was made.
    """

    offset: int = 0
    line: int = 0
    imported: int = 0
    existing: int = 0
    bad: int = 0
    admins: int = 0
    reported: int = 0
    last: str | None = None

    def become(self, other: "Progress") -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(other, field.name))


class Notebook:
    """The note about one file, read in one way (``terms``), for one database."""

    def __init__(self, folder: Path, source: Path, database: str, terms: str) -> None:
        about = source.stat()
        with source.open("rb") as file:
            head = file.read(_HEAD)
        place, size, changed = source.resolve(), about.st_size, about.st_mtime_ns
        marks = (place, size, changed, database, terms)
        name = hashlib.sha256(repr(marks).encode() + head).hexdigest()[:32]
        self._path = folder / "imports" / f"{name}.json"

    def read(self) -> Progress | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, progress: Progress) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(progress))
        draft.replace(self._path)

    def close(self) -> None:
        """The whole file was read. A draft is there too if the program was killed at it."""
        for note in self._path.parent.glob(f"{self._path.stem}.*"):
            note.unlink(missing_ok=True)
