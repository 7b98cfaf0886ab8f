"""Questions that share a round trip: who goes with whom, and who is told what."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.batches import Batches


class Server:
    """Doubles numbers, once the test lets it; ``batches`` is what it was asked, as it came."""

    def __init__(self) -> None:
        self.batches: list[Sequence[int]] = []
        self.is_open = asyncio.Event()
        self.failure: Exception | None = None

    async def double(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append(numbers)
        await self.is_open.wait()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return [2 * number for number in numbers]


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def batches(server: Server, stopwatch: Stopwatch) -> Batches[int, int]:
    return Batches(server.double, seconds=stopwatch)


def ask(batches: Batches[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(batches.ask(number)) for number in numbers]


async def turns(count: int = 4) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class TestAQuestion:
    async def test_that_comes_alone_waits_for_no_company(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        server.is_open.set()
        assert await batches.ask(1) == 2
        assert await batches.ask(2) == 4
        assert server.batches == [[1], [2]]

    async def test_goes_with_all_that_come_in_the_same_turn(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        server.is_open.set()
        assert await asyncio.gather(*ask(batches, 1, 2, 3)) == [2, 4, 6]
        assert server.batches == [[1, 2, 3]]

    async def test_that_finds_two_batches_under_way_shares_the_next(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        told: list[asyncio.Task[int]] = []
        for number in range(6):
            told += ask(batches, number)
            await turns()
        assert server.batches == [[0], [1]]
        server.is_open.set()
        assert await asyncio.gather(*told) == [0, 2, 4, 6, 8, 10]
        assert server.batches == [[0], [1], [2, 3, 4, 5]]

    async def test_x01_in_the_turn_in_which_both_batches_end_is_not_left_waiting(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        """Whoever is counted twice asks again as soon as they are told, and nobody else may come
        for a long time.
        """

        async def twice() -> int:
            return await batches.ask(await batches.ask(1))

        one = asyncio.create_task(twice())
        await turns()
        [other] = ask(batches, 2)
        await turns()
        assert server.batches == [[1], [2]]
        server.is_open.set()
        await turns(20)
        assert one.done()
        assert (await one, await other) == (4, 4)

    async def test_is_one_of_two_hundred_at_most(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        server.is_open.set()
        await asyncio.gather(*ask(batches, *range(450)))
        assert [len(batch) for batch in server.batches] == [200, 200, 50]

    async def test_that_nobody_waits_for_any_more_is_not_asked(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        under_way = ask(batches, 1)
        await turns()
        under_way += ask(batches, 2)
        await turns()
        given_up, kept = ask(batches, 3, 4)
        await turns()
        given_up.cancel()
        server.is_open.set()
        assert await asyncio.gather(*under_way, kept) == [2, 4, 8]
        assert server.batches == [[1], [2], [4]]

    async def test_x05_is_turned_away_when_its_turn_comes_too_late(
        self, server: Server, batches: Batches[int, int], stopwatch: Stopwatch
    ) -> None:
        """Else a server that answers fewer than come would let them wait ever longer."""
        under_way = ask(batches, 1)
        await turns()
        under_way += ask(batches, 2)
        await turns()
        late = ask(batches, 3, 4)
        await turns()
        stopwatch.now = 5.1
        fresh = ask(batches, 5)
        await turns()
        server.is_open.set()
        assert await asyncio.gather(*under_way, *fresh) == [2, 4, 10]
        for told in await asyncio.gather(*late, return_exceptions=True):
            assert isinstance(told, StoreFailed)
        assert server.batches == [[1], [2], [5]]

    async def test_given_up_under_way_takes_nothing_from_the_others(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        given_up, kept = ask(batches, 1, 2)
        await turns()
        given_up.cancel()
        await turns()
        server.is_open.set()
        assert await kept == 4


class TestAFailure:
    async def test_is_told_to_each_as_an_exception_of_its_own(
        self, server: Server, batches: Batches[int, int]
    ) -> None:
        server.failure = StoreFailed("It is gone.")
        server.is_open.set()
        one, two = await asyncio.gather(*ask(batches, 1, 2), return_exceptions=True)
        assert isinstance(one, StoreFailed)
        assert isinstance(two, StoreFailed)
        assert one is not two
        assert (one.remedy, two.remedy) == ("It is gone.", "It is gone.")

    @pytest.mark.parametrize("failure", [StoreFailed("It is gone."), ValueError("a mistake")])
    async def test_is_none_of_those_who_come_next(
        self, server: Server, batches: Batches[int, int], failure: Exception
    ) -> None:
        server.failure = failure
        first, second = ask(batches, 1), []
        await turns()
        second = ask(batches, 2, 3)
        server.is_open.set()
        [told] = await asyncio.gather(*first, return_exceptions=True)
        assert isinstance(told, type(failure))
        assert await asyncio.gather(*second) == [4, 6]
