"""``make bench``: measure, show a table, write JSON beside it."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import click
from rich.console import Console

from bench.figures import BenchFailed
from bench.jobs import JOBS, SIZES, jobs_of
from bench.load.wrk import Wrk
from bench.processes import ROOT
from bench.running import run

RESULTS: Final = ROOT / "bench" / "results"
PAGE: Final = ROOT / "docs" / "performance.md"
LEAST_ROUNDS: Final = 5
LEAST_SECONDS: Final = 3


@click.command(context_settings={"max_content_width": 100})
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option(
    "--seconds",
    type=click.IntRange(1, 60),
    default=4,
    show_default=True,
    help="Of each measurement, after a warm-up.",
)
@click.option(
    "--only", type=click.Choice(list(JOBS)), multiple=True, help="A job; may be given repeatedly."
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS / "latest.json",
    help="Where to write the JSON.  [default: bench/results/latest.json]",
)
@click.option(
    "--scale",
    "sizes",
    type=click.IntRange(100),
    multiple=True,
    default=SIZES,
    show_default=True,
    help="Sessions of an installation, for the jobs named scale; two or more. 10000000 takes some"
    " 40 GB and half an hour.",
)
@click.option("--docs", is_flag=True, help="Write the table and the plots into docs as well.")
@click.option(
    "--section",
    help="Write the table and the plots of some jobs into docs, between the marks of this name.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 when a target is missed.")
def main(  # noqa: PLR0913  one for each option
    *,
    rounds: int,
    seconds: int,
    only: tuple[str, ...],
    json_file: Path,
    sizes: tuple[int, ...],
    docs: bool,
    section: str | None,
    strict: bool,
) -> None:
    """Measure Watchword beside what it could be at best.

    A wrong answer, or a server that does not start, always ends the run with 1.
    """
    if docs and (only or rounds < LEAST_ROUNDS or seconds < LEAST_SECONDS):
        raise click.UsageError(
            f"--docs wants every job, {LEAST_ROUNDS} rounds and {LEAST_SECONDS} seconds or more."
        )
    if len(set(sizes)) < 2:
        raise click.UsageError("--scale wants two sizes or more: a ratio has two sides.")
    console = Console()
    status = Console(stderr=True)
    jobs = {name: make for name, make in jobs_of(sizes).items() if not only or name in only}
    try:
        with status.status("starting") as line:
            report = run(
                jobs, Wrk(), folder=RESULTS, rounds=rounds, seconds=seconds, tell=line.update
            )
        report.write_json(json_file)
        if docs:
            report.write_into(PAGE)
        if section:
            report.write_section(PAGE, section)
    except BenchFailed as failure:
        raise click.ClickException(str(failure)) from None
    report.show(console)
    sys.exit(1 if strict and report.missed else 0)


def _end(number: int, _: FrameType | None) -> NoReturn:
    """As an interrupt does: the servers of the run are stopped, and its folder goes."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    main()
