"""Several sources, asked in turn: one that fails is told of, and keeps nobody out."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.adapters.breaches.server import digest_of
from tests.adapters.breaches.server import range_server as serving
from watchword.adapters.breaches import BreachSources, Source, Unanswered
from watchword.adapters.breaches.range_api import RangeApi
from watchword.ports import Breaches, Count

PASSWORD = "a phrase in nobody's list"
BREACHED = "é a phrase that was stolen"


@dataclass
class Told:
    """What the meter and the log were given."""

    counts: list[tuple[Count, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def count(self, what: Count, outcome: str) -> None:
        self.counts.append((what, outcome))

    def failed(self, name: str, reason: str) -> None:
        self.failures.append((name, reason))

    def asking(self, **sources: Callable[[], Source]) -> BreachSources:
        return BreachSources(sources, meter=self, failed=self.failed)


@dataclass
class Listed:
    """A source of a few passwords, or one that only fails."""

    passwords: tuple[str, ...] = ()
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)
    closed: int = 0

    async def holds(self, digest: str) -> bool:
        self.asked.append(digest)
        if self.failure is not None:
            raise self.failure
        return digest in {digest_of(password) for password in self.passwords}

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def told() -> Told:
    return Told()


class TestOneSource:
    async def test_is_given_the_sha1_of_the_utf8_text(self, told: Told) -> None:
        source = Listed((BREACHED,))
        port: Breaches = told.asking(one=lambda: source)
        assert await port.contains(BREACHED)
        assert source.asked == [digest_of(BREACHED)]

    @pytest.mark.parametrize(("password", "outcome"), [(BREACHED, "breached"), (PASSWORD, "clean")])
    async def test_s_answer_is_counted(self, password: str, outcome: str, told: Told) -> None:
        breaches = told.asking(one=lambda: Listed((BREACHED,)))
        assert await breaches.contains(password) is (outcome == "breached")
        assert told.counts == [(Count.BREACH_CHECKS, outcome)]
        assert told.failures == []

    @pytest.mark.parametrize(
        ("failure", "reason"),
        [
            (Unanswered("In our words."), "In our words."),
            (TimeoutError(), "TimeoutError"),
            (OSError("https://breaches.example.com/range/12345"), "OSError"),
            (ZeroDivisionError("a bug"), "ZeroDivisionError"),
        ],
    )
    async def test_that_fails_is_no_obstacle_but_is_told_of(
        self, failure: Exception, reason: str, told: Told
    ) -> None:
        breaches = told.asking(one=lambda: Listed((BREACHED,), failure))
        assert not await breaches.contains(BREACHED)
        assert told.counts == [(Count.BREACH_CHECKS, "unanswered")]
        assert told.failures == [("one", reason)]

    async def test_that_does_not_open_is_no_obstacle_and_is_tried_again(self, told: Told) -> None:
        sources: list[Listed] = []
        breaches = told.asking(one=sources.pop)
        assert not await breaches.contains(BREACHED)
        assert told.failures == [("one", "IndexError")]
        sources.append(Listed((BREACHED,)))
        assert await breaches.contains(BREACHED)

    async def test_is_opened_at_the_first_question_and_once(self, told: Told) -> None:
        opened: list[Listed] = []

        def door() -> Listed:
            opened.append(Listed())
            return opened[-1]

        breaches = told.asking(one=door)
        assert opened == []
        await breaches.contains(PASSWORD)
        await breaches.contains(BREACHED)
        assert len(opened) == 1
        await breaches.close()
        assert opened[0].closed == 1


class TestSeveral:
    async def test_are_asked_in_their_order_until_one_knows(self, told: Told) -> None:
        first, second = Listed((BREACHED,)), Listed()
        breaches = told.asking(first=lambda: first, second=lambda: second)
        assert await breaches.contains(BREACHED)
        assert second.asked == []
        assert not await breaches.contains(PASSWORD)
        assert second.asked == [digest_of(PASSWORD)]

    async def test_make_up_for_one_that_fails(self, told: Told) -> None:
        breaches = told.asking(
            first=lambda: Listed(failure=OSError()), second=lambda: Listed((BREACHED,))
        )
        assert await breaches.contains(BREACHED)
        assert not await breaches.contains(PASSWORD)
        assert told.counts == [
            (Count.BREACH_CHECKS, "breached"),
            (Count.BREACH_CHECKS, "unanswered"),
        ]


class TestNone:
    async def test_knows_nothing_and_counts_nothing(self, told: Told) -> None:
        breaches = told.asking()
        assert not await breaches.contains(BREACHED)
        assert told.counts == []
        await breaches.close()


async def test_a_silent_server_costs_a_moment_and_nothing_of_the_password_is_told(
    told: Told,
) -> None:
    async with serving(lambda _: None) as server:
        breaches = told.asking(url=lambda: RangeApi(server.url, patience=50))
        assert not await breaches.contains(BREACHED)
        await breaches.close()
    assert told.failures == [("url", "TimeoutError")]
