"""Time and chance under control. Invariant: the same test sees the same moments and bytes."""

import hashlib
from typing import Final

from watchword.domain.time import Instant, Span

START: Final[Instant] = 1_800_000_000_000  # 2027-01-15T08:00:00Z


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: Instant = START) -> None:
        self._now = now

    def now(self) -> Instant:
        return self._now

    def advance(self, span: Span) -> Instant:
        """Move by ``span`` ms, backward when it is negative (attack X07); the new moment."""
        self._now += span
        return self._now

    def set(self, moment: Instant) -> None:
        self._now = moment


class SeededRandomness:
    """Bytes that differ from call to call and repeat with the seed. Never for secrets."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._calls = 0

    def bytes(self, count: int) -> bytes:
        self._calls += 1
        return hashlib.shake_256(f"{self._seed}:{self._calls}".encode()).digest(count)
