from watchword.domain.time import HOUR
from watchword.testing import FakeClock, SeededRandomness


class TestTheClock:
    def test_stands_still_until_it_is_moved(self) -> None:
        clock = FakeClock(1_000)
        assert [clock.now(), clock.now()] == [1_000, 1_000]
        assert clock.advance(HOUR) == clock.now() == 1_000 + HOUR
        assert clock.advance(-HOUR) == 1_000
        clock.set(5)
        assert clock.now() == 5


class TestTheRandomness:
    def test_repeats_with_its_seed_and_differs_from_call_to_call(self) -> None:
        one, same, other = SeededRandomness(1), SeededRandomness(1), SeededRandomness(2)
        drawn = [one.bytes(16), one.bytes(16)]
        assert drawn == [same.bytes(16), same.bytes(16)]
        assert drawn[0] != drawn[1]
        assert other.bytes(16) not in drawn

    def test_gives_as_much_as_was_asked_for(self) -> None:
        assert [len(SeededRandomness().bytes(count)) for count in (0, 1, 1_000)] == [0, 1, 1_000]
