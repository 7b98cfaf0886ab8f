"""The machine's clocks, in a service that is not ours. Nothing else in the client reads them."""

import time
from typing import Protocol

from watchword.domain.time import Instant

_NANOSECONDS = 1_000_000  # in a millisecond
# The one that goes on while the machine is asleep, where there is one: a lease ends then as well.
_NEVER_SET = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class Time(Protocol):
    def now(self) -> Instant:
        """UTC in ms, by a clock that may be set."""
        ...

    def seconds(self) -> float:
        """By a clock that nobody sets."""
        ...


class MachineTime:
    def now(self) -> Instant:
        return time.time_ns() // _NANOSECONDS

    def seconds(self) -> float:
        return time.monotonic() if _NEVER_SET is None else time.clock_gettime(_NEVER_SET)
