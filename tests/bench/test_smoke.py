"""Every job of the benchmark works, in a run so small that its figures say nothing."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from bench.figures import BenchFailed, LeftOut
from bench.ground import Ground
from bench.jobs import JOBS, Job, jobs_of, on_postgres
from bench.jobs.importing import Import
from bench.jobs.node_revocation import NodeRevocations
from bench.jobs.nodes import Nodes
from bench.jobs.pages import ConsoleOverview
from bench.jobs.postgres_refresh import PostgresRefreshes
from bench.jobs.queue import WaitingSignIns
from bench.jobs.redis_refresh import RedisRefreshes
from bench.jobs.refresh import Refreshes
from bench.jobs.revocation import Revocations
from bench.jobs.scale import Scale
from bench.load.own import OwnGenerator
from bench.postgres import programs
from bench.running import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")

SMALL: Mapping[str, Callable[[Ground], Job]] = {
    **jobs_of((200, 2_000)),
    "refresh": partial(Refreshes, connections=6),
    "queue": partial(WaitingSignIns, waiting=20),
    "revocation": partial(Revocations, accounts=1, busy=2),
    "import": partial(Import, count=200),
    "console": partial(ConsoleOverview, events=100),
    "scale": partial(Scale, sizes=(200, 2_000), requests=4),
    "postgres-refresh": on_postgres(partial(PostgresRefreshes, connections=6)),
    "postgres-revocation": on_postgres(partial(NodeRevocations, accounts=1, busy=2)),
    "postgres-nodes": on_postgres(partial(Nodes, connections=6)),
    "postgres-console": on_postgres(partial(ConsoleOverview, events=100)),
    "postgres-scale": on_postgres(partial(Scale, sizes=(200, 2_000), requests=4)),
    "redis-refresh": partial(RedisRefreshes, connections=6),
}
ELSEWHERE = ("postgres-", "redis-")
ON_SQLITE = {name: make for name, make in SMALL.items() if not name.startswith(ELSEWHERE)}
ON_SERVERS = {name: make for name, make in SMALL.items() if name not in ON_SQLITE}
MAY_BE_NONE = {"growth", "busy", "stale", "late", "accepted", "account_bytes", "session_bytes"}


def test_all_jobs_are_tried_here() -> None:
    assert ON_SQLITE.keys() | ON_SERVERS.keys() == JOBS.keys()


@pytest.mark.parametrize(
    "jobs",
    [
        pytest.param(ON_SQLITE, id="SQLite"),
        pytest.param(
            ON_SERVERS,
            id="servers",
            marks=pytest.mark.skipif(programs() is None, reason="no PostgreSQL is installed"),
        ),
    ],
)
def test_a_tiny_run_of_every_job_gives_every_figure(
    jobs: Mapping[str, Callable[[Ground], Job]], tmp_path: Path
) -> None:
    steps: list[str] = []
    report = run(jobs, OwnGenerator(), folder=tmp_path, rounds=1, seconds=0.2, tell=steps.append)

    found = {(one.job, one.figure.name): one.samples for one in report.series}
    assert {job for job, _ in found} == set(jobs)
    assert all(len(samples) == 1 for samples in found.values())
    none = {key for key, samples in found.items() if samples[0] <= 0}
    assert {name for _, name in none} <= MAY_BE_NONE
    assert report.left_out == []
    assert report.as_json()["environment"]["generator"] == "own"
    assert list(tmp_path.iterdir()) == []  # the run takes its databases with it
    assert any("round 1 of 1" in step for step in steps)


def test_a_job_that_lacks_what_it_needs_is_left_out_loudly(tmp_path: Path) -> None:
    def lacking(_: Ground) -> Job:
        raise LeftOut("it has no engine")

    steps: list[str] = []
    jobs = {"start": JOBS["start"], "lacking": lacking}
    report = run(jobs, OwnGenerator(), folder=tmp_path, rounds=1, seconds=0.2, tell=steps.append)
    assert list(report.titles) == ["start"]
    assert report.left_out == ["lacking"]
    assert "NOT MEASURED: lacking: it has no engine." in report.notes
    with pytest.raises(BenchFailed, match="every job"):
        report.write_into(tmp_path / "page.md")
