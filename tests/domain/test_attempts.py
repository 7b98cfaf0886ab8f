from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.domain.attempts import DISABLED_AFTER, FORGOTTEN_AFTER, Attempts, LockoutPolicy
from watchword.domain.errors import TooManyAttempts
from watchword.domain.time import DAY, HOUR, MINUTE, Instant
from watchword.testing.fakes import START as NOW

POLICY = LockoutPolicy(failures=5, first_lock=15 * MINUTE)


def failing(times: Iterable[Instant], policy: LockoutPolicy = POLICY) -> Attempts:
    attempts = Attempts()
    for at in times:
        attempts.require_open(at)
        attempts = attempts.with_one_more(at, policy)
    return attempts


def locked_again_and_again(count: int, policy: LockoutPolicy = POLICY) -> list[int]:
    """How long each of ``count`` locks in a row lasts, when every one is waited out."""
    now, attempts, spans = NOW, Attempts(), []
    for _ in range(count):
        for _ in range(policy.failures):
            attempts.require_open(now)
            attempts = attempts.with_one_more(now, policy)
        spans.append(attempts.locked_until - now)
        now = attempts.locked_until
    return spans


class TestALock:
    def test_comes_with_the_failure_that_reaches_the_limit(self) -> None:
        failing([NOW] * 4).require_open(NOW)
        locked = failing([NOW] * 5)
        assert locked.locked_until == NOW + 15 * MINUTE
        with pytest.raises(TooManyAttempts) as refused:
            locked.require_open(NOW + MINUTE)
        assert refused.value.retry_after == 14 * MINUTE

    def test_opens_at_its_end(self) -> None:
        locked = failing([NOW] * 5)
        with pytest.raises(TooManyAttempts):
            locked.require_open(NOW + 15 * MINUTE - 1)
        locked.require_open(NOW + 15 * MINUTE)

    def test_doubles_up_to_an_hour(self) -> None:
        minutes = [span // MINUTE for span in locked_again_and_again(5)]
        assert minutes == [15, 30, 60, 60, 60]

    def test_longer_than_an_hour_from_the_start_stays_as_long(self) -> None:
        policy = LockoutPolicy(failures=1, first_lock=3 * HOUR)
        assert locked_again_and_again(3, policy) == [3 * HOUR] * 3

    def test_of_any_age_is_no_more_than_an_hour(self) -> None:
        assert POLICY.lock_for(10**6) == HOUR

    def test_can_come_with_the_first_failure(self) -> None:
        policy = LockoutPolicy(failures=1, first_lock=MINUTE)
        assert failing([NOW], policy).locked_until == NOW + MINUTE


class TestForgetting:
    def test_failures_a_day_apart_do_not_add_up(self) -> None:
        attempts = failing(NOW + day * FORGOTTEN_AFTER for day in range(20))
        assert (attempts.failures, attempts.locks, attempts.locked_until) == (1, 0, 0)

    def test_failures_just_under_a_day_apart_do(self) -> None:
        step = FORGOTTEN_AFTER - 1
        assert failing(NOW + number * step for number in range(5)).locks == 1

    def test_a_day_of_peace_makes_the_next_lock_the_first_again(self) -> None:
        twice = failing([*[NOW] * 5, *[NOW + 15 * MINUTE] * 5])
        assert twice.locked_until - (NOW + 15 * MINUTE) == 30 * MINUTE
        later = NOW + 15 * MINUTE + DAY
        for _ in range(5):
            twice = twice.with_one_more(later, POLICY)
        assert twice.locked_until == later + 15 * MINUTE

    def test_no_span_of_peace_forgets_how_many_failed_in_a_row(self) -> None:
        """NIST SP 800-63B-4 section 3.2.2 counts them until a success."""
        attempts = failing(NOW + day * 2 * DAY for day in range(30))
        assert attempts.consecutive == 30


class TestAHundredFailuresInARow:
    def fail(self, count: int) -> Attempts:
        attempts = Attempts()
        for number in range(count):
            attempts = attempts.with_one_more(NOW + number * 2 * DAY, POLICY)
        return attempts

    def test_leave_the_hundredth_attempt_a_chance(self) -> None:
        assert not self.fail(DISABLED_AFTER).password_disabled

    def test_disable_the_password_for_every_one_after(self) -> None:
        assert self.fail(DISABLED_AFTER + 1).password_disabled
        assert self.fail(3 * DISABLED_AFTER).password_disabled

    def test_are_counted_no_further_than_needed(self) -> None:
        assert self.fail(3 * DISABLED_AFTER).consecutive == DISABLED_AFTER + 1


class TestEveryAttempt:
    @given(st.lists(st.integers(0, 3 * DAY), max_size=40), st.integers(1, 10))
    def test_counts_one_more_and_opens_nothing_earlier(
        self, waits: list[int], failures: int
    ) -> None:
        policy, now, attempts = LockoutPolicy(failures, MINUTE), NOW, Attempts()
        for wait in waits:
            now += wait
            counted = attempts.with_one_more(now, policy)
            assert counted.consecutive == min(attempts.consecutive + 1, DISABLED_AFTER + 1)
            assert counted.locked_until >= attempts.locked_until
            assert counted.last_at == now
            attempts = counted

    def test_x07_under_a_clock_set_back_still_counts(self) -> None:
        attempts = failing([NOW, NOW - HOUR, NOW - DAY, NOW - 2 * DAY])
        assert (attempts.failures, attempts.consecutive) == (4, 4)
