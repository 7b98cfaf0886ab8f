"""A login storm: what is left of the protected rate while eight clients sign in without pause."""

from time import sleep
from typing import Final

from bench.figures import Figure, Samples, Target
from bench.ground import Ground, Measured
from bench.jobs.job import milliseconds, rate
from bench.jobs.profile import Profile

_RISE: Final = 0.5  # seconds at most that the storm has to rise before, and to last after


class LoginStorm:
    figures = (
        Figure(name="ratio", title="beside / quiet", unit="", target=Target("≥", 0.60), digits=2),
        Figure(
            name="p99_ratio",
            title="p99 beside / p99 quiet",
            unit="",
            target=Target("<", 5),
            digits=1,
        ),
        rate("quiet", "GET /profile, quiet"),
        rate("beside", "GET /profile, beside"),
        milliseconds("p99_quiet", "p99, quiet"),
        milliseconds("p99_beside", "p99, beside"),
        Figure(name="sign_ins", title="sign-ins meanwhile", unit="/s", digits=1),
    )

    def __init__(self, ground: Ground) -> None:
        self.title = f"Login storm{ground.store.title}: GET /profile beside 8 clients that sign in"
        self._ground = ground
        self._watchword = ground.watchword()
        self._profile = Profile(self._watchword)

    def measure(self) -> Samples:
        self._profile.renew()
        quiet = self._profile_rate()
        ground = self._ground
        rise = min(_RISE, ground.seconds)
        lasts = ground.warm_up + ground.seconds + 2 * rise
        storm = ground.run(self._watchword.sign_in_load(lasts))
        sleep(rise)
        beside = self._profile_rate()
        sign_ins = storm.outcome()
        return {
            "ratio": beside.rate / quiet.rate,
            "p99_ratio": beside.outcome.p99_ms / quiet.outcome.p99_ms,
            "quiet": quiet.rate,
            "beside": beside.rate,
            "p99_quiet": quiet.outcome.p99_ms,
            "p99_beside": beside.outcome.p99_ms,
            "sign_ins": sign_ins.rate,
        }

    def _profile_rate(self) -> Measured:
        profile = self._profile
        return self._ground.measure(
            self._watchword.service, profile.protected_load, look=profile.look_at_protected
        )
