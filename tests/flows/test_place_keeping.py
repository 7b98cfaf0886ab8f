import asyncio
from collections.abc import Awaitable, Callable

import pytest

from watchword.domain.places import FetchFailed, FetchRefused, Place
from watchword.domain.time import DAY, HOUR, MINUTE, Instant
from watchword.flows.place_keeping import AGAIN_AFTER, EVERY, SPREAD, PlaceKeeper
from watchword.ports import Fetched
from watchword.testing import FakeClock, SeededRandomness


class Database:
    """Counts how often somebody looked whether it has changed."""

    def __init__(self) -> None:
        self.looks = 0
        self.is_broken = False

    def find(self, ip: str) -> Place | None:
        return None

    async def look(self) -> None:
        self.looks += 1
        if self.is_broken:
            raise RuntimeError


class Source:
    """Answers as the test says, and keeps when it is to be asked again."""

    def __init__(self) -> None:
        self.due: Instant = 0
        self.fetches = 0
        self.answer: Fetched | FetchFailed = Fetched.NEWER
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def due_at(self) -> Instant:
        return self.due

    async def postpone(self, until: Instant) -> None:
        self.due = until

    async def fetch(self) -> Fetched:
        self.fetches += 1
        if self.meanwhile is not None:
            await self.meanwhile()
        if isinstance(self.answer, FetchFailed):
            raise self.answer
        return self.answer


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def fetched(self) -> None:
        self.lines.append("fetched")

    def not_fetched(self, reason: str) -> None:
        self.lines.append(reason)


class NoChance:
    """Every draw is nought, so that nothing is waited for."""

    def bytes(self, count: int) -> bytes:
        return bytes(count)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def keeper(clock: FakeClock, database: Database, source: Source, log: Log) -> PlaceKeeper:
    return PlaceKeeper(database, source, clock, SeededRandomness(), log)


class TestATurn:
    async def test_looks_for_a_new_file_in_any_case(
        self, keeper: PlaceKeeper, database: Database, source: Source, clock: FakeClock
    ) -> None:
        source.due = clock.now() + DAY
        await keeper.turn()
        assert (database.looks, source.fetches) == (1, 0)

    async def test_without_a_source_only_looks(
        self, database: Database, clock: FakeClock, log: Log
    ) -> None:
        await PlaceKeeper(database, None, clock, SeededRandomness(), log).turn()
        assert (database.looks, log.lines) == (1, [])

    async def test_takes_over_what_it_has_fetched(
        self, keeper: PlaceKeeper, database: Database, log: Log
    ) -> None:
        await keeper.turn()
        assert (database.looks, log.lines) == (2, ["fetched"])

    async def test_asks_again_in_a_week_or_a_day_later(
        self, keeper: PlaceKeeper, source: Source, clock: FakeClock, log: Log
    ) -> None:
        source.answer = Fetched.SAME
        await keeper.turn()
        wait = source.due - clock.now()
        assert EVERY < wait < EVERY + SPREAD
        clock.advance(wait - MINUTE)
        await keeper.turn()
        assert source.fetches == 1
        clock.advance(MINUTE)
        await keeper.turn()
        assert (source.fetches, log.lines) == (2, [])

    async def test_asks_at_times_that_chance_spreads(
        self, keeper: PlaceKeeper, source: Source
    ) -> None:
        times = set()
        for _ in range(5):
            source.due = 0
            await keeper.turn()
            times.add(source.due)
        assert len(times) == 5

    @pytest.mark.parametrize("failure", [FetchFailed("Down."), FetchRefused("No such key.")])
    async def test_that_fails_is_told_and_made_up_for_some_hours_later(
        self,
        keeper: PlaceKeeper,
        source: Source,
        clock: FakeClock,
        log: Log,
        failure: FetchFailed,
    ) -> None:
        source.answer = failure
        await keeper.turn()
        assert log.lines == [str(failure)]
        assert AGAIN_AFTER <= source.due - clock.now() < AGAIN_AFTER + HOUR
        await keeper.turn()
        assert source.fetches == 1

    async def test_leaves_it_to_the_process_that_is_at_it(
        self, keeper: PlaceKeeper, source: Source, log: Log
    ) -> None:
        source.answer = Fetched.ELSEWHERE
        await keeper.turn()
        assert (source.due, log.lines) == (0, [])

    async def test_x07_does_not_wait_for_a_time_that_a_wrong_clock_wrote(
        self, keeper: PlaceKeeper, source: Source, clock: FakeClock
    ) -> None:
        source.due = clock.now() + 400 * DAY
        await keeper.turn()
        assert source.fetches == 1

    async def test_that_breaks_is_not_the_last(
        self, keeper: PlaceKeeper, database: Database, source: Source, log: Log
    ) -> None:
        database.is_broken = True
        await keeper.turn()
        database.is_broken = False
        await keeper.turn()
        assert (log.lines, source.fetches) == (["RuntimeError", "fetched"], 1)


class TestTheKeeper:
    async def test_ends_at_once_while_it_waits(self, keeper: PlaceKeeper) -> None:
        stop = asyncio.Event()
        running = asyncio.ensure_future(keeper.run(stop))
        await asyncio.sleep(0)
        stop.set()
        async with asyncio.timeout(10):
            await running

    async def test_ends_in_the_middle_of_a_fetch(
        self, database: Database, source: Source, clock: FakeClock, log: Log
    ) -> None:
        stop, ended = asyncio.Event(), asyncio.Event()

        async def for_ever() -> None:
            stop.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        source.meanwhile = for_ever
        keeper = PlaceKeeper(database, source, clock, NoChance(), log)
        async with asyncio.timeout(10):
            await keeper.run(stop)
        assert ended.is_set()
        assert log.lines == []
