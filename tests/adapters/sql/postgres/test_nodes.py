"""Who has to be waited for, and for how long, on a clock of the test."""

import asyncio

import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch
from watchword.adapters.sql.postgres.nodes import Confirmations, Node

BOUND = 1.0  # seconds
B, C = Node("b", BOUND, is_leaving=False), Node("c", BOUND, is_leaving=False)


class Calls:
    """Stands for the connection that would call out."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def confirmations(stopwatch: Stopwatch, calls: Calls) -> Confirmations:
    return Confirmations(BOUND, monotonic=stopwatch, call=calls)


async def begun(confirmations: Confirmations) -> asyncio.Task[None]:
    """Somebody waits, and what they wait for is about to be asked."""
    task = asyncio.create_task(confirmations.complete())
    await turns()
    return task


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TestWhoWaits:
    async def test_s15_waits_for_each_that_is_found_after_the_commit(
        self, confirmations: Confirmations
    ) -> None:
        task = await begun(confirmations)
        confirmations.look([B, C], asked=confirmations.question)
        for name in ("b", "c"):
            await turns()
            assert not task.done()
            confirmations.hear(name, 1)
        await task
        assert confirmations.question is None

    async def test_waits_for_nobody_where_nobody_is(self, confirmations: Confirmations) -> None:
        task = await begun(confirmations)
        confirmations.look([], asked=confirmations.question)
        await task

    async def test_s15_does_not_take_an_older_look_for_the_answer(
        self, confirmations: Confirmations
    ) -> None:
        """Somebody may have come between that look and the commit."""
        confirmations.look([], asked=None)
        task = await begun(confirmations)
        confirmations.look([], asked=None)
        await turns()
        assert not task.done()
        confirmations.look([B], asked=1)
        await turns()
        assert not task.done()
        confirmations.hear("b", 1)
        await task

    async def test_s15_does_not_take_an_older_answer_for_a_newer_one(
        self, confirmations: Confirmations
    ) -> None:
        first = await begun(confirmations)
        confirmations.look([B], asked=1)
        second = await begun(confirmations)
        confirmations.look([B], asked=2)
        confirmations.hear("b", 1)
        await first
        await turns()
        assert not second.done()
        confirmations.hear("b", 2)
        confirmations.hear("b", 1)
        await second

    async def test_asks_once_for_all_who_wait(self, confirmations: Confirmations) -> None:
        tasks = [await begun(confirmations) for _ in range(3)]
        assert confirmations.question == 3
        confirmations.look([B], asked=3)
        confirmations.hear("b", 3)
        await asyncio.gather(*tasks)

    async def test_does_not_wait_for_who_has_left_in_peace(
        self, confirmations: Confirmations
    ) -> None:
        task = await begun(confirmations)
        confirmations.look([B, C], asked=1)
        confirmations.hear("b", 1)
        confirmations.look([B], asked=1)
        await task

    async def test_that_gives_up_is_not_asked_for_any_more(
        self, confirmations: Confirmations
    ) -> None:
        task = await begun(confirmations)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert confirmations.question is None


class TestSilence:
    @pytest.mark.parametrize("nodes", [None, [B]])
    async def test_s15_is_waited_out_to_the_end_of_the_lease_and_no_longer(
        self,
        confirmations: Confirmations,
        stopwatch: Stopwatch,
        nodes: list[Node] | None,
    ) -> None:
        """Of a node, and of the table itself, when it cannot be read."""
        task = await begun(confirmations)
        if nodes is not None:
            confirmations.look(nodes, asked=1)
        stopwatch.now += BOUND
        confirmations.hear("nobody", 1)
        await turns()
        assert not task.done()
        stopwatch.now += BOUND / 50
        confirmations.hear("nobody", 1)
        await task

    async def test_s15_of_one_with_a_longer_lease_is_waited_out_as_well(
        self, confirmations: Confirmations, stopwatch: Stopwatch
    ) -> None:
        confirmations.look([Node("slow", 3 * BOUND, is_leaving=False)], asked=None)
        task = await begun(confirmations)
        stopwatch.now += 3 * BOUND
        confirmations.hear("nobody", 1)
        await turns()
        assert not task.done()
        stopwatch.now += BOUND / 10
        confirmations.hear("nobody", 1)
        await task

    async def test_marks_a_node_and_strikes_it_out_a_lease_later(
        self, confirmations: Confirmations, stopwatch: Stopwatch, calls: Calls
    ) -> None:
        task = await begun(confirmations)
        confirmations.look([B, C], asked=1)
        confirmations.hear("c", 1)
        stopwatch.now += 1.02 * BOUND
        confirmations.hear("c", 1)
        await task
        assert confirmations.to_strike() == (["b"], [])
        assert calls.count == 2
        marked = [Node("b", BOUND, is_leaving=True), C]
        confirmations.look(marked, asked=None)
        stopwatch.now += BOUND
        assert confirmations.to_strike() == ([], [])
        stopwatch.now += BOUND / 50
        assert confirmations.to_strike() == ([], ["b"])
        confirmations.look([C], asked=None)
        assert confirmations.to_strike() == ([], [])

    async def test_s15_of_a_marked_node_is_waited_out_once(
        self, confirmations: Confirmations, stopwatch: Stopwatch
    ) -> None:
        """Whoever comes later does not wait for a whole lease again, for it got no new one."""
        marked = [Node("b", BOUND, is_leaving=True)]
        confirmations.look(marked, asked=None)
        stopwatch.now += 0.7 * BOUND
        task = await begun(confirmations)
        confirmations.look(marked, asked=1)
        stopwatch.now += 0.3 * BOUND
        confirmations.look(marked, asked=1)
        await turns()
        assert not task.done()
        stopwatch.now += BOUND / 50
        confirmations.look(marked, asked=1)
        await task
