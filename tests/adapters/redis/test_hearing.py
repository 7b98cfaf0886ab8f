"""What a node may believe, without any server: messages, gaps, and time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.adapters.redis.hearing import Hearing
from watchword.adapters.redis.messages import MOST, Message, read_message, write_message
from watchword.ports import Change, Topic

HERE, THERE = "0" * 16, "1" * 16
ADA, BOB = Change(Topic.USER, "u-ada"), Change(Topic.SESSION, "s-bob")
BOUND = 1.0


@dataclass
class Time:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def hearing(time: Time) -> Hearing:
    """One that has heard all of seven messages, and has nothing to tell."""
    hearing = Hearing(HERE, bound=BOUND, monotonic=time)
    hearing.believe(7, since=time.now)
    assert hearing.news() is None
    assert hearing.news() == ()
    return hearing


def message(number: int, *changes: Change, node: str = THERE) -> bytes:
    return f"{number} {write_message(node, changes)}".encode()


class TestBelief:
    def test_before_the_first_beat_nothing_is_believed(self, time: Time) -> None:
        hearing = Hearing(HERE, bound=BOUND, monotonic=time)
        assert [hearing.news() for _ in range(3)] == [None, None, None]

    def test_it_ends_a_bound_after_the_beat_began(self, hearing: Hearing, time: Time) -> None:
        time.now += BOUND - 0.001
        assert hearing.news() == ()
        time.now += 0.001
        assert [hearing.news(), hearing.news()] == [None, None]

    def test_a_late_answer_makes_it_no_longer(self, hearing: Hearing, time: Time) -> None:
        began = time.now
        time.now += 0.9
        hearing.believe(7, since=began)
        time.now = began + BOUND
        assert hearing.news() is None

    def test_who_was_deaf_for_a_while_and_lost_nothing_goes_on(
        self, hearing: Hearing, time: Time
    ) -> None:
        time.now += 5
        assert hearing.news() is None
        hearing.hear(message(8, ADA))
        hearing.believe(8, since=time.now)
        assert hearing.news() == [ADA]
        assert hearing.news() == ()

    def test_a_lost_connection_ends_it_at_once(self, hearing: Hearing, time: Time) -> None:
        hearing.lose()
        assert [hearing.news(), hearing.news()] == [None, None]
        hearing.believe(7, since=time.now)
        assert [hearing.news(), hearing.news()] == [None, ()]


class TestMessages:
    def test_each_change_is_told_once(self, hearing: Hearing) -> None:
        hearing.hear(message(8, ADA, BOB))
        hearing.hear(message(9, ADA))
        assert hearing.news() == [ADA, BOB, ADA]
        assert hearing.news() == ()

    def test_what_this_node_does_it_hears_of_at_once_and_once(self, hearing: Hearing) -> None:
        hearing.apply([ADA])
        assert hearing.news() == [ADA]
        hearing.hear(message(8, ADA, node=HERE))
        hearing.believe(8, since=100.0)
        assert hearing.news() == ()

    @pytest.mark.parametrize("number", [7, 9, 1])
    def test_a_gap_means_that_anything_may_have_changed(
        self, hearing: Hearing, number: int
    ) -> None:
        hearing.hear(message(number, ADA))
        assert [hearing.news(), hearing.news()] == [None, ()]

    def test_a_gap_between_messages_of_its_own_is_one_too(self, hearing: Hearing) -> None:
        hearing.hear(message(9, ADA, node=HERE))
        assert [hearing.news(), hearing.news()] == [None, ()]

    @pytest.mark.parametrize("count", [8, 6, 0])
    def test_a_beat_that_has_counted_otherwise_is_a_gap(self, hearing: Hearing, count: int) -> None:
        hearing.believe(count, since=100.0)
        assert [hearing.news(), hearing.news()] == [None, ()]

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"8",
            b"8 xyz\nuser|u",
            b"-8 " + b"1" * 16,
            b"\xff",
            b"user|u-ada",
            b"08 " + b"1" * 16,
        ],
    )
    def test_what_cannot_be_read_may_say_anything(self, hearing: Hearing, text: bytes) -> None:
        hearing.hear(text)
        assert [hearing.news(), hearing.news()] == [None, ()]

    @pytest.mark.parametrize("line", [b"tenant|t-1", b"", b"\xff|\xff"])
    def test_a_change_of_a_kind_that_is_new_here_may_be_anything(
        self, hearing: Hearing, line: bytes
    ) -> None:
        hearing.hear(b"8 " + THERE.encode() + b"\n" + line)
        assert [hearing.news(), hearing.news()] == [None, ()]

    def test_more_changes_than_a_message_holds_are_told_as_everything(
        self, hearing: Hearing
    ) -> None:
        hearing.hear(message(8, *[ADA] * (MOST + 1)))
        assert [hearing.news(), hearing.news()] == [None, ()]

    def test_what_nobody_asks_for_does_not_pile_up(self, hearing: Hearing) -> None:
        for number in range(8, 20):
            hearing.hear(message(number, *[ADA] * MOST))
        assert len(hearing._news) <= 2 * MOST
        assert [hearing.news(), hearing.news()] == [None, ()]

    @given(changes=st.lists(st.builds(Change, st.sampled_from(Topic), st.text("az09-_"))))
    def test_what_is_written_can_be_read(self, changes: Sequence[Change]) -> None:
        assert read_message(message(12, *changes)) == Message(12, THERE, changes or None)


@dataclass
class World:
    """A server with a line of messages to one node, each of which arrives late or, with the
    connection, never; and what the node has a picture of.
    """

    time: Time = field(default_factory=Time)
    count: int = 0
    line: list[tuple[int, bytes | None, float]] = field(default_factory=list)
    unheard_since: float | None = None

    def __post_init__(self) -> None:
        self.hearing = Hearing(HERE, bound=BOUND, monotonic=self.time)

    def publish(self) -> None:
        self.count += 1
        self.line.append((self.count, message(self.count, ADA), 0.0))
        if self.unheard_since is None:
            self.unheard_since = self.time.now

    def beat(self) -> None:
        self.line.append((self.count, None, self.time.now))

    def arrive(self) -> None:
        if self.line:
            count, text, since = self.line.pop(0)
            if text is None:
                self.hearing.believe(count, since=since)
            else:
                self.hearing.hear(text)

    def round(self) -> None:
        self.beat()
        while self.line:
            self.arrive()

    def vanish(self) -> None:
        """The server drops what it owed, and the connection lives on: a proxy's doing."""
        self.line.clear()

    def reconnect(self) -> None:
        self.line.clear()
        self.hearing.lose()

    def flush(self) -> None:
        self.count = 0

    def pass_time(self) -> None:
        self.time.now += 0.3

    def ask(self) -> None:
        news = self.hearing.news()
        if news is None or ADA in news:
            self.unheard_since = None
        elif self.unheard_since is not None:
            assert self.time.now - self.unheard_since < BOUND


VERBS = ["publish", "round", "round", "beat", "arrive", "pass_time", "pass_time", "reconnect"]


class TestTheBound:
    @pytest.mark.parametrize("fault", ["flush", "vanish"])
    @given(data=st.data())
    def test_s15_no_message_is_missed_for_longer_than_it(
        self, fault: str, data: st.DataObject
    ) -> None:
        world = World()
        for verb in data.draw(
            st.lists(st.sampled_from([*VERBS, fault]), min_size=40, max_size=120)
        ):
            getattr(world, verb)()
            world.ask()
