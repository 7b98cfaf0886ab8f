"""A file of SHA-1 hashes, one a line and in their order, which may be larger than the memory.

Invariant: it is read in blocks of a few kilobytes and never whole; nothing of it is kept.
"""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from watchword.adapters.breaches.sources import Unanswered
from watchword.domain.errors import Unavailable
from watchword.domain.time import SECOND, Span

# ``read(at, length)``: at most that many bytes from there on.
Read = Callable[[int, int], bytes]

BLOCK: Final = 4_096  # bytes: what a disk reads in any case, some ninety lines
_DIGITS: Final = 40
_SAMPLES: Final = 32
_ROW: Final = rb"[0-9A-F]{40}(?::[0-9]{1,19})?"
_FORM = re.compile(rb"(?:%b\r?\n)*%b(?:\r?\n)?" % (_ROW, _ROW))

_REMEDY: Final = (
    "Write one hash a line, as HASH or HASH:COUNT, in hexadecimal and ordered by hash, or leave"
    " WATCHWORD_BREACH_FILE out."
)


class SortedFileUnusable(Unavailable):
    """The file is missing, or is no sorted list of hashes; ``remedy`` says what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__()
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class SortedFile:
    """The list at ``path``, opened anew for each question: a new list is taken over by being put
    in the place of the old one.
    """

    def __init__(self, path: Path, *, patience: Span = SECOND) -> None:
        self._path = path
        self._patience = patience

    async def holds(self, digest: str) -> bool:
        async with asyncio.timeout(self._patience / SECOND):
            return await asyncio.to_thread(self._look_up, digest)

    def _look_up(self, digest: str) -> bool:
        with self._path.open("rb", buffering=0) as file:

            def read(at: int, length: int) -> bytes:
                file.seek(at)
                return file.read(length)

            return is_listed(digest, read, self._path.stat().st_size)

    async def close(self) -> None:
        """Nothing is held open."""


class _Rows(NamedTuple):
    """Whole lines, in capitals; ``begin`` and ``end`` are where they stand, in bytes."""

    begin: int
    end: int
    text: bytes

    @property
    def first(self) -> bytes:
        return self.text[:_DIGITS]

    @property
    def last(self) -> bytes:
        return self.text.rstrip(b"\r\n").rpartition(b"\n")[2][:_DIGITS]


def is_listed(digest: str, read: Read, size: int) -> bool:
    """Bisect the ``size`` bytes that ``read`` reads. Raise `Unanswered` when a block that is passed
    is no list of hashes.
    """
    wanted = digest.encode()
    low, high = 0, size  # a line begins at each of them
    while low < high:
        rows = _read_rows(read, max(low, (low + high - BLOCK) // 2), low, high)
        if wanted < rows.first:
            high = rows.begin
        elif wanted > rows.last:
            low = rows.end
        else:
            return re.search(rb"^%b(?::0*[1-9]|\r?$)" % wanted, rows.text, re.MULTILINE) is not None
    return False


def _read_rows(read: Read, at: int, low: int, high: int) -> _Rows:
    """The whole lines within the block at ``at``; a line begins at ``low`` and at ``high``."""
    block = read(at, min(BLOCK, high - at))
    begin = 0 if at == low else block.find(b"\n") + 1
    end = len(block) if at + len(block) == high else block.rfind(b"\n") + 1
    text = block[begin:end].upper()
    if _FORM.fullmatch(text) is None:
        raise Unanswered("The file is no list of SHA-1 hashes.")
    return _Rows(at + begin, at + end, text)


def require_usable(path: Path) -> None:
    """Raise `SortedFileUnusable` unless it can be read and, as samples tell, is a sorted list."""
    try:
        if not path.is_file():
            raise SortedFileUnusable(
                f"{path} is not there, or is no file.",
                "Put the list there, or leave WATCHWORD_BREACH_FILE out.",
            )
        size = path.stat().st_size
        with path.open("rb") as file:

            def read(at: int, length: int) -> bytes:
                file.seek(at)
                return file.read(length)

            starts = [max(0, size - BLOCK) * sample // _SAMPLES for sample in range(_SAMPLES + 1)]
            samples = [_read_rows(read, at, 0, size) for at in starts]
    except OSError as error:
        raise SortedFileUnusable(
            f"{path} cannot be read ({error.strerror}).", "Let the service's user read it."
        ) from None
    except Unanswered:
        raise SortedFileUnusable(f"{path} is no list of SHA-1 hashes.", _REMEDY) from None
    hashes = [[line[:_DIGITS] for line in sample.text.split()] for sample in samples]
    firsts = [sample.first for sample in samples]
    if any(block != sorted(block) for block in [*hashes, firsts]):
        raise SortedFileUnusable(f"{path} is not ordered by hash.", _REMEDY)
