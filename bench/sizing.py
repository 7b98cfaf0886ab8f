"""What one core, one process and one gigabyte hold, reckoned from the figures of a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.figures import Series

_MILLION_GB: Final = 1e6 / 1e9  # bytes of one → gigabytes of a million


@dataclass(frozen=True, slots=True)
class Rule:
    """``show`` makes the text of a cell of the median of ``figure``. The job on PostgreSQL has the
    same name behind ``postgres-``.
    """

    what: str
    job: str
    figure: str
    show: Callable[[float], str]


def _a_second(micros: float) -> str:
    """By one core that does nothing else, of the CPU time of one request."""
    return f"{1e6 / micros:,.0f}/s" if micros < 10_000 else f"{1e6 / micros:,.1f}/s"


def _sign_ins(millis: float) -> str:
    return _a_second(millis * 1_000)


def _gigabytes(each: float) -> str:
    return f"{each * _MILLION_GB:,.2f} GB"


def _mebibytes(each: float) -> str:
    return f"{each:,.0f} MiB"


_RULES: Final = (
    Rule("`GET /profile`, one core of a node", "protected", "protected_cpu", _a_second),
    Rule("`POST /auth/refresh`, one core of a node", "refresh", "refresh_cpu", _a_second),
    Rule("`POST /auth/refresh`, one core of PostgreSQL", "refresh", "store_cpu", _a_second),
    Rule("`POST /auth/login`, one core of a node", "sign-in", "cpu", _sign_ins),
    Rule("disk for a million accounts", "scale", "account_bytes", _gigabytes),
    Rule("disk for a million sessions", "scale", "session_bytes", _gigabytes),
)


def sizing(series: Sequence[Series]) -> list[str]:
    """A table in Markdown of what was measured; what was not stays empty."""
    medians = {(one.job, one.figure.name): one.median for one in series}
    idle = [name.removeprefix("idle_") for _, name in medians if name.startswith("idle_")]
    sizes = sorted({int(size) for size in idle if size.isdecimal()})
    lines = ["| what | SQLite | PostgreSQL |", "|---|---|---|"]
    for rule in (*_RULES, *map(_memory, sizes)):
        found = [medians.get((job, rule.figure)) for job in (rule.job, f"postgres-{rule.job}")]
        cells = ["" if median is None else rule.show(median) for median in found]
        lines.append(f"| {rule.what} | {' | '.join(cells)} |")
    return lines


def _memory(size: int) -> Rule:
    return Rule(
        f"memory of an idle process, {size:,} sessions", "scale", f"idle_{size}", _mebibytes
    )
