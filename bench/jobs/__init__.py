"""The jobs: each measures one promise, a round at a time.

To add one: a module here with a class that keeps `Job`, and its line in `JOBS`. A ratio is taken
between measurements of one round, so both sides are measured in `measure`, next to each other.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from bench.ground import Ground
from bench.jobs.enumeration import Enumeration
from bench.jobs.importing import Import
from bench.jobs.job import Job
from bench.jobs.node_revocation import NodeRevocations
from bench.jobs.nodes import Nodes
from bench.jobs.pages import ConsoleOverview, SignInPage
from bench.jobs.postgres_refresh import PostgresRefreshes
from bench.jobs.protected import Protected
from bench.jobs.queue import WaitingSignIns
from bench.jobs.redis_refresh import RedisRefreshes
from bench.jobs.refresh import Refreshes
from bench.jobs.revocation import Revocations
from bench.jobs.scale import Scale
from bench.jobs.sign_in import SignIns
from bench.jobs.start import Start
from bench.jobs.storm import LoginStorm

__all__ = ["JOBS", "SIZES", "Job", "MakeJob", "jobs_of", "on_postgres"]

MakeJob = Callable[[Ground], Job]
SIZES: Final = (10_000, 1_000_000)  # sessions


def on_postgres(make: MakeJob) -> MakeJob:
    """The same job with the data on PostgreSQL."""
    return lambda ground: make(ground.on_postgres())


def on_redis(make: MakeJob) -> MakeJob:
    """The same job with sessions that move in Redis."""
    return lambda ground: make(ground.on_redis())


def jobs_of(sizes: Sequence[int]) -> Mapping[str, MakeJob]:
    """All of them, with ``sizes`` for those that try how many sessions cost."""
    return {
        "protected": partial(Protected, workers=1),
        "protected-2": partial(Protected, workers=2),
        "refresh": Refreshes,
        "sign-in": SignIns,
        "storm": LoginStorm,
        "queue": WaitingSignIns,
        "start": Start,
        "revocation": Revocations,
        "enumeration": Enumeration,
        "import": Import,
        "sign-in-page": SignInPage,
        "console": ConsoleOverview,
        "scale": partial(Scale, sizes=sizes),
        "postgres-protected": on_postgres(partial(Protected, workers=1)),
        "postgres-refresh": on_postgres(PostgresRefreshes),
        "postgres-sign-in": on_postgres(SignIns),
        "postgres-storm": on_postgres(LoginStorm),
        "postgres-revocation": on_postgres(NodeRevocations),
        "postgres-nodes": on_postgres(Nodes),
        "postgres-console": on_postgres(ConsoleOverview),
        "postgres-scale": on_postgres(partial(Scale, sizes=sizes)),
        "redis-protected": on_redis(partial(Protected, workers=1)),
        "redis-refresh": RedisRefreshes,
    }


JOBS: Final = jobs_of(SIZES)
