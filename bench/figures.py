"""What is measured: a figure has a name, a unit and perhaps a target; a run gives it samples.

Invariant: a ratio is taken within one round, of two measurements that stood side by side.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal

Sense = Literal["≥", "≤", "<"]
Verdict = Literal["met", "MISSED", ""]
Samples = Mapping[str, float]

_JUDGES: Final[Mapping[Sense, Callable[[float, float], bool]]] = {
    "≥": operator.ge,
    "≤": operator.le,
    "<": operator.lt,
}


class BenchFailed(Exception):
    """There is no figure: something did not start, or an answer was wrong. Says what to do."""


class LeftOut(Exception):
    """This machine has not what a job needs. Says what is missing."""


@dataclass(frozen=True, slots=True)
class Target:
    """The median of the rounds is judged; with ``always``, each of them."""

    sense: Sense
    bound: float
    always: bool = False

    def is_met_by(self, value: float) -> bool:
        return _JUDGES[self.sense](value, self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``name`` is the key in samples and in the JSON; ``title`` is what people read. ``line`` is
    what a plot draws it as, over ``at``: how many sessions or nodes there were.
    """

    name: str
    title: str
    unit: str
    target: Target | None = None
    digits: int = 0
    line: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """All samples of one figure, a round each."""

    job: str
    figure: Figure
    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def verdict(self) -> Verdict:
        target = self.figure.target
        if target is None:
            return ""
        judged = self.samples if target.always else [self.median]
        return "met" if all(map(target.is_met_by, judged)) else "MISSED"


def require_all(series: Sequence[Series], rounds: int) -> None:
    """Raise `BenchFailed` when a figure lacks a sample."""
    for one in series:
        if len(one.samples) != rounds:
            raise BenchFailed(f"{one.job}: {one.figure.name} was not measured in every round.")
