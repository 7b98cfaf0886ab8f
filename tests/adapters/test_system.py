"""The machine's clock and randomness, as the ports promise them."""

from datetime import UTC, datetime

from watchword.adapters.system import SystemClock, SystemRandomness, SystemStopwatch
from watchword.domain.time import MINUTE
from watchword.ports import Clock, Randomness


class TestTheClock:
    def test_counts_milliseconds_from_the_epoch(self) -> None:
        clock: Clock = SystemClock()
        now = datetime.now(UTC).timestamp() * 1_000  # noqa: TID251  what it is compared with
        assert isinstance(clock.now(), int)
        assert abs(clock.now() - now) < MINUTE


class TestTheStopwatch:
    def test_counts_seconds_and_never_back(self) -> None:
        stopwatch = SystemStopwatch()
        readings = [stopwatch() for _ in range(1_000)]
        assert readings == sorted(readings)
        assert readings[-1] - readings[0] < 60


class TestRandomness:
    def test_is_as_long_as_it_is_asked_for(self) -> None:
        randomness: Randomness = SystemRandomness()
        assert [len(randomness.bytes(count)) for count in (0, 1, 32)] == [0, 1, 32]

    def test_does_not_repeat_itself(self) -> None:
        drawn = {SystemRandomness().bytes(16) for _ in range(1_000)}
        assert len(drawn) == 1_000
