"""Sign-ins beside what the cores can hash: eight clients, lockout on, people in turn."""

import subprocess
from typing import Final

from bench.figures import BenchFailed, Figure, Samples, Target
from bench.ground import Ground
from bench.jobs.job import milliseconds
from bench.processes import environment, program
from watchword.settings import Settings

# From a request to its answer are 80 ms: in a short window, what is under way at the end would be
# some hundredths of what was done. This one is so many times as long as others.
_AS_LONG: Final = 3


class SignIns:
    figures = (
        Figure(
            name="ratio",
            title="sign-ins / hashes",
            unit="",
            target=Target("≥", 0.90),
            digits=2,
        ),
        Figure(name="sign_ins", title="POST /auth/login", unit="/s", digits=1),
        Figure(name="hashes", title="Argon2id on all cores, alone", unit="/s", digits=1),
        milliseconds("p50", "sign-in, p50"),
        milliseconds("p99", "sign-in, p99"),
        Figure(name="cpu", title="server CPU, sign-in", unit="ms", digits=1),
    )

    def __init__(self, ground: Ground) -> None:
        self.title = f"Sign-in{ground.store.title}, 8 clients without pause"
        self._ground = ground
        self._watchword = ground.watchword()
        self._parameters = Settings().password_hash
        self._seconds = _AS_LONG * ground.seconds

    def measure(self) -> Samples:
        hashes = self._hashes()
        signed_in = self._ground.measure(
            self._watchword.service, self._watchword.sign_in_load, seconds=self._seconds
        )
        return {
            "ratio": signed_in.rate / hashes,
            "sign_ins": signed_in.rate,
            "hashes": hashes,
            "p50": signed_in.outcome.p50_ms,
            "p99": signed_in.outcome.p99_ms,
            "cpu": signed_in.cpu_us / 1_000,
        }

    def _hashes(self) -> float:
        command = program("bench.hashing", str(self._seconds), self._parameters)
        done = subprocess.run(
            command, env=environment({}), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchFailed(f"Hashing failed: {done.stderr[-1_000:]}")
        return float(done.stdout)
