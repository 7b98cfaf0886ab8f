"""Every job of the benchmark works, in a run so small that its figures say nothing."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from bench.ground import Ground
from bench.jobs import JOBS, Job
from bench.jobs.importing import Import
from bench.jobs.queue import WaitingSignIns
from bench.jobs.refresh import Refreshes
from bench.jobs.revocation import Revocations
from bench.jobs.scale import Scale
from bench.load.own import OwnGenerator
from bench.running import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")

SMALL: Mapping[str, Callable[[Ground], Job]] = {
    **JOBS,
    "refresh": partial(Refreshes, connections=6),
    "queue": partial(WaitingSignIns, waiting=20),
    "revocation": partial(Revocations, accounts=1, busy=2),
    "import": partial(Import, count=200),
    "scale": partial(Scale, few=200, many=2_000, requests=4),
}


def test_a_tiny_run_of_every_job_gives_every_figure(tmp_path: Path) -> None:
    steps: list[str] = []
    report = run(SMALL, OwnGenerator(), folder=tmp_path, rounds=1, seconds=0.2, tell=steps.append)

    found = {(one.job, one.figure.name): one.samples for one in report.series}
    assert {job for job, _ in found} == set(JOBS)
    assert all(len(samples) == 1 for samples in found.values())
    may_be_none = {"growth", "busy", "stale"}
    assert all(samples[0] > 0 for (_, name), samples in found.items() if name not in may_be_none)
    assert report.as_json()["environment"]["generator"] == "own"
    assert list(tmp_path.iterdir()) == []  # the run takes its databases with it
    assert any("round 1 of 1" in step for step in steps)
