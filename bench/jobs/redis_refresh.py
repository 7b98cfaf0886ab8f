"""Refresh where sessions move in Redis, beside refresh where they move in PostgreSQL."""

from bench.figures import Figure, Samples
from bench.ground import Ground
from bench.jobs.job import cpu, milliseconds, rate, share
from bench.jobs.refreshers import Refreshers


class RedisRefreshes:
    figures = (
        Figure(name="ratio", title="refresh / refresh on PostgreSQL alone", unit="", digits=2),
        rate("refresh", "POST /auth/refresh"),
        rate("alone", "the same on PostgreSQL alone"),
        milliseconds("p50", "refresh, p50"),
        milliseconds("p99", "refresh, p99"),
        cpu("refresh_cpu", "server CPU, refresh"),
        cpu("store_cpu", "CPU of PostgreSQL and Redis, refresh"),
        share("generator", "generator's share of a core"),
    )

    def __init__(self, ground: Ground, *, connections: int = 64) -> None:
        moving = ground.on_redis()
        self.title = f"Refresh{moving.store.title}, {connections} connections"
        kept = ground.on_postgres()
        self._grounds = (moving, kept)
        # A server of its own: another job refreshes on the usual one.
        alone = kept.watchword(extra={"WATCHWORD_SESSION_STORE": "database"})
        self._servers = (moving.watchword(), alone)
        self._refreshers = tuple(Refreshers(server, connections) for server in self._servers)

    def measure(self) -> Samples:
        refresh, alone = (
            ground.measure(server.service, refreshers.load, look=refreshers.look)
            for ground, server, refreshers in zip(
                self._grounds, self._servers, self._refreshers, strict=True
            )
        )
        return {
            "ratio": refresh.rate / alone.rate,
            "refresh": refresh.rate,
            "alone": alone.rate,
            "p50": refresh.outcome.p50_ms,
            "p99": refresh.outcome.p99_ms,
            "refresh_cpu": refresh.cpu_us,
            "store_cpu": refresh.store_us,
            "generator": refresh.outcome.generator_share,
        }
