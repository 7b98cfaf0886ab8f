"""Lines of bytes, bounded and counted."""

from typing import BinaryIO

from watchword.cli.formats import Unreadable

BOM = b"\xef\xbb\xbf"


class RawLines:
    """An iterator of texts that goes on after it has raised `Unreadable`. ``number`` is that of the
    last line, ``end`` where the next one begins, in bytes.
    """

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file = file
        self._longest = longest
        self.number = 0
        self.end = 0
        self.pending = 0  # bytes of the record that is being read

    def seek(self, number: int, end: int) -> None:
        self._file.seek(end)
        self.number, self.end = number, end

    def __iter__(self) -> "RawLines":
        return self

    def __next__(self) -> str:
        raw = self._read()
        if not raw:
            raise StopIteration
        self.number += 1
        size = self.pending = self.pending + len(raw)
        while not raw.endswith(b"\n") and (rest := self._read()):
            size += len(rest)
            if rest.endswith(b"\n"):
                break
        if size > self._longest:
            raise Unreadable(f"This is longer than {self._longest:,} bytes.")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("This is not UTF-8.") from None

    def _read(self) -> bytes:
        raw = self._file.readline(self._longest)
        if self.end == 0:
            raw, skipped = raw.removeprefix(BOM), raw.startswith(BOM)
            self.end += len(BOM) * skipped
        self.end += len(raw)
        return raw
