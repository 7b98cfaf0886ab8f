"""Refresh beside its floor: limits on, every answer waits for the disk, each token used once."""

from bench import floor
from bench.figures import Figure, Samples, Target
from bench.ground import Ground, Measured
from bench.jobs.job import cpu, milliseconds, rate, share
from bench.jobs.refreshers import SPARE, Refreshers, refresh_load
from bench.load import Load


class Refreshes:
    figures = (
        Figure(
            name="ratio",
            title="refresh / floor",
            unit="",
            target=Target("≥", 0.75),
            digits=2,
        ),
        Figure(name="cpu_ratio", title="the same by server CPU", unit="", digits=2),
        rate("refresh", "POST /auth/refresh (FULL)"),
        rate("floor", "floor (NORMAL)"),
        rate("floor_full", "floor (FULL)"),
        milliseconds("p50", "refresh, p50"),
        milliseconds("p99", "refresh, p99"),
        cpu("refresh_cpu", "server CPU, refresh"),
        cpu("floor_cpu", "server CPU, floor (NORMAL)"),
        share("generator", "generator's share of a core"),
    )

    def __init__(self, ground: Ground, *, connections: int = 64) -> None:
        self.title = f"Refresh, {connections} connections"
        self._connections = connections
        self._ground = ground
        self._watchword = ground.watchword()
        self._refreshers = Refreshers(self._watchword, connections)
        self._floors = {
            name: ground.floor(str(ground.new_folder()), name) for name in ("NORMAL", "FULL")
        }

    def measure(self) -> Samples:
        refresh = self._ground.measure(
            self._watchword.service, self._refreshers.load, look=self._refreshers.look
        )
        normal = self._measure_floor("NORMAL")
        full = self._measure_floor("FULL")
        return {
            "ratio": refresh.rate / normal.rate,
            "cpu_ratio": normal.cpu_us / refresh.cpu_us,
            "refresh": refresh.rate,
            "floor": normal.rate,
            "floor_full": full.rate,
            "p50": refresh.outcome.p50_ms,
            "p99": refresh.outcome.p99_ms,
            "refresh_cpu": refresh.cpu_us,
            "floor_cpu": normal.cpu_us,
            "generator": refresh.outcome.generator_share,
        }

    def _measure_floor(self, synchronous: str) -> Measured:
        service = self._floors[synchronous]

        def load(seconds: float) -> Load:
            tokens = floor.first_tokens(self._connections + SPARE)
            return refresh_load(service.port, seconds, tokens, self._connections)

        return self._ground.measure(service, load)
