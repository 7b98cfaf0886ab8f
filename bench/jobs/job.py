"""What a job is, and the figures that most of them share."""

from collections.abc import Sequence
from typing import Protocol

from bench.figures import Figure, Samples


class Job(Protocol):
    """It starts what it needs, and checks it, when it is made."""

    @property
    def title(self) -> str: ...

    @property
    def figures(self) -> Sequence[Figure]: ...

    def measure(self) -> Samples:
        """One round: a sample for each of `figures`."""
        ...


def rate(name: str, title: str) -> Figure:
    return Figure(name=name, title=title, unit="/s")


def milliseconds(name: str, title: str) -> Figure:
    return Figure(name=name, title=title, unit="ms", digits=1)


def cpu(name: str, title: str) -> Figure:
    return Figure(name=name, title=title, unit="µs")


def share(name: str, title: str) -> Figure:
    """Of one core."""
    return Figure(name=name, title=title, unit="", digits=2)
