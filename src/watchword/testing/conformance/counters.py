"""`Limits` and `Lockouts`: counted and judged in one step, whatever else rolls back."""

# ruff: noqa: PLR2004  counts read best as numbers

import pytest

from watchword.domain.attempts import DISABLED_AFTER, Attempts, LockoutPolicy
from watchword.domain.errors import TooManyAttempts
from watchword.domain.time import DAY, HOUR, MINUTE, Instant
from watchword.ports import Allowance, Tally
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingCounters,
    ConformingStore,
    CounterPromises,
    Promises,
    abandon,
    at_once,
)

THREE = Allowance(3, HOUR)
POLICY = LockoutPolicy(failures=5, first_lock=15 * MINUTE)
KEY = "account:u-ada"


class LimitPromises(CounterPromises):
    async def test_hits_are_counted_down_and_then_over(self, counters: ConformingCounters) -> None:
        ends = NOW + HOUR
        assert await counters.limits.hit("k", THREE, now=NOW) == Tally(2, ends, is_over=False)
        assert await counters.limits.hit("k", THREE, now=NOW + 1) == Tally(1, ends, is_over=False)
        assert await counters.limits.hit("k", THREE, now=NOW + 2) == Tally(0, ends, is_over=False)
        assert await counters.limits.hit("k", THREE, now=NOW + 3) == Tally(0, ends, is_over=True)

    async def test_a_window_runs_from_its_first_hit_and_does_not_slide(
        self, counters: ConformingCounters
    ) -> None:
        for _ in range(4):
            await counters.limits.hit("k", THREE, now=NOW)
        last = await counters.limits.hit("k", THREE, now=NOW + HOUR - 1)
        assert (last.is_over, last.resets_at) == (True, NOW + HOUR)
        fresh = await counters.limits.hit("k", THREE, now=NOW + HOUR)
        assert fresh == Tally(2, NOW + 2 * HOUR, is_over=False)

    async def test_each_key_counts_for_itself(self, counters: ConformingCounters) -> None:
        for _ in range(4):
            await counters.limits.hit("k", THREE, now=NOW)
        assert not (await counters.limits.hit("other", THREE, now=NOW)).is_over

    async def test_b04_many_hits_at_once_are_all_counted(
        self, counters: ConformingCounters
    ) -> None:
        returned, raised = await at_once(
            *(counters.limits.hit("k", THREE, now=NOW) for _ in range(100))
        )
        assert raised == []
        assert len([tally for tally in returned if not tally.is_over]) == 3

    async def test_peeking_counts_nothing(self, counters: ConformingCounters) -> None:
        assert not (await counters.limits.peek("k", THREE, now=NOW)).is_over
        for remaining in (2, 1, 0):
            await counters.limits.hit("k", THREE, now=NOW)
            for _ in range(2):
                tally = await counters.limits.peek("k", THREE, now=NOW + 1)
                assert tally == Tally(remaining, NOW + HOUR, is_over=remaining == 0)
        assert (await counters.limits.peek("k", THREE, now=NOW + HOUR)).remaining == 3

    async def test_a_hit_that_is_taken_back_counts_no_more(
        self, counters: ConformingCounters
    ) -> None:
        await counters.limits.hit("k", THREE, now=NOW, share="ada")
        await counters.limits.hit("k", THREE, now=NOW, share="bob")
        await counters.limits.take_back("k", "ada")
        await counters.limits.take_back("k", "ada")
        assert (await counters.limits.hit("k", THREE, now=NOW, share="bob")).remaining == 1

    async def test_b08_forgiving_takes_off_that_share_alone(
        self, counters: ConformingCounters
    ) -> None:
        for share in ("own", "victim", "victim", "own"):
            await counters.limits.hit("k", Allowance(9, HOUR), now=NOW, share=share)
        await counters.limits.forgive("k", "own")
        assert (await counters.limits.peek("k", Allowance(9, HOUR), now=NOW)).remaining == 7
        await counters.limits.forgive("k", "own")
        await counters.limits.forgive("k", "nobody")
        assert (await counters.limits.peek("k", Allowance(9, HOUR), now=NOW)).remaining == 7
        await counters.limits.forgive("k", "victim")
        assert (await counters.limits.peek("k", Allowance(9, HOUR), now=NOW)).remaining == 9

    async def test_b08_what_was_taken_back_is_not_forgiven_as_well(
        self, counters: ConformingCounters
    ) -> None:
        await counters.limits.hit("k", THREE, now=NOW, share="own")
        await counters.limits.hit("k", THREE, now=NOW, share="victim")
        await counters.limits.take_back("k", "own")
        await counters.limits.forgive("k", "own")
        assert (await counters.limits.peek("k", THREE, now=NOW)).remaining == 2

    async def test_b08_a_share_of_an_earlier_window_takes_nothing_off_this_one(
        self, counters: ConformingCounters
    ) -> None:
        for _ in range(3):
            await counters.limits.hit("k", THREE, now=NOW, share="own")
        await counters.limits.hit("k", THREE, now=NOW + HOUR, share="victim")
        await counters.limits.forgive("k", "own")
        assert (await counters.limits.peek("k", THREE, now=NOW + HOUR)).remaining == 2
        await counters.limits.hit("k", THREE, now=NOW + HOUR, share="own")
        await counters.limits.forgive("k", "own")
        assert (await counters.limits.peek("k", THREE, now=NOW + HOUR)).remaining == 2

    async def test_b08_a_share_of_one_key_takes_nothing_off_another(
        self, counters: ConformingCounters
    ) -> None:
        await counters.limits.hit("k", THREE, now=NOW, share="own")
        await counters.limits.hit("other", THREE, now=NOW, share="own")
        await counters.limits.forgive("k", "own")
        assert (await counters.limits.peek("other", THREE, now=NOW)).remaining == 2


async def begin(counters: ConformingCounters, *, now: Instant, key: str = KEY) -> Attempts:
    return await counters.lockouts.begin(key, POLICY, now=now)


async def lock(counters: ConformingCounters, *, now: Instant) -> Instant:
    """Fail until it locks: until when."""
    for _ in range(POLICY.failures - 1):
        await begin(counters, now=now)
    return (await begin(counters, now=now)).locked_until


class LockoutPromises(CounterPromises):
    async def test_an_attempt_is_a_failure_before_it_is_made(
        self, counters: ConformingCounters
    ) -> None:
        assert await begin(counters, now=NOW) == Attempts(1, 0, 1, 0, NOW)
        assert await begin(counters, now=NOW + 1) == Attempts(2, 0, 2, 0, NOW + 1)

    async def test_the_fifth_failure_locks_and_the_sixth_attempt_is_refused(
        self, counters: ConformingCounters
    ) -> None:
        until = await lock(counters, now=NOW)
        assert until == NOW + 15 * MINUTE
        with pytest.raises(TooManyAttempts) as refused:
            await begin(counters, now=NOW + MINUTE)
        assert refused.value.retry_after == 14 * MINUTE
        with pytest.raises(TooManyAttempts):
            await begin(counters, now=until - 1)
        assert (await begin(counters, now=until)).failures == 1

    async def test_b04_of_a_hundred_attempts_at_once_five_are_made(
        self, counters: ConformingCounters
    ) -> None:
        begun, refused = await at_once(*(begin(counters, now=NOW) for _ in range(100)))
        assert len(begun) == 5
        assert {type(error) for error in refused} == {TooManyAttempts}

    async def test_locks_double_up_to_an_hour(self, counters: ConformingCounters) -> None:
        now, spans = NOW, []
        for _ in range(4):
            until = await lock(counters, now=now)
            spans.append((until - now) // MINUTE)
            now = until
        assert spans == [15, 30, 60, 60]

    async def test_an_attempt_that_was_not_made_is_taken_back(
        self, counters: ConformingCounters
    ) -> None:
        for _ in range(3):
            await begin(counters, now=NOW)
        await counters.lockouts.take_back(KEY, POLICY)
        assert await begin(counters, now=NOW) == Attempts(3, 0, 3, 0, NOW)

    async def test_a_lock_by_attempts_that_were_not_made_opens_again(
        self, counters: ConformingCounters
    ) -> None:
        await lock(counters, now=NOW)
        for _ in range(POLICY.failures):
            await counters.lockouts.take_back(KEY, POLICY)
        assert await begin(counters, now=NOW) == Attempts(1, 0, 1, 0, NOW)

    async def test_what_was_never_begun_is_not_taken_back(
        self, counters: ConformingCounters
    ) -> None:
        await counters.lockouts.take_back(KEY, POLICY)
        assert await begin(counters, now=NOW) == Attempts(1, 0, 1, 0, NOW)

    async def test_a_success_forgets_everything(self, counters: ConformingCounters) -> None:
        until = await lock(counters, now=NOW)
        await begin(counters, now=until)
        await counters.lockouts.succeed(KEY)
        assert await begin(counters, now=until) == Attempts(1, 0, 1, 0, until)
        await counters.lockouts.succeed("account:u-nobody")

    async def test_a_key_is_forgotten_with_all_below_it_and_no_other(
        self, counters: ConformingCounters
    ) -> None:
        below = (KEY, f"{KEY}:device:1", f"{KEY}:")
        others = (f"{KEY}2", f"{KEY}x", f"{KEY};", f"{KEY}.:", KEY[:-1], f"z{KEY}")
        for key in (*below, *others):
            await begin(counters, now=NOW, key=key)
        await counters.lockouts.forget(KEY)
        assert {(await begin(counters, now=NOW, key=key)).failures for key in below} == {1}
        assert {(await begin(counters, now=NOW, key=key)).failures for key in others} == {2}

    async def test_each_key_is_locked_for_itself(self, counters: ConformingCounters) -> None:
        await lock(counters, now=NOW)
        assert (await begin(counters, now=NOW, key="account:u-bob")).failures == 1

    async def test_after_a_day_failures_and_locks_are_forgotten_but_not_the_row(
        self, counters: ConformingCounters
    ) -> None:
        await begin(counters, now=await lock(counters, now=NOW))
        again = await begin(counters, now=NOW + 15 * MINUTE + DAY)
        assert (again.failures, again.locks, again.consecutive) == (1, 0, 7)

    async def test_a_hundred_failures_in_a_row_disable_the_password(
        self, counters: ConformingCounters
    ) -> None:
        for attempt in range(DISABLED_AFTER):
            assert not (await begin(counters, now=NOW + attempt * DAY)).password_disabled
        assert (await begin(counters, now=NOW + 101 * DAY)).password_disabled
        assert (await begin(counters, now=NOW + 999 * DAY)).password_disabled
        await counters.lockouts.succeed(KEY)
        assert not (await begin(counters, now=NOW + 999 * DAY)).password_disabled


class CommittedLockoutPromises(Promises):
    """What can be asked only of lockouts that lie beside transactions."""

    async def test_b05_a_failure_counts_although_a_transaction_after_it_rolls_back(
        self, store: ConformingStore
    ) -> None:
        await begin(store, now=NOW)
        with pytest.raises(Abandoned):
            await abandon(store, lambda unit: unit.accounts.find("u-nobody"))
        assert (await begin(store, now=NOW)).failures == 2
