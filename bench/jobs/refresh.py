"""Refresh beside its floor: limits on, every answer waits for the disk, each token used once."""

from typing import Final

from bench import floor
from bench.figures import Figure, Samples, Target
from bench.ground import Ground, Measured
from bench.jobs.job import cpu, milliseconds, rate, share
from bench.jobs.profile import Profile
from bench.load import Load, Queue

_SPARE: Final = 2  # for a connection that is made anew
_SESSIONS_PER_ACCOUNT: Final = 10  # the default limit


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
        self._profile = Profile(self._watchword)
        self._emails = _emails(connections)
        self._watchword.client.register(sorted(set(self._emails)))
        self._floors = {name: ground.floor(name) for name in ("NORMAL", "FULL")}

    def measure(self) -> Samples:
        refresh = self._ground.measure(self._watchword.service, self._refresh_load, look=self._look)
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

    def _refresh_load(self, seconds: float) -> Load:
        tokens = self._watchword.client.refresh_tokens(self._emails)
        return self._load(self._watchword.service.port, seconds, tokens)

    def _look(self) -> None:
        """A session beside the others: refresh it, and use what that gives."""
        self._profile.renew()
        self._profile.look_at_protected()

    def _measure_floor(self, synchronous: str) -> Measured:
        service = self._floors[synchronous]

        def load(seconds: float) -> Load:
            tokens = floor.first_tokens(self._connections + _SPARE)
            return self._load(service.port, seconds, tokens)

        return self._ground.measure(service, load)

    def _load(self, port: int, seconds: float, tokens: tuple[str, ...]) -> Load:
        queue = Queue(
            items=tokens,
            before=floor.BEFORE,
            after=floor.AFTER,
            successor="refreshToken",
            once=True,
        )
        return Load(
            port=port,
            path="/auth/refresh",
            connections=self._connections,
            seconds=seconds,
            queue=queue,
        )


def _emails(connections: int) -> tuple[str, ...]:
    """A session for each connection and some to spare, and no more on an account than may live."""
    return tuple(
        f"refresher-{number // _SESSIONS_PER_ACCOUNT}@example.com"
        for number in range(connections + _SPARE)
    )
