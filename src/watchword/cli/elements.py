"""The entries of one long JSON list, cut out at its commas.

Memory holds one entry, however long the list is and whatever stands around it. Nothing is parsed
here: what an entry says, `watchword.crypto.strict_json` alone decides, which sees all of it.
Invariant: no text within quotes, and no nesting, moves a cut; an entry that is too long costs
nothing but itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from watchword.cli.formats import Unreadable
from watchword.cli.lines import BOM
from watchword.cli.terminal import fail

_CHUNK: Final = 65_536
_BLANK: Final = b" \t\r\n"
_AT_THE_TOP: Final = re.compile(rb'[",\[\]{}]')
_FURTHER_IN: Final = re.compile(rb'["\[\]{}]')
_IN_QUOTES: Final = re.compile(rb'["\\]')
_LEVELS: Final = 6


def _balanced(levels: int) -> bytes:
    """What closes every quote and every bracket that it opens, nested so many ``levels`` deep: most
    of a file, so it is passed in one go. Groups are atomic: no try takes more than one reading for
    each level.
    """
    inner, plain = rb"(?!)", rb'[^"\[\]{}]*+'
    for _ in range(levels + 1):
        inner = rb'(?>"[^"\\]*+(?:\\.[^"\\]*+)*"|[\[{]%s[\]}])' % inner
        inner = rb"(?>%s(?:%s%s)*)" % (plain, inner, plain)
    return inner


_BALANCED: Final = re.compile(_balanced(_LEVELS), re.DOTALL)
# An entry that lies whole in a block, with the comma that ends it: nearly every one.
_ENTRY: Final = re.compile(rb"([ \t\r\n]*+\{%s\}[ \t\r\n]*+)," % _balanced(_LEVELS), re.DOTALL)

_NOT_WHOLE: Final = "The list does not end here as a JSON list does: the file is not whole."
_MORE: Final = "There is more after the list, which is not read: import it as a file of its own."


@dataclass(frozen=True, slots=True)
class Element:
    """``number`` counts from 1; from the byte ``end`` on, reading can go on."""

    number: int
    end: int
    content: bytes | Unreadable


class _Part:
    """Text up to a mark. Beyond ``longest`` bytes it is measured, not kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self.text = bytearray()
        self.size = 0

    def add(self, more: bytes) -> None:
        self.size += len(more)
        if self.size <= self._longest:
            self.text += more

    @property
    def is_empty(self) -> bool:
        return self.size <= self._longest and not self.text.strip(_BLANK)


class _Cutter:
    """Cuts a file at the brackets and commas of one level; ``offset`` is behind the last cut."""

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file = file
        self._longest = longest
        self._buffer = b""
        self._at = 0
        self._beginning = 0  # of the buffer, in the file

    @property
    def offset(self) -> int:
        return self._beginning + self._at

    def seek(self, offset: int) -> None:
        self._file.seek(offset)
        self._buffer, self._at, self._beginning = b"", 0, offset

    def cut_entry(self) -> bytes | None:
        """What `cut` would find up to a comma, in one go; None when it takes more than that."""
        found = _ENTRY.match(self._buffer, self._at)
        if found is None or len(found[1]) > self._longest:
            return None
        self._at = found.end()
        return found[1]

    def cut(
        self, door: re.Pattern[bytes] | None = None, opens: bytes = b"["
    ) -> tuple[_Part, bytes]:
        """What comes next, up to a comma or a bracket that closes this level; behind ``door``, up
        to one that ``opens`` another. The mark is empty at the end of the file.
        """
        part, depth = _Part(self._longest), 0
        while True:
            if depth:
                self._pass_balanced(part)
            mark = self._advance(_FURTHER_IN if depth else _AT_THE_TOP, part)
            if not mark or (not depth and mark in b",]}"):
                return part, mark
            if mark in b"[{":
                if not depth and door and mark in opens and door.fullmatch(part.text):
                    return part, mark
                depth += 1
            part.add(mark)
            if mark in b"]}":
                depth -= 1
            elif mark == b'"':
                self._pass_string(part)

    def _pass_balanced(self, part: _Part) -> None:
        found = _BALANCED.match(self._buffer, self._at)
        assert found is not None  # it matches nothing, too
        part.add(found[0])
        self._at = found.end()

    def _pass_string(self, part: _Part) -> None:
        while (mark := self._advance(_IN_QUOTES, part)) == b"\\":
            part.add(mark)
            self._take_one(part)
        part.add(mark)

    def _take_one(self, part: _Part) -> None:
        if self._at < len(self._buffer) or self._fill():
            part.add(self._buffer[self._at : self._at + 1])
            self._at += 1

    def _advance(self, marks: re.Pattern[bytes], part: _Part) -> bytes:
        while not (found := marks.search(self._buffer, self._at)):
            part.add(self._buffer[self._at :])
            if not self._fill():
                return b""
        part.add(self._buffer[self._at : found.start()])
        self._at = found.end()
        return found[0]

    def _fill(self) -> bool:
        self._beginning += len(self._buffer)
        self._buffer, self._at = self._file.read(_CHUNK), 0
        if self._beginning == 0 and self._buffer.startswith(BOM):
            self._at = len(BOM)
        return bool(self._buffer)


class Elements:
    """The list that ``file`` is, or that the object in it has under the name ``members``."""

    def __init__(self, file: BinaryIO, *, members: str | None, longest: int) -> None:
        self._cutter = _Cutter(file, longest)
        self._longest = longest
        self._door = re.compile(rb'\s*"%s"\s*:\s*' % (members or "").encode())
        self._number = 0
        self._is_member = self._enter(members)

    def skip_to(self, number: int, end: int) -> None:
        """Go on after the element ``number``, which let reading go on from the byte ``end``."""
        self._number = number
        self._cutter.seek(end)

    def __iter__(self) -> Iterator[Element]:
        cutter, mark = self._cutter, b","
        while mark == b",":
            while (entry := cutter.cut_entry()) is not None:
                yield self._element(cutter.offset, entry)
            part, mark = cutter.cut()
            is_last = mark != b","
            # Before the bracket, so that whoever goes on from here finds the end again.
            end = cutter.offset - is_last * len(mark)
            if not (is_last and part.is_empty):
                yield self._element(end, self._content(part))
            problem = self._what_follows(mark) if is_last else ""
            if problem:
                yield self._element(end, Unreadable(problem))

    def _element(self, end: int, content: bytes | Unreadable) -> Element:
        self._number += 1
        return Element(self._number, end, content)

    def _content(self, part: _Part) -> bytes | Unreadable:
        if part.size > self._longest:
            return Unreadable(f"This is longer than {self._longest:,} bytes.")
        return bytes(part.text)

    def _enter(self, members: str | None) -> bool:
        """Up to the first element; whether the list is a member of an object."""
        _, mark = self._cutter.cut(re.compile(rb"\s*"), opens=b"[{")
        if mark == b"[":
            return False
        if mark == b"{" and members is not None and self._pass_members() == b"[":
            return True
        where = f', nor an object with a list "{members}"' if members is not None else ""
        raise fail(f"This file is no JSON list{where}.")

    def _pass_members(self) -> bytes:
        """The mark behind the members of the object, or that of the list among them."""
        mark = b","
        while mark == b",":
            _, mark = self._cutter.cut(self._door)
        return mark

    def _what_follows(self, mark: bytes) -> str:
        """Nothing may: a second list would be lost unseen."""
        if mark != b"]":
            return _NOT_WHOLE
        if self._is_member:
            mark = self._pass_members()
            if mark != b"}":
                return _MORE if mark == b"[" else _NOT_WHOLE
        rest, mark = self._cutter.cut()
        return _MORE if mark or not rest.is_empty else ""
