"""What a run has found: on the terminal, as JSON, and as the table of docs/performance.md."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.environment import Environment
from bench.figures import BenchFailed, Figure, Series
from bench.plots import make_plots
from bench.sizing import sizing

# What the page holds between marks of these names.
WHOLE: Final = "written by the benchmark"
SIZING: Final = f"sizing, {WHOLE}"

PLOTS: Final = "plots"  # the folder beside the page

_COLUMNS: Final = ("what", "target", "median", "min … max", "verdict")
_COLOURS: Final = {"met": "green", "MISSED": "bold red", "": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    environment: Environment
    rounds: int
    seconds: float
    titles: Mapping[str, str]
    series: Sequence[Series]
    notes: Sequence[str]
    left_out: Sequence[str] = ()
    latencies: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def missed(self) -> list[Series]:
        return [one for one in self.series if one.verdict == "MISSED"]

    def show(self, console: Console) -> None:
        table = Table(*_COLUMNS, title="Watchword", caption=escape(self.about()))
        for job, title in self.titles.items():
            table.add_section()
            table.add_row(f"[bold]{escape(title)}[/bold]")
            for one in self._of(job):
                *cells, verdict = _row(one)
                colour = _COLOURS[verdict]
                table.add_row(*map(escape, cells), f"[{colour}]{verdict}[/{colour}]")
        console.print(table)
        for note in self.notes:
            console.print(f"[yellow]{escape(note)}[/yellow]")

    def write_json(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")

    def as_json(self) -> dict[str, Any]:
        return {
            "environment": asdict(self.environment),
            "rounds": self.rounds,
            "seconds": self.seconds,
            "figures": [_as_json(one) for one in self.series],
            "notes": list(self.notes),
            "leftOut": list(self.left_out),
            "latencies": {job: list(found) for job, found in self.latencies.items()},
        }

    def write_into(self, page: Path) -> None:
        """Replace what stands between the marks, and the plots beside the page. Raise `BenchFailed`
        when they are not there, or a job was left out.
        """
        self._require_every_job()
        table = "\n".join(sizing(self.series))
        text = _between(page.read_text("utf-8"), SIZING, table)
        self._write_between(page, text, WHOLE)

    def write_section(self, page: Path, name: str) -> None:
        """As `write_into`, for a run of some jobs: between the marks of that name alone."""
        self._write_between(page, page.read_text("utf-8"), f"{name}, {WHOLE}", f"{name}-")

    def _write_between(self, page: Path, text: str, name: str, prefix: str = "") -> None:
        self._require_every_job()
        text = _between(text, name, "")
        plots = [""]
        for plot in make_plots(self.series, self.latencies):
            (page.parent / PLOTS).mkdir(exist_ok=True)
            file = f"{PLOTS}/{prefix}{plot.file}"
            (page.parent / file).write_text(plot.svg, "utf-8")
            plots += [f"![{plot.title}]({file})", ""]
        shown = "\n".join([self.as_markdown(), *plots]).rstrip()
        page.write_text(_between(text, name, shown), "utf-8")

    def _require_every_job(self) -> None:
        if self.left_out:
            raise BenchFailed(f"The page wants every job, and there is no {self.left_out[0]}.")

    def as_markdown(self) -> str:
        lines = [self.about(), ""]
        lines += [f"| {' | '.join(_COLUMNS)} |", "|---|---|---|---|---|"]
        for job, title in self.titles.items():
            lines.append(f"| **{title}** | | | | |")
            lines += [f"| {' | '.join(_row(one))} |" for one in self._of(job)]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines)

    def about(self) -> str:
        about = self.environment
        packages = ", ".join(f"{name} {text}" for name, text in about.packages.items())
        return (
            f"Watchword {about.watchword}, {about.at}: {self.rounds} rounds of "
            f"{self.seconds:g} s. {about.python}, {about.cores} cores ({about.cpu}), "
            f"{about.memory_mib:,} MiB, load before {about.load_before:.2f}, a disk that takes "
            f"{about.sync_ms:.2f} ms to sync, {about.generator} on the same machine; SQLite "
            f"{about.sqlite}, PostgreSQL {about.postgres or 'missing'}, {packages}."
        )

    def _of(self, job: str) -> list[Series]:
        return [one for one in self.series if one.job == job]


def marks(name: str) -> tuple[str, str]:
    """Between which something is written by a run."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def _between(text: str, name: str, new: str) -> str:
    begin, end = marks(name)
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise BenchFailed("The page has lost the marks between which a table stands.")
    return f"{before}{begin}\n{new}\n{end}{after}"


def _row(one: Series) -> tuple[str, str, str, str, str]:
    figure, target = one.figure, one.figure.target
    bound = "" if target is None else f"{target.sense} {_number(target.bound, figure)}"
    spread = f"{_number(min(one.samples), figure)} … {_number(max(one.samples), figure)}"
    space = "" if figure.unit in {"", "/s"} else " "
    middle = f"{_number(one.median, figure)}{space}{figure.unit}"
    return figure.title, bound, middle, spread, one.verdict


def _number(value: float, figure: Figure) -> str:
    return f"{value:,.{figure.digits}f}"


def _as_json(one: Series) -> dict[str, Any]:
    target = one.figure.target
    return {
        "job": one.job,
        "name": one.figure.name,
        "title": one.figure.title,
        "unit": one.figure.unit,
        "target": None if target is None else f"{target.sense} {target.bound:g}",
        "median": one.median,
        "min": min(one.samples),
        "max": max(one.samples),
        "samples": one.samples,
        "verdict": one.verdict,
    }
