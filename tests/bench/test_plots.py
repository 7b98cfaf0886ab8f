"""A plot shows every figure it is given, and nothing that was not measured."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest

from bench.figures import Figure, Series, Target
from bench.plots import bars, curve, lines, make_plots

SVG = "{http://www.w3.org/2000/svg}"
RATIO = Figure(name="ratio", title="ours / <theirs>", unit="", target=Target("≥", 0.8), digits=2)


def ratio(*samples: float, job: str = "protected") -> Series:
    return Series(job, RATIO, list(samples))


def at(line: str, place: int, value: float, job: str = "scale") -> Series:
    figure = Figure(name=f"{line}_{place}", title=line, unit="ms", line=line, at=place)
    return Series(job, figure, [value])


def texts(svg: str) -> list[str]:
    return [one.text or "" for one in ET.fromstring(svg).iter(f"{SVG}text")]


def points(svg: str) -> list[list[tuple[float, float]]]:
    found = ET.fromstring(svg).iter(f"{SVG}polyline")
    return [
        [
            (float(x), float(y))
            for x, y in (pair.split(",") for pair in one.attrib["points"].split())
        ]
        for one in found
    ]


def widths(svg: str) -> list[float]:
    found = ET.fromstring(svg).iter(f"{SVG}rect")
    return [float(one.attrib["width"]) for one in found if "x" in one.attrib]


class TestBars:
    def test_are_as_long_as_the_medians_from_zero(self) -> None:
        half, whole = widths(bars("Ratios", [ratio(0.5, 0.4, 0.6), ratio(1.0)]))
        assert half * 2 == pytest.approx(whole, abs=0.2)

    def test_say_what_they_are_and_how_much(self) -> None:
        shown = texts(bars("Ratios", [ratio(0.5, 0.4, 0.6, job="postgres-protected")]))
        assert "PostgreSQL: ours / <theirs>" in shown
        assert "0.50" in shown

    def test_reach_from_the_least_to_the_most(self) -> None:
        svg = bars("Ratios", [ratio(0.5, 0.25, 1.0)])
        whisker = next(ET.fromstring(svg).iter(f"{SVG}line")).attrib
        bar = widths(svg)[0]
        assert float(whisker["x2"]) - float(whisker["x1"]) == pytest.approx(1.5 * bar, abs=0.3)

    def test_that_miss_have_another_colour(self) -> None:
        met, missed = bars("Ratios", [ratio(0.9)]), bars("Ratios", [ratio(0.7)])
        assert "#c53030" in missed
        assert "#c53030" not in met


class TestACurve:
    def test_rises_to_all_of_them(self) -> None:
        (steps,) = points(curve("Latency", [3.0, 1.0, 2.0, 200.0]))
        assert len(steps) == 4
        assert [x for x, _ in steps] == sorted(x for x, _ in steps)
        assert [y for _, y in steps] == sorted((y for _, y in steps), reverse=True)
        assert steps[-1][1] == 40.0  # the top

    @pytest.mark.parametrize("values", [[1.0], [5.0, 5.0], [0.0, 1.0]])
    def test_is_drawn_of_whatever_was_measured(self, values: Sequence[float]) -> None:
        (steps,) = points(curve("Latency", values))
        assert len(steps) == len(values)


class TestLines:
    def test_are_drawn_in_the_order_of_their_places(self) -> None:
        series = [at("refresh", 1_000_000, 2.0), at("refresh", 10_000, 1.0)]
        (steps,) = points(lines("Scale", series))
        assert steps[0][0] < steps[1][0]
        assert steps[0][1] > steps[1][1]  # what takes longer is higher up

    def test_are_named_and_their_places_written(self) -> None:
        shown = texts(lines("Scale", [at("refresh", 10_000, 1.0), at("revoke", 1_000_000, 2.0)]))
        assert {"— refresh", "— revoke", "10,000", "1,000,000"} <= set(shown)

    def test_that_are_flat_are_level(self) -> None:
        series = [at("refresh", size, 3.0) for size in (10_000, 1_000_000, 10_000_000)]
        (steps,) = points(lines("Scale", series))
        assert len({y for _, y in steps}) == 1

    def test_a_tenfold_is_the_same_distance_everywhere(self) -> None:
        series = [at("refresh", size, 3.0) for size in (10_000, 100_000, 1_000_000)]
        (steps,) = points(lines("Scale", series))
        (first, _), (second, _), (third, _) = steps
        assert second - first == pytest.approx(third - second, abs=0.2)


class TestARun:
    def test_draws_what_it_has_figures_for(self) -> None:
        series = [ratio(0.9), at("refresh", 10_000, 1.0), at("refresh", 1, 1.0, job="nodes")]
        plots = list(make_plots(series, {"postgres-revocation": [1.0, 2.0]}))
        files = [plot.file for plot in plots]
        assert files == ["ratios.svg", "postgres-revocation.svg", "scale.svg", "nodes.svg"]
        for plot in plots:
            assert plot.title in texts(plot.svg)

    def test_without_figures_draws_nothing(self) -> None:
        plain = Series("start", Figure(name="warm", title="start", unit="s"), [0.4])
        assert list(make_plots([plain], {})) == []
        assert list(make_plots([plain], {"postgres-revocation": []})) == []

    def test_draws_the_same_from_the_same(self) -> None:
        first, second = (list(make_plots([ratio(0.9, 0.8)], {})) for _ in range(2))
        assert first == second
