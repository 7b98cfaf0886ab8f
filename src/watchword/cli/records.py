"""A file of accounts, line by line: what each says, where it stands, and where the next begins.

Invariant: memory does not grow with the file, and a line that cannot be read costs nothing but
itself (a CSV record whose quotes do not close: what they enclose).
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from watchword.cli.output import unquoted
from watchword.cli.terminal import fail
from watchword.crypto import strict_json
from watchword.flows.importing import FIELDS, PASSED_OVER

_LONGEST: Final = 16_384  # bytes of one record; an account needs fewer than 3,000
_BOM: Final = b"\xef\xbb\xbf"
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_DELIMITERS: Final = ",;\t"
_CLAIMS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Form(StrEnum):
    AUTO = "auto"
    NDJSON = "ndjson"
    CSV = "csv"


class Unreadable(Exception):
    """A line that says nothing; ``reason`` is a sentence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Line:
    """``number`` counts from 1, ``end`` is where the next one begins, in bytes."""

    number: int
    end: int
    content: Mapping[str, object] | Unreadable


class _Raw:
    """Lines of bytes, bounded and counted. An iterator that goes on after it has raised."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0
        self.end = 0
        self.pending = 0  # bytes of the record that is being read

    def seek(self, number: int, end: int) -> None:
        self._file.seek(end)
        self.number, self.end = number, end

    def __iter__(self) -> "_Raw":
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
        if size > _LONGEST:
            raise Unreadable(f"This is longer than {_LONGEST:,} bytes.")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable("This is not UTF-8.") from None

    def _read(self) -> bytes:
        raw = self._file.readline(_LONGEST)
        if self.end == 0:
            raw, skipped = raw.removeprefix(_BOM), raw.startswith(_BOM)
            self.end += len(_BOM) * skipped
        self.end += len(raw)
        return raw


class Records:
    """The records of a file of ``form``, which is not `Form.AUTO`."""

    def __init__(self, file: BinaryIO, form: Form) -> None:
        self._raw = _Raw(file)
        self._is_csv = form is Form.CSV
        self._columns: list[str] = []
        self._delimiter = ","
        if self._is_csv:
            self._read_header()

    def skip_to(self, number: int, end: int) -> None:
        """Go on after the line ``number``, which ended at the byte ``end``."""
        self._raw.seek(number, end)

    def __iter__(self) -> Iterator[Line]:
        return self._csv() if self._is_csv else self._ndjson()

    def _ndjson(self) -> Iterator[Line]:
        raw = self._raw
        while True:
            raw.pending = 0
            try:
                text = next(raw, None)
                if text is None:
                    return
                if not text.strip():
                    continue
                content: Mapping[str, object] | Unreadable = _object(text)
            except Unreadable as problem:
                content = problem
            yield Line(raw.number, raw.end, content)

    def _csv(self) -> Iterator[Line]:
        raw = self._raw
        cells = csv.reader(raw, delimiter=self._delimiter, strict=True)
        while True:
            raw.pending, number = 0, raw.number + 1
            try:
                row = next(cells, None)
                if row is None:
                    return
                if not row:
                    continue
                content: Mapping[str, object] | Unreadable = self._record(row)
            except Unreadable as problem:
                content = problem
            except csv.Error as error:
                content = Unreadable(f"This is not CSV ({error}).")
            yield Line(number, raw.end, content)

    def _read_header(self) -> None:
        try:
            text = next(self._raw, "").strip("\r\n")
        except Unreadable as problem:
            raise fail(f"Line 1: {problem.reason}") from None
        for delimiter in _DELIMITERS:
            columns = next(csv.reader([text], delimiter=delimiter), [])
            if "email" in columns:
                self._columns, self._delimiter = columns, delimiter
                break
        known = [*FIELDS, *PASSED_OVER]
        strange = [column for column in self._columns if column not in known]
        if not self._columns or strange or len(set(self._columns)) < len(self._columns):
            what = f"Rename or leave out: {', '.join(strange)}. " if strange else ""
            raise fail(
                f"Line 1 of a CSV file names its columns, each once: email, and any of"
                f" {', '.join(known[1:])}. {what}".rstrip()
            )

    def _record(self, row: list[str]) -> Mapping[str, object]:
        if len(row) != len(self._columns):
            raise Unreadable(f"There are {len(row)} cells for {len(self._columns)} columns.")
        record: dict[str, object] = {
            name: unquoted(cell) or None for name, cell in zip(self._columns, row, strict=True)
        }
        claim = record.get("emailVerified")
        if isinstance(claim, str):
            record["emailVerified"] = _CLAIMS.get(claim.lower(), claim)
        return record


def _object(text: str) -> Mapping[str, object]:
    try:
        content = strict_json.decode(text.encode())
    except ValueError:
        raise Unreadable("This is not a JSON object, or a name comes twice in it.") from None
    if any(_HALF_CHARACTER.search(value) for value in content.values() if isinstance(value, str)):
        raise Unreadable("A text holds half a character: an escape between \\ud800 and \\udfff.")
    return content


def form_of(path: Path, beginning: bytes) -> Form:
    """By the name, else by the first character."""
    suffix = path.suffix.lower()
    if suffix in {".csv", ".tsv"}:
        return Form.CSV
    start = beginning.removeprefix(_BOM).lstrip()[:1]
    if start == b"[":
        raise fail(f"{path} is a JSON array: write one object on each line (jq -c '.[]').")
    if start == b"{" or suffix in {".ndjson", ".jsonl", ".json"}:
        return Form.NDJSON
    return Form.CSV
