"""A run: all jobs, in rounds, one after the other, so that a slow minute slows all of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.environment import Environment, look_around
from bench.figures import LeftOut, Series
from bench.ground import Ground
from bench.jobs import Job
from bench.load import Generator
from bench.report import Report

_WARM_UP = 1.0  # seconds; none in a run too small to say anything
_BUSY_SHARE = 0.05  # of the machine, by others
_BOTTLENECK = 0.90  # of a core, by the load generator


def run(
    jobs: Mapping[str, Callable[[Ground], Job]],
    generator: Generator,
    *,
    folder: Path,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Report:
    """Raise `BenchFailed` when something does not start, or any answer is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = look_around(folder, generator.name)
    with TemporaryDirectory(dir=folder, prefix="run-", ignore_cleanup_errors=True) as name:
        warm_up = _WARM_UP if seconds >= 1 else 0.0
        with Ground(Path(name), generator, seconds, warm_up=warm_up, tell=tell) as ground:
            made, left_out = _make_all(jobs, ground, tell)
            series = {
                key: [Series(key, figure) for figure in job.figures] for key, job in made.items()
            }
            for number in range(1, rounds + 1):
                for key, job in made.items():
                    tell(f"round {number} of {rounds}: {job.title}")
                    _take(series[key], job)
    return Report(
        environment=environment,
        rounds=rounds,
        seconds=seconds,
        titles={key: job.title for key, job in made.items()},
        series=[one for of_job in series.values() for one in of_job],
        notes=[*map(_loud, left_out.items()), *_notes(environment, ground)],
        left_out=list(left_out),
        latencies=ground.latencies,
    )


def _make_all(
    jobs: Mapping[str, Callable[[Ground], Job]], ground: Ground, tell: Callable[[str], None]
) -> tuple[Mapping[str, Job], Mapping[str, str]]:
    """The jobs, and why others are left out."""
    made: dict[str, Job] = {}
    left_out: dict[str, str] = {}
    for key, make in jobs.items():
        tell(f"getting ready: {key}")
        try:
            made[key] = make(ground)
        except LeftOut as reason:
            left_out[key] = str(reason)
    return made, left_out


def _loud(one: tuple[str, str]) -> str:
    return f"NOT MEASURED: {one[0]}: {one[1]}."


def _take(series: Sequence[Series], job: Job) -> None:
    samples = job.measure()
    for one in series:
        one.samples.append(samples[one.figure.name])


def _notes(environment: Environment, ground: Ground) -> list[str]:
    """What a reader must know before believing the figures."""
    notes = []
    others = max(ground.others, default=0.0)
    if others > _BUSY_SHARE:
        notes.append(
            f"Something else took up to {others:.0%} of the machine during a measurement: "
            "compare ratios only, or measure again on a quiet machine."
        )
    if environment.load_before > environment.cores / 2:
        notes.append(
            f"The machine was busy before the run: its load average was "
            f"{environment.load_before:.1f} on {environment.cores} cores."
        )
    share = max(ground.generator_shares, default=0.0)
    if share > _BOTTLENECK:
        notes.append(
            f"The load generator used up to {share:.0%} of a core: the rates of that job may be "
            "its limit, not the server's."
        )
    return notes
