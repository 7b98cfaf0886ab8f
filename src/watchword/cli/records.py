"""A file of accounts, one by one: what each says, where it stands, and where the next begins.

Invariant: memory does not grow with the file, and a record that cannot be read costs nothing but
itself (one of CSV whose quotes do not close: what they enclose).
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from watchword.cli.elements import Elements
from watchword.cli.formats import SYSTEMS, Format, Record, Unreadable
from watchword.cli.lines import BOM, RawLines
from watchword.cli.terminal import fail
from watchword.crypto import strict_json

AUTO: Final = "auto"
_ESCAPE: Final = rb"\u"  # nothing else makes half a character of whole UTF-8
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_DELIMITERS: Final = ",;\t"


class Layout(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"
    LIST = "list"

    @property
    def unit(self) -> str:
        """What is counted."""
        return "record" if self is Layout.LIST else "line"


CHOICES: Final = (AUTO, Layout.NDJSON.value, Layout.CSV.value, *SYSTEMS)


@dataclass(frozen=True, slots=True)
class Line:
    """``number`` counts from 1, ``end`` is where the next one begins, in bytes."""

    number: int
    end: int
    content: Record | Unreadable


class Records(Protocol):
    def skip_to(self, number: int, end: int) -> None:
        """Go on after the line ``number``, which ended at the byte ``end``."""
        ...

    def __iter__(self) -> Iterator[Line]: ...


def records_of(file: BinaryIO, layout: Layout, form: Format) -> Records:
    """Raise an error for a file that is not laid out so."""
    match layout:
        case Layout.NDJSON:
            return Objects(file, form)
        case Layout.CSV:
            return Rows(file, form)
        case Layout.LIST:
            return Entries(file, form)


class Objects:
    """A JSON object on each line."""

    def __init__(self, file: BinaryIO, form: Format) -> None:
        self._raw = RawLines(file, form.longest)
        self._form = form

    def skip_to(self, number: int, end: int) -> None:
        self._raw.seek(number, end)

    def __iter__(self) -> Iterator[Line]:
        raw = self._raw
        while True:
            raw.pending = 0
            try:
                text = next(raw, None)
                if text is None:
                    return
                if not text.strip():
                    continue
                content = _read(text.encode(), self._form)
            except Unreadable as problem:
                content = problem
            if content is not None:
                yield Line(raw.number, raw.end, content)


class Entries:
    """A list of JSON objects."""

    def __init__(self, file: BinaryIO, form: Format) -> None:
        self._elements = Elements(file, members=form.members, longest=form.longest)
        self._form = form

    def skip_to(self, number: int, end: int) -> None:
        self._elements.skip_to(number, end)

    def __iter__(self) -> Iterator[Line]:
        for element in self._elements:
            if isinstance(element.content, Unreadable):
                yield Line(element.number, element.end, element.content)
                continue
            content = _read(element.content, self._form)
            if content is not None:
                yield Line(element.number, element.end, content)


class Rows:
    """A table whose first line names its columns."""

    def __init__(self, file: BinaryIO, form: Format) -> None:
        if form.why_no_table:
            raise fail(form.why_no_table)
        self._raw = RawLines(file, form.longest)
        self._form = form
        self._columns, self._delimiter = self._read_header()

    def skip_to(self, number: int, end: int) -> None:
        self._raw.seek(number, end)

    def __iter__(self) -> Iterator[Line]:
        raw = self._raw
        cells = csv.reader(raw, delimiter=self._delimiter, strict=True)
        while True:
            raw.pending, number = 0, raw.number + 1
            content: Record | Unreadable | None
            try:
                row = next(cells, None)
                if row is None:
                    return
                if not row:
                    continue
                content = self._record(row)
            except Unreadable as problem:
                content = problem
            except csv.Error as error:
                content = Unreadable(f"This is not CSV ({error}).")
            if content is not None:
                yield Line(number, raw.end, content)

    def _read_header(self) -> tuple[list[str], str]:
        try:
            text = next(self._raw, "").strip("\r\n")
        except Unreadable as problem:
            raise fail(f"Line 1: {problem.reason}") from None
        for delimiter in _DELIMITERS:
            columns = next(csv.reader([text], delimiter=delimiter), [])
            if set(self._form.columns) <= set(columns):
                self._require_known(columns)
                return columns, delimiter
        raise self._no_header("")

    def _require_known(self, columns: list[str]) -> None:
        form = self._form
        strange = [
            column
            for column in columns
            if form.others is not None and column not in (*form.columns, *form.others)
        ]
        if strange or len(set(columns)) < len(columns):
            what = f" Rename or leave out: {', '.join(strange)}." if strange else ""
            hint = " Does it come from another system? --format names it." if strange else ""
            raise self._no_header(f"{what}{hint}")

    def _no_header(self, advice: str) -> Exception:
        form = self._form
        others = f", and any of {', '.join(form.others)}" if form.others is not None else ""
        return fail(
            "Line 1 of a CSV file names its columns, each once:"
            f" {', '.join(form.columns)}{others}.{advice}"
        )

    def _record(self, row: list[str]) -> Record | None:
        if len(row) != len(self._columns):
            raise Unreadable(f"There are {len(row)} cells for {len(self._columns)} columns.")
        cells = {name: cell or None for name, cell in zip(self._columns, row, strict=True)}
        return (self._form.read_row or self._form.read)(cells)


def _read(text: bytes, form: Format) -> Record | Unreadable | None:
    try:
        content = form.read(strict_json.decode(text))
    except ValueError:
        return Unreadable("This is not a JSON object, or a name comes twice in it.")
    except Unreadable as problem:
        return problem
    if content is None or _ESCAPE not in text:
        return content
    if any(_HALF_CHARACTER.search(value) for value in content.values() if isinstance(value, str)):
        return Unreadable("A text holds half a character: an escape between \\ud800 and \\udfff.")
    return content


def layout_of(path: Path, beginning: bytes, choice: str, form: Format) -> Layout:
    """By ``choice``, else by the name, else by the first character."""
    if choice in {Layout.NDJSON, Layout.CSV}:
        return Layout(choice)
    suffix = path.suffix.lower()
    if suffix in {".csv", ".tsv"}:
        return Layout.CSV
    start = beginning.removeprefix(BOM).lstrip()[:1]
    if choice != AUTO:
        objects = Layout.LIST if form.members is not None else Layout.NDJSON
        return {b"[": Layout.LIST, b"{": objects}.get(start, Layout.CSV)
    if start == b"[":
        raise fail(
            f"{path} is a JSON array: name the system that it comes from (--format), or write one"
            " object on each line (jq -c '.[]')."
        )
    if start == b"{" or suffix in {".ndjson", ".jsonl", ".json"}:
        return Layout.NDJSON
    return Layout.CSV
