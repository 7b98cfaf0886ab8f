"""The machine's clock and its randomness. Invariant: nothing else in Watchword reads either."""

import os
import time

from watchword.domain.time import Instant

_COUNTS_ON = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_NANOSECONDS = 1_000_000  # in a millisecond


class SystemClock:
    """UTC by the system clock, which an operator keeps right; it may step, in both directions."""

    def now(self) -> Instant:
        return time.time_ns() // _NANOSECONDS


class SystemStopwatch:
    """Seconds since some moment, which no clock that is set changes. Where the system can tell, a
    machine that sleeps or a virtual one that is halted counts on: what was believed before is old.
    """

    def __call__(self) -> float:
        return time.clock_gettime(_COUNTS_ON)


class SystemRandomness:
    """The operating system's generator (ASVS 11.5.1)."""

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)
