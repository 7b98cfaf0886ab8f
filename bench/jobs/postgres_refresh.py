"""Refresh on PostgreSQL beside what pgbench reaches with the same statement on the same server."""

from typing import Final

from bench import floor
from bench.figures import Figure, Samples, Target
from bench.ground import Ground
from bench.jobs.job import cpu, milliseconds, rate, share
from bench.jobs.nodes import measure_together
from bench.jobs.refreshers import SPARE, Refreshers, refresh_load
from bench.load import Load
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
        nodes = ground.nodes(_NODES)
        self._nodes = [node.service for node in nodes]
        self._together = Refreshers(nodes[0], connections + _NODES * SPARE, "shared")
        shared = ground.new_home().settings["WATCHWORD_DATABASE_URL"]
        self._least = [ground.floor(shared, str(_POOL)) for _ in range(_NODES)]
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
        least = self._measure_least()
        as_many = self._measure_floor(self._connections)
        pool = self._measure_floor(_POOL)
        return {
            "ratio": together.rate / as_many,
            "one_ratio": refresh.rate / as_many,
            "pool_ratio": refresh.rate / pool,
            "least_ratio": least / as_many,
            "of_least": together.rate / least,
            "together": together.rate,
            "refresh": refresh.rate,
            "least": least,
            "floor": as_many,
            "floor_pool": pool,
            "p50": refresh.outcome.p50_ms,
            "p99": refresh.outcome.p99_ms,
            "refresh_cpu": refresh.cpu_us,
            "store_cpu": refresh.store_us,
            "generator": refresh.outcome.generator_share,
        }

    def _measure_least(self) -> float:
        def load(seconds: float) -> Load:
            tokens = floor.first_tokens(self._connections + _NODES * SPARE)
            return refresh_load(0, seconds, tokens, self._connections)

        return measure_together(self._ground, self._least, load, self._connections).rate

    def _measure_floor(self, clients: int) -> float:
        ground = self._ground
        with ground.watching_others() as ours:
            found, ended = self._pgbench.measure(clients, ground.seconds)
            ours.append(ended.cpu_seconds)
        return found


def _figures(connections: int) -> tuple[Figure, ...]:
    many, least = (
        f"pgbench with {connections} clients",
        f"{_NODES} programs that only store and sign",
    )
    return (
        _ratio("ratio", f"refresh on {_NODES} nodes / {many}", _TARGET),
        _ratio("one_ratio", f"refresh on one node / {many}", _TARGET),
        _ratio("pool_ratio", f"the same / pgbench with {_POOL} clients, as many as the pool has"),
        _ratio("least_ratio", f"{least} / {many}"),
        _ratio("of_least", f"refresh on {_NODES} nodes / {least}"),
        rate("together", f"POST /auth/refresh, {_NODES} nodes"),
        rate("refresh", "POST /auth/refresh, one node"),
        rate("least", least),
        rate("floor", f"the same UPDATE by pgbench, {connections} clients"),
        rate("floor_pool", f"the same UPDATE by pgbench, {_POOL} clients"),
        milliseconds("p50", "refresh, p50"),
        milliseconds("p99", "refresh, p99"),
        cpu("refresh_cpu", "server CPU, refresh"),
        cpu("store_cpu", "PostgreSQL's CPU, refresh"),
        share("generator", "generator's share of a core"),
    )


def _ratio(name: str, title: str, target: Target | None = None) -> Figure:
    return Figure(name=name, title=title, unit="", target=target, digits=2)
