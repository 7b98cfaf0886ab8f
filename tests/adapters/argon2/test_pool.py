import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest

from watchword.adapters.argon2 import HashingPool, cores
from watchword.domain.errors import Busy, WrongPassword

PATIENCE = 600_000  # a deadline that no test reaches unless it moves the loop's clock


class Tally:
    """A `PoolObserver` that counts, and remembers whose thread told it."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.refusals = 0
        self.threads: set[int] = set()

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.threads.add(threading.get_ident())

    def refused(self) -> None:
        self.refusals += 1
        self.threads.add(threading.get_ident())


class Gate:
    """Work that counts its starts, and holds its thread until the gate opens."""

    def __init__(self) -> None:
        self.starts = 0
        self.at_once = 0
        self.most_at_once = 0
        self._open = threading.Event()
        self._counting = threading.Lock()
        self._entered = threading.Semaphore(0)

    def __call__(self) -> str:
        with self._counting:
            self.starts += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self._entered.release()
        self._open.wait()
        with self._counting:
            self.at_once -= 1
        return "done"

    def open(self) -> None:
        self._open.set()

    async def entered(self, times: int = 1) -> None:
        for _ in range(times):
            await asyncio.to_thread(self._entered.acquire)


Make = Callable[..., HashingPool]


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def make(tally: Tally, gate: Gate) -> Iterator[Make]:
    pools: list[HashingPool] = []

    def make(threads: int = 1, queue_limit: int = 4, deadline: int = PATIENCE) -> HashingPool:
        pool = HashingPool(
            threads=threads, queue_limit=queue_limit, deadline=deadline, observer=tally
        )
        pools.append(pool)
        return pool

    yield make
    gate.open()
    for pool in pools:
        pool.close()


@asynccontextmanager
async def occupied(pool: HashingPool, gate: Gate, times: int = 1) -> AsyncIterator[None]:
    """So many threads of the pool are held by the gate; it opens at the end."""
    held = [asyncio.create_task(pool.run(gate)) for _ in range(times)]
    await gate.entered(times)
    async with AsyncExitStack() as stack:
        stack.callback(gate.open)
        yield
    assert await asyncio.gather(*held) == ["done"] * times


async def waiting(pool: HashingPool, work: Callable[[], object]) -> "asyncio.Task[object]":
    task = asyncio.create_task(pool.run(work))
    await asyncio.sleep(0)
    return task


def past(deadline: int) -> None:
    """Move the running loop's clock beyond what was to happen until then."""
    loop = asyncio.get_running_loop()
    now = loop.time() + deadline / 1000 + 1
    loop.time = lambda: now  # type: ignore[method-assign]  # the loop is this test's own


class TestRunning:
    async def test_the_result_comes_back(self, make: Make) -> None:
        assert await make().run(lambda: 6 * 7) == 42

    async def test_what_is_raised_comes_back(self, make: Make) -> None:
        def wrong() -> None:
            raise WrongPassword

        pool = make()
        with pytest.raises(WrongPassword):
            await pool.run(wrong)
        assert await pool.run(lambda: "the thread lives on") == "the thread lives on"

    async def test_no_error_is_too_grave_to_come_back(self, make: Make) -> None:
        class Grave(BaseException):
            pass

        def panic() -> None:
            raise Grave

        pool = make()
        with pytest.raises(Grave):
            await pool.run(panic)
        assert pool.running == 0

    async def test_work_never_runs_on_the_loop_s_thread(self, make: Make) -> None:
        assert await make().run(threading.get_ident) != threading.get_ident()

    async def test_the_loop_goes_on_meanwhile(self, make: Make, gate: Gate) -> None:
        pool = make()
        async with occupied(pool, gate):
            assert await asyncio.to_thread(lambda: "alive") == "alive"
            assert (pool.running, pool.depth) == (1, 0)
        assert (pool.running, pool.depth) == (0, 0)

    async def test_those_who_wait_are_served_in_their_order(self, make: Make, gate: Gate) -> None:
        pool, served = make(), list[int]()
        async with occupied(pool, gate):
            tasks = [await waiting(pool, partial(served.append, n)) for n in range(4)]
            assert pool.depth == 4
        await asyncio.gather(*tasks)
        assert served == [0, 1, 2, 3]

    def test_one_pool_serves_one_loop_after_another(self, make: Make) -> None:
        pool = make()

        async def once() -> str:
            return await pool.run(lambda: "served")

        assert [asyncio.run(once()), asyncio.run(once())] == ["served", "served"]

    @pytest.mark.skipif(sys.platform != "linux", reason="a priority per thread is Linux's own")
    async def test_hashing_lets_the_event_loop_go_first(self, make: Make) -> None:
        def niceness() -> int:
            return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

        ours = niceness()
        assert await make().run(niceness) == max(ours, min(10, 19))
        assert niceness() == ours

    async def test_a_forbidden_priority_is_borne(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forbid(*_: int) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "setpriority", forbid)
        assert await make().run(lambda: "hashed") == "hashed"

    def test_there_is_a_thread_for_each_core(self, tally: Tally) -> None:
        before = threading.active_count()
        pool = HashingPool(queue_limit=1, deadline=PATIENCE, observer=tally)
        try:
            assert threading.active_count() - before == cores() >= 1
        finally:
            pool.close()


class TestRefusing:
    @pytest.mark.parametrize(("threads", "limit"), [(1, 0), (1, 8), (2, 10), (4, 100)])
    async def test_x01_of_500_at_once_only_threads_and_places_run(
        self, make: Make, gate: Gate, tally: Tally, threads: int, limit: int
    ) -> None:
        pool = make(threads, limit)
        tasks = [asyncio.create_task(pool.run(gate)) for _ in range(500)]
        await gate.entered(threads)
        assert gate.starts == threads
        assert (pool.running, pool.depth) == (threads, limit)
        assert sum(task.done() for task in tasks) == 500 - threads - limit
        gate.open()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers.count("done") == gate.starts == threads + limit
        refused = [answer for answer in answers if isinstance(answer, Busy)]
        assert len(refused) == tally.refusals == 500 - threads - limit
        assert gate.most_at_once == threads  # so at most that many hashes hold memory

    async def test_a_full_queue_refuses_before_any_work_and_says_when_to_come_again(
        self, make: Make, gate: Gate
    ) -> None:
        pool, started = make(queue_limit=0), list[str]()
        async with occupied(pool, gate):
            with pytest.raises(Busy) as refusal:
                await pool.run(lambda: started.append("no"))
            assert refusal.value.retry_after == PATIENCE
        assert started == []

    async def test_nobody_is_asked_to_come_again_within_a_second(
        self, make: Make, gate: Gate
    ) -> None:
        pool = make(queue_limit=0)
        async with occupied(pool, gate):
            pool._deadline = 1
            with pytest.raises(Busy) as refusal:
                await pool.run(int)
        assert refusal.value.retry_after == 1_000

    async def test_a_place_is_free_again_when_the_answer_is_out(self, make: Make) -> None:
        pool = make(queue_limit=0)
        for _ in range(50):
            await pool.run(int)

    async def test_past_the_deadline_what_has_not_started_never_will_and_what_has_goes_on(
        self, make: Make, gate: Gate, tally: Tally
    ) -> None:
        pool, started = make(), list[str]()
        async with occupied(pool, gate):
            late = await waiting(pool, lambda: started.append("no"))
            assert pool.depth == 1
            past(PATIENCE)
            with pytest.raises(Busy) as refusal:
                await late
            assert refusal.value.retry_after == PATIENCE
            assert pool.depth == 0
        assert started == []
        assert tally.refusals == 1

    async def test_who_is_cancelled_gives_the_place_back(self, make: Make, gate: Gate) -> None:
        pool, started = make(queue_limit=1), list[str]()
        async with occupied(pool, gate):
            gone = await waiting(pool, lambda: started.append("gone"))
            with pytest.raises(Busy):
                await pool.run(int)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert pool.depth == 0
            stays = await waiting(pool, lambda: started.append("stays"))
        await stays
        assert started == ["stays"]

    async def test_who_is_cancelled_while_it_runs_does_not_stop_the_thread(
        self, make: Make, gate: Gate
    ) -> None:
        pool = make()
        task = asyncio.create_task(pool.run(gate))
        await gate.entered()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.running == 1
        gate.open()
        assert await pool.run(lambda: "next") == "next"

    @pytest.mark.parametrize(("threads", "limit", "deadline"), [(0, 1, 1), (1, -1, 1), (1, 1, 0)])
    def test_a_pool_that_could_do_nothing_is_not_made(
        self, tally: Tally, threads: int, limit: int, deadline: int
    ) -> None:
        with pytest.raises(ValueError, match="needs a thread"):
            HashingPool(threads=threads, queue_limit=limit, deadline=deadline, observer=tally)


class TestClosing:
    async def test_after_close_nothing_runs(self, make: Make, tally: Tally) -> None:
        pool, started = make(), list[str]()
        pool.close()
        with pytest.raises(Busy):
            await pool.run(lambda: started.append("no"))
        assert started == []
        assert tally.refusals == 1

    async def test_what_waits_is_refused_and_what_runs_is_finished(
        self, make: Make, gate: Gate
    ) -> None:
        pool, started = make(), list[str]()
        running = asyncio.create_task(pool.run(gate))
        await gate.entered()
        unlucky = await waiting(pool, lambda: started.append("no"))
        closing = asyncio.create_task(asyncio.to_thread(pool.close))
        with pytest.raises(Busy):
            await unlucky
        gate.open()
        await closing
        assert await running == "done"
        assert started == []

    async def test_its_threads_end(self, make: Make) -> None:
        before = threading.active_count()
        pool = make(threads=3)
        assert threading.active_count() == before + 3
        pool.close()
        pool.close()
        assert threading.active_count() == before

    def test_an_answer_for_a_loop_that_is_gone_is_dropped(self, make: Make, gate: Gate) -> None:
        pool = make()

        async def leave() -> None:
            task = asyncio.create_task(pool.run(gate))
            await gate.entered()
            task.cancel()
            await asyncio.wait([task])

        asyncio.run(leave())
        gate.open()
        assert asyncio.run(pool.run(lambda: "next")) == "next"


class TestObserving:
    async def test_each_start_tells_how_long_it_waited(
        self, make: Make, gate: Gate, tally: Tally
    ) -> None:
        pool = make()
        async with occupied(pool, gate):
            task = await waiting(pool, int)
        await task
        assert len(tally.waits) == 2
        assert all(wait >= 0 for wait in tally.waits)
        assert tally.refusals == 0

    async def test_it_is_told_on_the_loop_s_thread_only(
        self, make: Make, gate: Gate, tally: Tally
    ) -> None:
        pool = make(queue_limit=1)
        async with occupied(pool, gate):
            late = await waiting(pool, int)
            with pytest.raises(Busy):
                await pool.run(int)
            past(PATIENCE)
            answers = await asyncio.gather(late, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Busy]
        assert tally.refusals == 2
        assert tally.threads == {threading.get_ident()}
