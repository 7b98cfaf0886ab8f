"""Limits and lockouts on Redis keep every promise, and answer what the dicts answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adapters.redis.conftest import RedisCounters
from tests.servers.fixtures import flush
from watchword.adapters.memory import MemoryStore
from watchword.adapters.redis import Connections, Names, RedisFailed
from watchword.domain.attempts import Attempts, LockoutPolicy
from watchword.domain.errors import Refusal, TooManyAttempts
from watchword.domain.time import DAY, HOUR, MINUTE, Instant, Span
from watchword.ports import Allowance
from watchword.testing import FakeClock
from watchword.testing.conformance import ConformingCounters, CounterConformance
from watchword.testing.conformance.ground import NOW, at_once

POLICY = LockoutPolicy(failures=5, first_lock=15 * MINUTE)
KEY = "account:u-ada"
NAMES = Names()


class TestCountersOnRedis(CounterConformance):
    @pytest.fixture(autouse=True)
    def _on(self, redis_url: str) -> None:
        self.url = redis_url

    async def make_counters(self, folder: Path) -> ConformingCounters:
        return RedisCounters(self.url)


async def lives(connections: Connections, key: str) -> int:
    """For how many ms a key is kept; -1 for ever, -2 if it is not there."""
    left = await connections.command("PTTL", key)
    assert isinstance(left, int)
    return left


class TestHowLongCountsAreKept:
    async def test_a_window_is_forgotten_a_minute_after_its_end(
        self, counters: RedisCounters
    ) -> None:
        await counters.limits.hit("k", Allowance(3, HOUR), now=NOW, share="ada")
        left = await lives(counters.connections, NAMES.limit("k"))
        assert HOUR < left <= HOUR + MINUTE

    async def test_a_later_hit_makes_it_no_longer(self, counters: RedisCounters) -> None:
        await counters.limits.hit("k", Allowance(3, HOUR), now=NOW)
        await counters.limits.hit("k", Allowance(3, HOUR), now=NOW + HOUR - MINUTE)
        assert await lives(counters.connections, NAMES.limit("k")) <= 2 * MINUTE

    @pytest.mark.parametrize("now", [1, NOW + 10_000 * DAY])
    async def test_b04_a_node_whose_clock_is_wrong_counts_all_the_same(
        self, counters: RedisCounters, now: Instant
    ) -> None:
        for remaining in (2, 1, 0):
            tally = await counters.limits.hit("k", Allowance(3, HOUR), now=now)
            assert tally.remaining == remaining
        for failures in (1, 2):
            attempts = await counters.lockouts.begin("address:0", POLICY, now=now)
            assert attempts.failures == failures

    async def test_an_account_keeps_its_count_as_long_as_it_lives(
        self, counters: RedisCounters
    ) -> None:
        for key in (KEY, f"{KEY}:device:1"):
            await counters.lockouts.begin(key, POLICY, now=NOW)
        assert await lives(counters.connections, NAMES.lockouts(KEY)) == -1
        await counters.lockouts.forget(KEY)
        assert await lives(counters.connections, NAMES.lockouts(KEY)) == -2

    async def test_an_address_without_an_account_is_forgotten_after_a_day(
        self, counters: RedisCounters
    ) -> None:
        await counters.lockouts.begin("address:0", POLICY, now=NOW)
        assert DAY < await lives(counters.connections, NAMES.lockouts("address:0")) <= DAY + MINUTE

    async def test_no_lock_is_forgotten_before_it_ends(self, counters: RedisCounters) -> None:
        policy = LockoutPolicy(failures=1, first_lock=3 * DAY)
        await counters.lockouts.begin("address:0", policy, now=NOW)
        assert await lives(counters.connections, NAMES.lockouts("address:0")) > 3 * DAY

    async def test_nothing_is_left_of_who_has_succeeded(self, counters: RedisCounters) -> None:
        await counters.lockouts.begin(KEY, POLICY, now=NOW)
        await counters.lockouts.succeed(KEY)
        assert await counters.connections.command("DBSIZE") == 0


class TestManyNodesAtOnce:
    @pytest.fixture
    async def nodes(self, url: str) -> AsyncIterator[list[RedisCounters]]:
        async with AsyncExitStack() as stack:
            nodes = [RedisCounters(url) for _ in range(3)]
            for node in nodes:
                stack.push_async_callback(node.close)
            yield nodes

    async def test_b04_of_fifty_attempts_on_each_five_are_made_in_all(
        self, nodes: list[RedisCounters]
    ) -> None:
        begun, refused = await at_once(
            *(node.lockouts.begin(KEY, POLICY, now=NOW) for _ in range(50) for node in nodes)
        )
        assert sorted(one.consecutive for one in begun) == [1, 2, 3, 4, 5]
        assert {type(error) for error in refused} == {TooManyAttempts}

    async def test_b04_no_failure_is_lost_however_many_there_are(
        self, nodes: list[RedisCounters]
    ) -> None:
        policy = LockoutPolicy(failures=99, first_lock=HOUR)
        begun, refused = await at_once(
            *(node.lockouts.begin(KEY, policy, now=NOW) for _ in range(30) for node in nodes)
        )
        assert refused == []
        assert sorted(one.consecutive for one in begun) == list(range(1, 91))

    async def test_attempts_and_those_that_are_taken_back_add_up(
        self, nodes: list[RedisCounters]
    ) -> None:
        policy = LockoutPolicy(failures=99, first_lock=HOUR)

        async def turned_away(node: RedisCounters) -> None:
            await node.lockouts.begin(KEY, policy, now=NOW)
            await node.lockouts.take_back(KEY, policy)

        _, refused = await at_once(*(turned_away(node) for _ in range(20) for node in nodes))
        assert refused == []
        assert (await nodes[0].lockouts.begin(KEY, policy, now=NOW)).failures == 1

    async def test_b08_hits_of_shares_add_up(self, nodes: list[RedisCounters]) -> None:
        allowance = Allowance(1_000, HOUR)
        await asyncio.gather(
            *(
                node.limits.hit("k", allowance, now=NOW, share=share)
                for _ in range(50)
                for node in nodes
                for share in ("ada", "bob")
            )
        )
        await asyncio.gather(*(node.limits.forgive("k", "ada") for node in nodes))
        assert (await nodes[0].limits.peek("k", allowance, now=NOW)).remaining == 850


class TestForeignWriting:
    @pytest.mark.parametrize("text", ["1 2 3", "1 2 3 4 five", "1 2 3 4 5 6", "\x00"])
    async def test_a_count_that_is_none_of_ours_lets_nobody_in(
        self, counters: RedisCounters, text: str
    ) -> None:
        await counters.connections.command("HSET", NAMES.lockouts(KEY), KEY, text)
        with pytest.raises(RedisFailed):
            await counters.lockouts.begin(KEY, POLICY, now=NOW)

    async def test_a_key_of_another_kind_lets_nobody_in(self, counters: RedisCounters) -> None:
        await counters.connections.command("SET", NAMES.lockouts(KEY), "1")
        await counters.connections.command("SET", NAMES.limit("k"), "1")
        with pytest.raises(RedisFailed):
            await counters.lockouts.begin(KEY, POLICY, now=NOW)
        for verb in (counters.limits.hit, counters.limits.peek):
            with pytest.raises(RedisFailed):
                await verb("k", Allowance(3, HOUR), now=NOW)


Verb = Callable[[ConformingCounters, Instant], Awaitable[object]]
Step = tuple[str, Span, Verb]
ALLOWANCE, SHORT = Allowance(3, 20 * MINUTE), LockoutPolicy(2, 10 * MINUTE)
PAUSES = st.sampled_from([0, 0, 0, 0, 1, MINUTE, 10 * MINUTE, 20 * MINUTE, -MINUTE, HOUR, DAY])
# Few, so that a history comes back to them; the odd ones are other keys, if they are mixed up.
LIMITED = st.sampled_from(["k", "k", "k", "{k}", "}"])
SHARES = st.sampled_from(["ada", "ada", "bob", "hits"])
LOCKED = st.sampled_from([KEY, KEY, f"{KEY}:device:1", "account:u-a", "address:0"])


def hit(key: str, share: str | None) -> Verb:
    return lambda c, now: c.limits.hit(key, ALLOWANCE, now=now, share=share)


def peek(key: str) -> Verb:
    return lambda c, now: c.limits.peek(key, ALLOWANCE, now=now)


STEPS = st.one_of(
    st.builds(lambda k, s: (f"hit {k} {s}", hit(k, s)), LIMITED, st.none() | SHARES),
    st.builds(lambda k: (f"peek {k}", peek(k)), LIMITED),
    st.builds(
        lambda k, s: (f"forgive {k} {s}", lambda c, _: c.limits.forgive(k, s)), LIMITED, SHARES
    ),
    st.builds(
        lambda k, s: (f"take back {k} {s}", lambda c, _: c.limits.take_back(k, s)), LIMITED, SHARES
    ),
    st.builds(lambda k: (f"begin {k}", lambda c, now: c.lockouts.begin(k, SHORT, now=now)), LOCKED),
    st.builds(lambda k: (f"undo {k}", lambda c, _: c.lockouts.take_back(k, SHORT)), LOCKED),
    st.builds(lambda k: (f"succeed {k}", lambda c, _: c.lockouts.succeed(k)), LOCKED),
    st.builds(lambda k: (f"forget {k}", lambda c, _: c.lockouts.forget(k)), LOCKED),
)
HISTORIES = st.lists(st.tuples(PAUSES, STEPS), min_size=30, max_size=60)


async def outcome(work: Awaitable[object]) -> object:
    try:
        return await work
    except Refusal as refusal:
        return type(refusal), vars(refusal).get("retry_after")


class TestAgreement:
    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=HISTORIES)
    async def test_redis_answers_what_memory_answers(
        self, redis_url: str, history: list[tuple[Span, tuple[str, Verb]]]
    ) -> None:
        await flush(redis_url)
        counters, model, now = RedisCounters(redis_url), MemoryStore(clock=FakeClock()), NOW
        try:
            for pause, (name, verb) in history:
                now += pause
                expected = await outcome(verb(model, now))
                assert await outcome(verb(counters, now)) == expected, name
        finally:
            await counters.close()

    async def test_a_count_is_read_as_it_was_written(self, counters: RedisCounters) -> None:
        first = await counters.lockouts.begin(KEY, POLICY, now=NOW)
        again = await counters.lockouts.begin(KEY, POLICY, now=NOW + 1)
        assert (first, again) == (Attempts(1, 0, 1, 0, NOW), Attempts(2, 0, 2, 0, NOW + 1))
