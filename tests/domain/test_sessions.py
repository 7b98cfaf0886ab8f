from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.domain.devices import Origin
from watchword.domain.errors import SessionExpired, SessionRevoked
from watchword.domain.sessions import EndReason, Rotation, Session, Transport, judge_rotation
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND, Instant
from watchword.testing.fakes import START as NOW

GRACE = 10 * SECOND


def session(*, generation: int = 5, before: tuple[Instant, ...] = ()) -> Session:
    """Idle after an hour, at an end after a day."""
    return Session(
        id="s-1",
        user_id="u-1",
        transport=Transport.BODY,
        generation=generation,
        proof=1,
        salt=b"salt",
        rotated_at=NOW,
        rotated_before=before,
        created_at=NOW,
        last_seen_at=NOW,
        idle_ttl=HOUR,
        idle_expires_at=NOW + HOUR,
        expires_at=NOW + DAY,
        authenticated_at=NOW,
        amr=("pwd",),
        origin=Origin("192.0.2.1", "Agent/1.0"),
    )


def judge(
    presented: int, after: int, *, grace: int = GRACE, before: tuple[Instant, ...] = ()
) -> Rotation:
    return judge_rotation(session(before=before), presented, at=NOW + after, grace=grace)


class TestTheGraceRule:
    """RFC 9700 section 4.14.2, with the retry of a lost answer allowed."""

    @pytest.mark.parametrize("after", [-DAY, -1, 0, 1, GRACE, DAY])
    def test_the_current_generation_rotates_whenever_it_comes(self, after: int) -> None:
        assert judge(5, after) is Rotation.CURRENT
        assert judge(5, after, grace=0) is Rotation.CURRENT

    @pytest.mark.parametrize("after", [0, 1, GRACE - 1])
    def test_r03_the_predecessor_is_a_retry_inside_the_grace(self, after: int) -> None:
        assert judge(4, after) is Rotation.REPEATED

    @pytest.mark.parametrize("after", [GRACE, GRACE + 1, DAY])
    def test_r01_the_predecessor_is_a_replay_from_the_end_of_the_grace_on(self, after: int) -> None:
        assert judge(4, after) is Rotation.REUSED

    @pytest.mark.parametrize("presented", [-1, 0, 1, 3])
    @pytest.mark.parametrize("after", [0, GRACE - 1, GRACE])
    def test_r04_anything_older_is_a_replay(self, presented: int, after: int) -> None:
        assert judge(presented, after) is Rotation.REUSED

    @pytest.mark.parametrize("presented", [6, 7, 10**9])
    @pytest.mark.parametrize("after", [-DAY, 0, GRACE, DAY])
    def test_what_is_ahead_of_the_store_is_no_replay(self, presented: int, after: int) -> None:
        """It was given out: whoever has less has lost what came between."""
        assert judge(presented, after) is Rotation.AHEAD

    @pytest.mark.parametrize("after", [-1, 0, 1])
    def test_without_a_grace_an_immediate_repeat_is_a_replay(self, after: int) -> None:
        assert judge(4, after, grace=0) is Rotation.REUSED

    @pytest.mark.parametrize("after", [-1, -SECOND, 1 - GRACE])
    def test_r02_a_request_that_came_before_the_rotation_it_lost_to_is_a_retry(
        self, after: int
    ) -> None:
        """Of two at once, the one that came first may have waited longer for its turn."""
        assert judge(4, after) is Rotation.REPEATED

    @pytest.mark.parametrize("after", [-GRACE, -HOUR])
    def test_x07_a_clock_set_back_does_not_stretch_the_grace(self, after: int) -> None:
        assert judge(4, after) is Rotation.REUSED

    @given(
        presented=st.integers(-3, 12),
        after=st.integers(-2 * GRACE, 2 * GRACE),
        grace=st.integers(0, GRACE),
    )
    def test_nothing_else_is_ever_answered(self, presented: int, after: int, grace: int) -> None:
        verdict = judge(presented, after, grace=grace)
        is_retry = presented == 4 and abs(after) < grace
        was_overtaken = presented == 3 and -grace < after < 0
        assert (verdict is Rotation.CURRENT) == (presented == 5)
        assert (verdict is Rotation.REPEATED) == (is_retry or was_overtaken)
        assert (verdict is Rotation.AHEAD) == (presented > 5)


class TestOneThatWasOvertaken:
    """Presented before its successor was, it waited for its turn while the winner went on."""

    BEFORE = (NOW - 5, NOW - 9, NOW - 14)  # to the generations 4, 3, 2; to 5 it was NOW

    @pytest.mark.parametrize(("presented", "after"), [(3, -1), (2, -6), (1, -10), (0, -15)])
    def test_r02_is_a_retry(self, presented: int, after: int) -> None:
        assert judge(presented, after, before=self.BEFORE) is Rotation.REPEATED

    @pytest.mark.parametrize(("presented", "after"), [(3, 0), (2, -5), (1, -9), (0, -14)])
    def test_r04_from_the_moment_of_its_successor_on_is_a_replay(
        self, presented: int, after: int
    ) -> None:
        assert judge(presented, after, before=self.BEFORE) is Rotation.REUSED

    @pytest.mark.parametrize("presented", [-1, -2])
    def test_by_more_steps_than_are_remembered_is_a_replay(self, presented: int) -> None:
        assert judge(presented, -SECOND, before=self.BEFORE) is Rotation.REUSED

    def test_x07_longer_ago_than_the_grace_is_a_clock_set_back(self) -> None:
        assert judge(3, 1 - GRACE, before=self.BEFORE) is Rotation.REPEATED
        assert judge(3, -GRACE, before=self.BEFORE) is Rotation.REUSED

    def test_without_a_grace_is_a_replay(self) -> None:
        assert judge(3, -1, before=self.BEFORE, grace=0) is Rotation.REUSED


class TestTheEndOfASession:
    def test_s13_idle_time_ends_it_at_its_first_dead_moment(self) -> None:
        session().require_alive(NOW + HOUR - 1)
        assert session().is_alive(NOW + HOUR - 1)
        assert not session().is_alive(NOW + HOUR)
        with pytest.raises(SessionExpired):
            session().require_alive(NOW + HOUR)

    def test_r10_use_does_not_move_the_absolute_end(self) -> None:
        used = session()
        for minute in range(1, 24 * 60):
            used = used.seen_at(NOW + minute * MINUTE)
            used.require_alive(NOW + minute * MINUTE)
        assert used.idle_expires_at > used.expires_at == NOW + DAY
        assert used.is_alive(NOW + DAY - 1)
        assert not used.is_alive(NOW + DAY)
        with pytest.raises(SessionExpired):
            used.require_alive(NOW + DAY)

    @pytest.mark.parametrize("at", [NOW - DAY, NOW, NOW + HOUR, NOW + 2 * DAY])
    def test_ended_it_is_dead_at_every_moment(self, at: Instant) -> None:
        """At moments before its end as well, for a clock may be set back."""
        ended = replace(session(), ended_at=NOW + 1, ended_reason=EndReason.SIGNED_OUT)
        assert not ended.is_alive(at)
        with pytest.raises(SessionRevoked):
            ended.require_alive(at)

    @given(st.lists(st.integers(NOW - DAY, NOW + 2 * DAY), max_size=6), st.integers(0, 3 * DAY))
    def test_no_use_wakes_what_has_ended(self, uses: list[Instant], later: int) -> None:
        ended = replace(session(), ended_at=NOW, ended_reason=EndReason.REVOKED)
        for use in uses:
            ended = ended.seen_at(use)
        assert not ended.is_alive(NOW + later)


class TestUse:
    def test_starts_the_idle_time_again(self) -> None:
        used = session().seen_at(NOW + MINUTE)
        assert (used.last_seen_at, used.idle_expires_at) == (NOW + MINUTE, NOW + MINUTE + HOUR)

    @pytest.mark.parametrize("at", [NOW - HOUR, NOW - 1, NOW])
    def test_x07_never_slides_backward(self, at: Instant) -> None:
        assert session().seen_at(at) == session()

    def test_never_makes_it_end_sooner(self) -> None:
        lasting = replace(session(), idle_expires_at=NOW + DAY)
        assert lasting.seen_at(NOW + MINUTE) == replace(lasting, last_seen_at=NOW + MINUTE)

    def test_leaves_everything_else_as_it_was(self) -> None:
        used = session().seen_at(NOW + MINUTE)
        assert replace(used, last_seen_at=NOW, idle_expires_at=NOW + HOUR) == session()


class TestFreshness:
    """ASVS 7.5.1: what is sensitive needs a recent proof."""

    def test_lasts_for_the_span_and_no_longer(self) -> None:
        assert session().is_fresh(NOW + 5 * MINUTE - 1, 5 * MINUTE)
        assert not session().is_fresh(NOW + 5 * MINUTE, 5 * MINUTE)

    def test_is_not_brought_back_by_use(self) -> None:
        assert not session().seen_at(NOW + 5 * MINUTE).is_fresh(NOW + 5 * MINUTE, 5 * MINUTE)
