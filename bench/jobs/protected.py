"""What protection costs: the same answer on an open route of the same server, and protected."""

from bench.figures import Figure, Samples, Target
from bench.ground import Ground
from bench.jobs.job import cpu, milliseconds, rate, share
from bench.jobs.profile import Profile


class Protected:
    figures = (
        Figure(
            name="ratio",
            title="protected / open",
            unit="",
            target=Target("≥", 0.80),
            digits=2,
        ),
        Figure(name="cpu_ratio", title="the same by server CPU", unit="", digits=2),
        rate("open", "open route"),
        rate("protected", "GET /profile"),
        milliseconds("p50", "GET /profile, p50"),
        milliseconds("p99", "GET /profile, p99"),
        cpu("open_cpu", "server CPU, open"),
        cpu("protected_cpu", "server CPU, GET /profile"),
        share("generator", "generator's share of a core"),
    )

    def __init__(self, ground: Ground, *, workers: int) -> None:
        self._ground = ground
        self._watchword = ground.watchword(workers=workers)
        self._profile = Profile(self._watchword)
        self._profile.make_open()
        suffix = "" if workers == 1 else "s"
        self.title = f"Protected request{ground.store.title}, {workers} worker{suffix}"

    def measure(self) -> Samples:
        ground, profile, service = self._ground, self._profile, self._watchword.service
        profile.renew()
        unprotected = ground.measure(service, profile.open_load, look=profile.look_at_open)
        protected = ground.measure(service, profile.protected_load, look=profile.look_at_protected)
        return {
            "ratio": protected.rate / unprotected.rate,
            "cpu_ratio": unprotected.cpu_us / protected.cpu_us,
            "open": unprotected.rate,
            "protected": protected.rate,
            "p50": protected.outcome.p50_ms,
            "p99": protected.outcome.p99_ms,
            "open_cpu": unprotected.cpu_us,
            "protected_cpu": protected.cpu_us,
            "generator": protected.outcome.generator_share,
        }
