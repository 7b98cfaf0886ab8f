"""How the text of a setting becomes a value and back, and what one setting is.

Invariant: the only exception that a text can cause here is `Unreadable`, which says what to write
instead and never repeats what was written: it may be a secret in the wrong place.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Generic, TypeVar

from watchword.domain.attempts import LockoutPolicy
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND, Span
from watchword.ports import Allowance

T = TypeVar("T")
Word = TypeVar("Word", bound=str)

PREFIX: Final = "WATCHWORD_"

_UNITS: Final = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1}
_SIZES: Final = {"m": 1024 * 1024, "k": 1024, "": 1}
_DURATION = re.compile(r"([0-9]{1,9})(ms|[smhd])")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SIZE = re.compile(r"([0-9]{1,9})([km]?)")


class Unreadable(ValueError):
    """The text does not say a value of its kind. The message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value. ``show`` writes what ``parse`` reads, save that it hides secrets.

    A ``verbatim`` text keeps the spaces around it.
    """

    parse: Callable[[str], T]
    show: Callable[[T], str]
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A setting as people see it. ``strict`` is the strict profile's default where it differs."""

    name: str
    value: str
    default: str
    meaning: str
    strict: str | None = None


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting: everything that the loader, the documentation and `doctor` know about it."""

    name: str
    kind: Kind[T]
    default: str
    meaning: str
    strict: str | None = None

    @property
    def variable(self) -> str:
        return PREFIX + self.name

    def default_in(self, *, strict: bool) -> str:
        return self.strict if strict and self.strict is not None else self.default

    def row(self, value: T) -> Row:
        default = self.kind.show(self.kind.parse(self.default))
        return Row(self.variable, self.kind.show(value), default, self.meaning, self.strict)


def setting(
    name: str, kind: Kind[T], *, default: str = "", strict: str | None = None, meaning: str
) -> T:
    """A dataclass field that is one setting; its defaults are texts that ``kind`` reads."""
    entry = Setting(name, kind, default, meaning, strict)
    return field(default_factory=partial(kind.parse, default), metadata={"setting": entry})


def parse_duration(text: str, *, finest: str = "s") -> Span:
    """``finest``: the unit below which nothing is told apart."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None or _UNITS[match[2]] < _UNITS[finest]:
        sample = "250ms, 10s or 5m" if finest == "ms" else "10s, 5m, 1h or 14d"
        raise Unreadable(f"Write a whole number and its unit, such as {sample}.")
    return int(match[1]) * _UNITS[match[2]]


def show_duration(span: Span) -> str:
    """In the largest unit that says it exactly."""
    if span == 0:
        return "0"
    unit = next(name for name, length in _UNITS.items() if span % length == 0)
    return f"{span // _UNITS[unit]}{unit}"


def duration(least: str, most: str, *, finest: str = "s") -> Kind[Span]:
    """A span in milliseconds, in whole seconds unless ``finest`` is ``ms``, within both ends."""
    low, high = parse_duration(least, finest=finest), parse_duration(most)

    def parse(text: str) -> Span:
        span = parse_duration(text, finest=finest)
        if not low <= span <= high:
            raise Unreadable(f"Use {least} to {most}.")
        return span

    return Kind(parse, show_duration)


def number(least: int, most: int) -> Kind[int]:
    def parse(text: str) -> int:
        if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
            raise Unreadable(f"Use a whole number, {least} to {most}.")
        return int(text)

    return Kind(parse, str)


def size(least: str, most: str) -> Kind[int]:
    """A number of bytes; ``k`` and ``m`` are powers of 1,024."""
    low, high = _parse_size(least), _parse_size(most)

    def parse(text: str) -> int:
        count = _parse_size(text)
        if not low <= count <= high:
            raise Unreadable(f"Use {least} to {most}.")
        return count

    return Kind(parse, _show_size)


def _parse_size(text: str) -> int:
    match = _SIZE.fullmatch(text.lower())
    if match is None:
        raise Unreadable("Write a number of bytes, such as 65536, 64k or 1m.")
    return int(match[1]) * _SIZES[match[2]]


def _show_size(count: int) -> str:
    unit = next(name for name, length in _SIZES.items() if count % length == 0)
    return f"{count // _SIZES[unit]}{unit}"


def _parse_rate(text: str, most: int, longest: str) -> tuple[int, Span]:
    count, slash, period = text.partition("/")
    if not slash:
        raise Unreadable("Write count/period, such as 5/10m, or off.")
    return number(1, most).parse(count), duration("1s", longest).parse(period)


def allowance() -> Kind[Allowance]:
    def parse(text: str) -> Allowance:
        return Allowance(*_parse_rate(text, 1_000_000, "30d"))

    return Kind(parse, lambda value: f"{value.count}/{show_duration(value.period)}")


def lockout() -> Kind[LockoutPolicy]:
    def parse(text: str) -> LockoutPolicy:
        return LockoutPolicy(*_parse_rate(text, 100, "1d"))

    return Kind(parse, lambda value: f"{value.failures}/{show_duration(value.first_lock)}")


def or_off(kind: Kind[T]) -> Kind[T | None]:
    """None is written ``off``."""

    def parse(text: str) -> T | None:
        return None if text.lower() == "off" else kind.parse(text)

    return Kind(parse, lambda value: "off" if value is None else kind.show(value))


def optional(kind: Kind[T], *, absent: str = "none") -> Kind[T | None]:
    """None is written by leaving the setting out; ``absent`` is how people are told of that."""

    def parse(text: str) -> T | None:
        return kind.parse(text) if text else None

    def show(value: T | None) -> str:
        return absent if value is None else kind.show(value)

    return Kind(parse, show, kind.verbatim)


def listed(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """Several, separated by commas, each once."""

    def parse(text: str) -> tuple[T, ...]:
        parts = [part.strip() for part in text.split(",")]
        return tuple(dict.fromkeys(kind.parse(part) for part in parts if part))

    return Kind(parse, lambda values: ", ".join(map(kind.show, values)) or "none")


def one_of(words: Sequence[Word]) -> Kind[Word]:
    """One of a few words, in any case."""
    known = {str(word).casefold(): word for word in words}

    def parse(text: str) -> Word:
        word = known.get(text.casefold())
        if word is None:
            raise Unreadable(f"Use one of: {', '.join(map(str, words))}.")
        return word

    return Kind(parse, str)


def text_line(most: int, *, absent: str = "none") -> Kind[str]:
    """Printable text of one line."""

    def parse(text: str) -> str:
        if len(text) > most or not text.isprintable():
            raise Unreadable(f"Use at most {most} printable characters.")
        return text

    return Kind(parse, lambda text: text or absent)


def file_path() -> Kind[Path]:
    return Kind(Path, str)


def folder() -> Kind[Path]:
    """A relative path is shown with its dot, as it is usually written."""
    return Kind(Path, lambda path: str(path) if path.is_absolute() else f"./{path}")
