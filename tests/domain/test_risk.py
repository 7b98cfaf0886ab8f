"""What is unusual about a sign-in, by rules that know no database and no clock."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.lives import EACH, LIVES, NOW, THEFTS, Pair, all_pairs
from watchword.domain.places import Anonymiser, Coordinates, Place
from watchword.domain.risk import (
    FASTEST,
    SHORTEST,
    Action,
    Judgement,
    RiskPolicy,
    Sighting,
    Signal,
    distance,
    is_impossible,
    is_new_country,
    signals_of_place,
)
from watchword.domain.time import DAY, HOUR, MINUTE

DOCUMENT = Path(__file__).parents[2] / "docs" / "risk.md"
BERLIN, PARIS = Coordinates(52.52, 13.405), Coordinates(48.8566, 2.3522)
SYDNEY = Coordinates(-33.8688, 151.2093)
HERE = Place(country_code="DE", coordinates=BERLIN)
THERE = Place(country_code="AU", coordinates=SYDNEY)
PUBLIC = "216.160.83.56"

anywhere = st.builds(
    Coordinates,
    st.floats(-90, 90, allow_nan=False),
    st.floats(-180, 180, allow_nan=False),
    st.none() | st.integers(1, 1_000),
)


def to_the_north(km: float, radius: int | None = None) -> Coordinates:
    """Of the point where the equator and the first meridian meet."""
    return Coordinates(km / distance(Coordinates(0, 0), Coordinates(1, 0)), 0.0, radius)


def was_impossible(far: float, elapsed: int, radius: int | None = None) -> bool:
    start = Place(coordinates=Coordinates(0.0, 0.0))
    end = Place(coordinates=to_the_north(far, radius))
    return is_impossible(Sighting(start, NOW), Sighting(end, NOW + elapsed))


class TestADistance:
    @pytest.mark.parametrize(
        ("one", "other", "km"),
        [
            (BERLIN, PARIS, 878),
            (BERLIN, SYDNEY, 16_093),
            (Coordinates(0, 179.5), Coordinates(0, -179.5), 111),
            (Coordinates(90, 0), Coordinates(-90, 0), 20_015),
            (BERLIN, BERLIN, 0),
        ],
    )
    def test_is_that_of_the_atlas(self, one: Coordinates, other: Coordinates, km: int) -> None:
        assert distance(one, other) == pytest.approx(km, rel=0.006, abs=1)

    @given(anywhere, anywhere)
    def test_is_the_same_both_ways_and_within_the_earth(
        self, one: Coordinates, other: Coordinates
    ) -> None:
        assert distance(one, other) == pytest.approx(distance(other, one))
        assert 0 <= distance(one, other) <= 20_016


class TestTravel:
    def test_is_impossible_faster_than_an_aeroplane_and_not_as_fast(self) -> None:
        assert was_impossible(3 * FASTEST + 1, 3 * HOUR)
        assert not was_impossible(3 * FASTEST - 1, 3 * HOUR)

    def test_takes_both_radii_off_the_distance(self) -> None:
        assert was_impossible(1_500, HOUR)
        assert was_impossible(1_500, HOUR, radius=490)
        assert not was_impossible(1_500, HOUR, radius=510)
        start = Place(coordinates=Coordinates(0.0, 0.0, 300))
        end = Place(coordinates=to_the_north(1_500, 300))
        assert not is_impossible(Sighting(start, NOW), Sighting(end, NOW + HOUR))

    def test_of_a_short_way_is_never_impossible(self) -> None:
        assert not was_impossible(SHORTEST - 1, 0)
        assert was_impossible(SHORTEST + 1, 0)

    def test_back_in_time_says_nothing(self) -> None:
        assert not was_impossible(15_000, -1)

    @pytest.mark.parametrize("place", [None, Place(country_code="US")])
    def test_without_coordinates_says_nothing(self, place: Place | None) -> None:
        known, unknown = Sighting(HERE, NOW), Sighting(place, NOW)
        assert not is_impossible(known, unknown)
        assert not is_impossible(unknown, known)

    @given(anywhere, anywhere, st.integers(21 * HOUR, DAY * 30))
    def test_of_a_day_leads_anywhere(self, one: Coordinates, other: Coordinates, span: int) -> None:
        before, after = Place(coordinates=one), Place(coordinates=other)
        assert not is_impossible(Sighting(before, NOW), Sighting(after, NOW + span))


def told(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if is_impossible(pair.earlier, pair.later)]


class TestTheLabelledSet:
    """Two kinds of seven are thefts. What is missed is near, or hours later."""

    def test_is_of_several_thousand_pairs_of_each_kind_as_many(self) -> None:
        pairs = all_pairs()
        assert len(pairs) == EACH * (len(LIVES) + len(THEFTS))
        assert sum(pair.is_theft for pair in pairs) == EACH * len(THEFTS)

    def test_is_told_apart_with_the_precision_and_recall_of_the_document(self) -> None:
        pairs = all_pairs()
        named = told(pairs)
        right = sum(pair.is_theft for pair in named)
        precision = right / len(named)
        recall = right / sum(pair.is_theft for pair in pairs)
        assert precision >= 0.95
        assert recall >= 0.95
        assert f"precision {precision:.3f}, recall {recall:.3f}" in DOCUMENT.read_text("utf-8")


class TestACountry:
    def test_is_new_when_all_earlier_ones_were_others(self) -> None:
        france = Place(country_code="FR")
        assert is_new_country(THERE, [HERE, france, None])
        assert not is_new_country(HERE, [THERE, HERE])

    @pytest.mark.parametrize("before", [[], [None], [Place(city="Berlin")]])
    def test_is_not_new_where_nothing_is_known_of_earlier_ones(
        self, before: list[Place | None]
    ) -> None:
        assert not is_new_country(HERE, before)

    def test_that_is_not_known_is_not_new(self) -> None:
        assert not is_new_country(Place(coordinates=BERLIN), [THERE])


class TestTheSignals:
    def test_name_all_that_is_unusual(self) -> None:
        hidden = Place(
            country_code="AU", coordinates=SYDNEY, anonymisers=frozenset({Anonymiser.TOR})
        )
        found = signals_of_place(Sighting(hidden, NOW + MINUTE), [Sighting(HERE, NOW)])
        assert found == [Signal.NEW_COUNTRY, Signal.TRAVEL, Signal.ANONYMISER]

    def test_compare_with_every_earlier_session(self) -> None:
        before = [Sighting(None, NOW), Sighting(HERE, NOW), Sighting(THERE, NOW - DAY)]
        assert signals_of_place(Sighting(THERE, NOW + MINUTE), before) == [Signal.TRAVEL]

    def test_of_a_data_centre_by_itself_are_a_weaker_matter(self) -> None:
        hosting = frozenset({Anonymiser.HOSTING})
        found = signals_of_place(Sighting(Place(anonymisers=hosting), NOW), [])
        assert found == [Signal.HOSTING]
        both = Place(anonymisers=hosting | {Anonymiser.VPN})
        assert signals_of_place(Sighting(both, NOW), []) == [Signal.ANONYMISER]

    def test_are_none_of_an_address_of_which_nothing_is_known(self) -> None:
        assert signals_of_place(Sighting(None, NOW), [Sighting(HERE, NOW)]) == []


class TestAJudgement:
    def test_knows_what_is_to_be_done_about_each_signal(self) -> None:
        policy = RiskPolicy(travel=Action.SECOND_FACTOR, new_country=Action.OFF)
        judged = Judgement.of([Signal.NEW_COUNTRY, Signal.TRAVEL, Signal.ANONYMISER], policy)
        assert judged.that(Action.SECOND_FACTOR) == (Signal.TRAVEL,)
        assert judged.that(Action.NOTICE) == (Signal.ANONYMISER,)
        assert judged.asks
        assert not judged.refuses

    @pytest.mark.parametrize(
        ("anonymiser", "hosting"),
        [
            (Action.OFF, Action.OFF),
            (Action.NOTICE, Action.OFF),
            (Action.SECOND_FACTOR, Action.NOTICE),
            (Action.REFUSE, Action.SECOND_FACTOR),
        ],
    )
    def test_does_one_step_less_about_a_data_centre(
        self, anonymiser: Action, hosting: Action
    ) -> None:
        policy = RiskPolicy(anonymiser=anonymiser)
        assert policy.action_for(Signal.HOSTING) is hosting

    def test_tells_a_country_only_where_nothing_else_refuses(self) -> None:
        policy = RiskPolicy(travel=Action.REFUSE)
        assert Judgement.of([Signal.COUNTRY], policy).is_told
        assert not Judgement.of([Signal.COUNTRY, Signal.TRAVEL], policy).is_told
        assert not Judgement.of([Signal.TRAVEL], policy).is_told


class TestABarredCountry:
    def test_is_one_that_is_blocked(self) -> None:
        policy = RiskPolicy(blocked=frozenset({"AU"}))
        assert policy.bars(PUBLIC, THERE)
        assert not policy.bars(PUBLIC, HERE)

    def test_is_one_that_is_not_among_the_allowed(self) -> None:
        policy = RiskPolicy(allowed=frozenset({"DE"}))
        assert policy.bars(PUBLIC, THERE)
        assert not policy.bars(PUBLIC, HERE)

    @pytest.mark.parametrize("place", [None, Place(coordinates=BERLIN)])
    def test_that_is_not_known_is_not_blocked_and_not_allowed(self, place: Place | None) -> None:
        assert not RiskPolicy(blocked=frozenset({"AU"})).bars(PUBLIC, place)
        assert RiskPolicy(allowed=frozenset({"DE"})).bars(PUBLIC, place)

    @pytest.mark.parametrize(
        "ip",
        [
            *("127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "fe80::1", "::ffff:10.0.0.1"),
            *("100.64.0.0", "100.127.255.255", "::ffff:100.64.0.1"),
        ],
    )
    def test_is_not_that_of_an_address_of_this_network(self, ip: str) -> None:
        assert not RiskPolicy(allowed=frozenset({"DE"})).bars(ip, None)

    @pytest.mark.parametrize(
        "ip", ["::ffff:216.160.83.56", "", "unix", "100.63.255.255", "100.128.0.0"]
    )
    def test_is_that_of_an_address_that_only_looks_like_it(self, ip: str) -> None:
        assert RiskPolicy(allowed=frozenset({"DE"})).bars(ip, None)

    def test_there_is_none_where_none_is_named(self) -> None:
        assert not RiskPolicy().bars(PUBLIC, THERE)
