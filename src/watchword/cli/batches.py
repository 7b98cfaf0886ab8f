"""Records by the thousand, each checked: who can be added, and what is told of the others."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from watchword.cli.formats import Record, Unreadable
from watchword.cli.records import Line
from watchword.domain.errors import Invalid
from watchword.flows.importing import Newcomer

_BATCH: Final = 1_000
_TURN: Final = 50


@dataclass(frozen=True, slots=True)
class Numbered:
    number: int
    newcomer: Newcomer


@dataclass(frozen=True, slots=True)
class Refused:
    """``reason`` is a sentence that repeats no hash."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """``line`` is the number of the last record, ``offset`` the byte where the next one begins."""

    newcomers: Sequence[Numbered]
    refused: Sequence[Refused]
    line: int
    offset: int


async def read_batch(lines: Iterator[Line], check: Callable[[Record], Newcomer]) -> Batch | None:
    """None at the end. Others get their turn every now and then: the batch before this one goes to
    the disk meanwhile, on the other core.
    """
    newcomers: list[Numbered] = []
    refused: list[Refused] = []
    last: Line | None = None
    for _ in range(_BATCH // _TURN):
        for line in islice(lines, _TURN):
            last = line
            fit = _checked(line, check)
            if isinstance(fit, Numbered):
                newcomers.append(fit)
            else:
                refused.append(fit)
        await asyncio.sleep(0)
    return None if last is None else Batch(newcomers, refused, last.number, last.end)


def _checked(line: Line, check: Callable[[Record], Newcomer]) -> Numbered | Refused:
    if isinstance(line.content, Unreadable):
        return Refused(line.number, line.content.reason)
    try:
        return Numbered(line.number, check(line.content))
    except Invalid as refusal:
        (error,) = refusal.errors
        return Refused(line.number, f"{error.field}: {error.message}")
