"""Refresh on PostgreSQL beside what pgbench reaches with the same statement on the same server."""

from typing import Final

from bench.figures import Figure, Samples, Target
from bench.ground import Ground
from bench.jobs.job import cpu, milliseconds, rate, share
from bench.jobs.nodes import measure_together
from bench.jobs.refreshers import SPARE, Refreshers
from bench.pgbench import Pgbench
from bench.postgres import PostgresHome

_POOL: Final = 10  # connections of one process to the database, by default
_NODES: Final = 2
_TARGET: Final = Target("≥", 0.70)


class PostgresRefreshes:
    def __init__(self, ground: Ground, *, connections: int = 64) -> None:
        self.title = f"Refresh{ground.store.title}, {connections} connections"
        self.figures = _figures(connections)
        self._ground = ground
        self._connections = connections
        self._watchword = ground.watchword()
        self._refreshers = Refreshers(self._watchword, connections)
        self._nodes = ground.nodes(_NODES)
        self._together = Refreshers(self._nodes[0], connections + _NODES * SPARE, "shared")
        home = self._watchword.home
        assert isinstance(home, PostgresHome), "This job is for PostgreSQL alone."
        self._pgbench = Pgbench(home, ground.folder, ground.tell)

    def measure(self) -> Samples:
        refreshers = self._refreshers
        refresh = self._ground.measure(
            self._watchword.service, refreshers.load, look=refreshers.look
        )
        together = measure_together(
            self._ground, self._nodes, self._together.load, self._connections
        )
        as_many = self._measure_floor(self._connections)
        pool = self._measure_floor(_POOL)
        return {
            "ratio": together.rate / as_many,
            "one_ratio": refresh.rate / as_many,
            "pool_ratio": refresh.rate / pool,
            "together": together.rate,
            "refresh": refresh.rate,
            "floor": as_many,
            "floor_pool": pool,
            "p50": refresh.outcome.p50_ms,
            "p99": refresh.outcome.p99_ms,
            "refresh_cpu": refresh.cpu_us,
            "store_cpu": refresh.store_us,
            "generator": refresh.outcome.generator_share,
        }

    def _measure_floor(self, clients: int) -> float:
        ground = self._ground
        with ground.watching_others() as ours:
            found, ended = self._pgbench.measure(clients, ground.seconds)
            ours.append(ended.cpu_seconds)
        return found


def _figures(connections: int) -> tuple[Figure, ...]:
    return (
        Figure(
            name="ratio",
            title=f"refresh on {_NODES} nodes / pgbench with {connections} clients",
            unit="",
            target=_TARGET,
            digits=2,
        ),
        Figure(
            name="one_ratio",
            title=f"refresh on one node / pgbench with {connections} clients",
            unit="",
            target=_TARGET,
            digits=2,
        ),
        Figure(
            name="pool_ratio",
            title=f"the same / pgbench with {_POOL} clients, as many as the pool has",
            unit="",
            digits=2,
        ),
        rate("together", f"POST /auth/refresh, {_NODES} nodes"),
        rate("refresh", "POST /auth/refresh, one node"),
        rate("floor", f"the same UPDATE by pgbench, {connections} clients"),
        rate("floor_pool", f"the same UPDATE by pgbench, {_POOL} clients"),
        milliseconds("p50", "refresh, p50"),
        milliseconds("p99", "refresh, p99"),
        cpu("refresh_cpu", "server CPU, refresh"),
        cpu("store_cpu", "PostgreSQL's CPU, refresh"),
        share("generator", "generator's share of a core"),
    )
