import asyncio

import pytest

from watchword.adapters.memory.store import MemoryStore
from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import RateLimited
from watchword.domain.time import MINUTE
from watchword.ports import Allowance, Count
from watchword.testing import FakeClock
from watchword.web.limiting import Limiter
from watchword.web.policies import Limit

IP = "198.51.100.7"
SIGN_IN = frozenset({Limit.SIGN_IN})
AUTH = frozenset({Limit.AUTH})
BOTH = SIGN_IN | AUTH


class Tally:
    """A `Meter` that remembers."""

    def __init__(self) -> None:
        self.counted: list[tuple[Count, str]] = []

    def count(self, what: Count, outcome: str) -> None:
        self.counted.append((what, outcome))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def meter() -> Tally:
    return Tally()


@pytest.fixture
def limiter(clock: FakeClock, meter: Tally) -> Limiter:
    store = MemoryStore(clock=FakeClock())
    auth, sign_in = Allowance(4, 15 * MINUTE), Allowance(2, 10 * MINUTE)
    return Limiter(store.limits, clock, meter, auth, sign_in, None, at_once)


async def at_once() -> None: ...


async def test_only_sign_ins_wait_for_others_and_before_they_are_counted(
    clock: FakeClock, meter: Tally
) -> None:
    store, go_on = MemoryStore(clock=FakeClock()), asyncio.Event()
    one = Allowance(1, 15 * MINUTE)
    limiter = Limiter(store.limits, clock, meter, one, None, None, go_on.wait)
    waiting = asyncio.create_task(limiter.admit(BOTH, IP))
    await asyncio.sleep(0)
    await limiter.admit(AUTH, IP)
    go_on.set()
    with pytest.raises(RateLimited):
        await waiting


async def test_every_request_counts_towards_the_first_limit(
    limiter: Limiter, clock: FakeClock, meter: Tally
) -> None:
    for _ in range(4):
        await limiter.admit(AUTH, IP)
    clock.advance(5 * MINUTE)
    with pytest.raises(RateLimited) as refused:
        await limiter.admit(AUTH, IP)
    assert (refused.value.retry_after, refused.value.allowed) == (10 * MINUTE, 4)
    assert meter.counted == [(Count.LIMITED, "auth")]
    await limiter.admit(AUTH, "198.51.100.8")
    clock.advance(10 * MINUTE)
    await limiter.admit(AUTH, IP)


async def test_looking_at_the_limit_of_sign_ins_counts_nothing(limiter: Limiter) -> None:
    for _ in range(9):
        await limiter.admit(SIGN_IN, IP)
    await limiter.count_sign_in(IP, EmailAddress.parse("a@example.com"))


async def test_b04_an_attempt_above_the_limit_is_refused_when_it_is_counted(
    limiter: Limiter, meter: Tally
) -> None:
    """Two that looked at the same time both saw room; counting lets one of them in."""
    await limiter.count_sign_in(IP, EmailAddress.parse("a@example.com"))
    await limiter.admit(SIGN_IN, IP)
    await limiter.admit(SIGN_IN, IP)
    await limiter.count_sign_in(IP, EmailAddress.parse("b@example.com"))
    with pytest.raises(RateLimited):
        await limiter.count_sign_in(IP, EmailAddress.parse("c@example.com"))
    with pytest.raises(RateLimited):
        await limiter.admit(BOTH, IP)
    assert meter.counted == [(Count.LIMITED, "sign_in")] * 2


async def test_b08_a_success_takes_back_what_was_counted_for_that_account_alone(
    limiter: Limiter,
) -> None:
    await limiter.count_sign_in(IP, EmailAddress.parse("victim@example.com"))
    await limiter.count_sign_in(IP, EmailAddress.parse("own@example.com"))
    await limiter.forgive_sign_ins(IP, EmailAddress.parse("own@example.com"))
    await limiter.forgive_sign_ins(IP, EmailAddress.parse("own@example.com"))
    await limiter.count_sign_in(IP, EmailAddress.parse("victim@example.com"))
    with pytest.raises(RateLimited):
        await limiter.admit(SIGN_IN, IP)


async def test_b03_a_success_forgives_every_spelling_of_its_account(limiter: Limiter) -> None:
    await limiter.count_sign_in(IP, EmailAddress.parse("OWN@example.com"))
    await limiter.count_sign_in(IP, EmailAddress.parse(" own@Example.com."))
    await limiter.forgive_sign_ins(IP, EmailAddress.parse("own@example.com"))
    await limiter.count_sign_in(IP, EmailAddress.parse("own@example.com"))
    await limiter.admit(SIGN_IN, IP)


async def test_b02_a_network_of_a_line_is_one_client(limiter: Limiter) -> None:
    await limiter.count_sign_in("2001:db8::1", EmailAddress.parse("a@example.com"))
    await limiter.count_sign_in("2001:DB8:0:0:ffff::2", EmailAddress.parse("b@example.com"))
    with pytest.raises(RateLimited):
        await limiter.admit(SIGN_IN, "2001:db8::3")
    await limiter.admit(SIGN_IN, "2001:db8:0:1::1")


async def test_a_limit_that_is_off_counts_nothing(clock: FakeClock, meter: Tally) -> None:
    store = MemoryStore(clock=FakeClock())
    limiter = Limiter(store.limits, clock, meter, None, None, None, at_once)
    for _ in range(9):
        await limiter.admit(BOTH, IP)
        await limiter.count_sign_in(IP, EmailAddress.parse("a@example.com"))
    await limiter.forgive_sign_ins(IP, EmailAddress.parse("a@example.com"))
    assert meter.counted == []
