"""The stream of revocations as bytes, and what it says (WHATWG HTML section 9.2).

Invariant: a line has an end within reach, and what cannot be understood is an error: whoever goes
on after it might have missed something.
"""

from dataclasses import dataclass
from typing import Final

from watchword.crypto import strict_json
from watchword.domain.time import Instant, Span

VERSION: Final = 1
LONGEST_LINE: Final = 16_384  # bytes

_MOST_DIGITS: Final = 18
_MOST_FIELDS: Final = 8


class StreamBroken(Exception):
    """What came is not the stream that we know. ``reason`` is a phrase of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Hello:
    """The stream begins."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What was committed until ``at``, in ms since the hello, has been told."""

    at: Span


@dataclass(frozen=True, slots=True)
class Revocation:
    """``topic`` is ``session``, ``user``, ``keys``, or one that is not known yet. ``gen``: the
    session goes on, by tokens of that ``gen`` or a later one; 0: it has ended.
    """

    seq: int
    topic: str
    id: str
    at: Instant
    gen: int


Heard = Hello | Beat | Revocation


class EventReader:
    """Hands out what is whole, whichever way the bytes are cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, str] = {}

    def feed(self, piece: bytes) -> list[Heard]:
        """Raise `StreamBroken`."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise StreamBroken("a line without end")
        found = (self._take(line.removesuffix(b"\r")) for line in lines)
        return [heard for heard in found if heard is not None]

    def _take(self, line: bytes) -> Heard | None:
        if len(line) > LONGEST_LINE:
            raise StreamBroken("a line without end")
        if not line:
            fields, self._fields = self._fields, {}
            return _heard(fields) if "data" in fields else None
        if line.startswith(b":"):
            return _beat(line[1:].strip())
        try:
            name, _, value = line.decode("utf-8").partition(":")
        except UnicodeDecodeError:
            raise StreamBroken("not UTF-8") from None
        if name in self._fields or len(self._fields) >= _MOST_FIELDS:
            raise StreamBroken("too many fields")
        self._fields[name] = value.removeprefix(" ")
        return None


def _beat(text: bytes) -> Beat | None:
    """Other comments say nothing to us."""
    return Beat(_whole(text.decode("ascii"))) if text.isdigit() else None


def _heard(fields: dict[str, str]) -> Heard:
    try:
        data = strict_json.decode(fields["data"].encode())
    except ValueError:
        raise StreamBroken("not JSON") from None
    topic = fields.get("event", "")
    if topic == "hello":
        if data.get("version") != VERSION:
            raise StreamBroken("another version")
        return Hello()
    id_, at, gen = data.get("id"), data.get("at"), data.get("gen", 0)
    if not isinstance(id_, str) or type(at) is not int or type(gen) is not int:
        raise StreamBroken("not an event of ours")
    return Revocation(_whole(fields.get("id", "")), topic, id_, at, gen)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        raise StreamBroken("not a number")
    return int(text)
