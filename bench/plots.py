"""What a run has found, drawn as SVG: plain shapes and text, the same for the same figures.

Invariant: an axis of ratios begins at zero, and one that does not is logarithmic and says so.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

from bench.figures import Series

Point = tuple[float, float]

_WIDTH: Final = 840
_LEFT, _RIGHT, _TOP = 300, 790, 40
_COLOURS: Final = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280", "#4a5568")
_MISSED, _DARK = "#c53030", "#1a202c"
_STYLE: Final = 'font-family="sans-serif" font-size="12" fill="#2d3748"'
_HEIGHT: Final = 260  # of the area of a plot with two axes


@dataclass(frozen=True, slots=True)
class Plot:
    file: str
    title: str
    svg: str


def make_plots(
    series: Sequence[Series], latencies: Mapping[str, Sequence[float]]
) -> Iterable[Plot]:
    """Those for which there are figures."""
    ratios = [one for one in series if one.figure.target and not one.figure.unit and _is_ratio(one)]
    if ratios:
        title = "Ratios: median, least and most, and the target (a black line)"
        yield Plot("ratios.svg", title, bars(title, ratios))
    for job, found in ((job, found) for job, found in latencies.items() if found):
        title = "From the acknowledged revocation to the refusal by another node, in ms"
        yield Plot(f"{job}.svg", title, curve(title, found))
    scaled = [one for one in series if one.figure.line and "scale" in one.job]
    if scaled:
        title = "Time of one request in ms, over the number of sessions"
        yield Plot("scale.svg", title, lines(title, scaled))
    nodes = [one for one in series if one.figure.line and "nodes" in one.job]
    if nodes:
        title = "Requests in a second, over the number of nodes on one machine"
        yield Plot("nodes.svg", title, lines(title, nodes))


def _is_ratio(one: Series) -> bool:
    return "ratio" in one.figure.name


def bars(title: str, series: Sequence[Series]) -> str:
    """One below the other, on an axis from zero."""
    most = max(max(*one.samples, _bound(one), 1.0) for one in series)

    def at(value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * value / most

    parts = []
    for number, one in enumerate(series):
        y, least, highest = _TOP + 10 + number * 24, at(min(one.samples)), at(max(one.samples))
        colour = _MISSED if one.verdict == "MISSED" else _COLOURS[0]
        store = "PostgreSQL: " if one.job.startswith("postgres") else ""
        size = f'width="{at(one.median) - _LEFT:.1f}" height="14"'
        parts += [
            _text((_LEFT - 8, y + 12), f"{store}{one.figure.title}", "end"),
            f'<rect x="{_LEFT}" y="{y}" {size} fill="{colour}" opacity="0.75"/>',
            _line((least, y + 7), (highest, y + 7), _DARK),
            *(_line((end, y + 3), (end, y + 11), _DARK) for end in (least, highest)),
            _line((at(_bound(one)), y - 3), (at(_bound(one)), y + 17), _DARK, width=2),
            _text((_RIGHT + 6, y + 12), f"{one.median:.2f}"),
        ]
    return _page(title, _TOP + 24 * len(series) + 30, parts)


def curve(title: str, values: Sequence[float]) -> str:
    """The share of them that was at most so long."""
    ordered = sorted(values)
    steps = [(value, (number + 1) / len(ordered)) for number, value in enumerate(ordered)]
    x, ticks = _log_axis(ordered)

    def y(share: float) -> float:
        return _TOP + _HEIGHT * (1 - share)

    bottom = _TOP + _HEIGHT
    parts = [_text((x(tick), bottom + 18), f"{tick:g}", "middle") for tick in ticks]
    parts += [_line((x(tick), _TOP), (x(tick), bottom)) for tick in ticks]
    for share in (0, 0.5, 0.9, 0.99, 1):
        parts.append(_line((_LEFT, y(share)), (_RIGHT, y(share))))
        if share != 0.99:
            parts.append(_text((_LEFT - 8, y(share) + 4), f"{share:.0%}", "end"))
    parts.append(_polyline([(x(value), y(share)) for value, share in steps], _COLOURS[0]))
    return _page(title, _TOP + _HEIGHT + 40, parts, "logarithmic")


def lines(title: str, series: Sequence[Series]) -> str:
    """The medians of each line over where it was measured, both axes logarithmic."""
    found: dict[str, list[Point]] = defaultdict(list)
    for one in series:
        found[one.figure.line].append((one.figure.at, one.median))
    places = sorted({place for points in found.values() for place, _ in points})
    x, _ = _log_axis(places, exact=True)
    heights, ticks = _log_axis([value for points in found.values() for _, value in points])

    def y(value: float) -> float:
        share = (heights(value) - _LEFT) / (_RIGHT - _LEFT)
        return _TOP + _HEIGHT * (1 - share)

    bottom = _TOP + _HEIGHT
    parts = [_text((x(place), bottom + 18), f"{place:,.0f}", "middle") for place in places]
    for tick in ticks:
        parts.append(_text((_LEFT - 8, y(tick) + 4), f"{tick:,g}", "end"))
        parts.append(_line((_LEFT, y(tick)), (_RIGHT, y(tick))))
    for number, (name, points) in enumerate(found.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(_polyline([(x(place), y(value)) for place, value in sorted(points)], colour))
        parts.append(_text((8, _TOP + 16 + 18 * number), f"— {name}", colour=colour))
    return _page(title, _TOP + _HEIGHT + 40, parts, "both axes logarithmic")


def _log_axis(
    values: Sequence[float], *, exact: bool = False
) -> tuple[Callable[[float], float], list[float]]:
    """Where a value stands, and the powers of ten on the way."""
    low, high = log10(max(min(values), 1e-3)), log10(max(*values, 2e-3))
    if not exact:
        low, high = floor(low), ceil(high)
    wide = (high - low) or 1.0

    def at(value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (log10(max(value, 1e-3)) - low) / wide

    return at, [10.0**power for power in range(floor(low), ceil(high) + 1)]


def _bound(one: Series) -> float:
    return one.figure.target.bound if one.figure.target else 0.0


def _text(at: Point, text: str, anchor: str = "start", *, colour: str = "#2d3748") -> str:
    place = f'x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"


def _line(begin: Point, end: Point, colour: str = "#e2e8f0", *, width: int = 1) -> str:
    ends = f'x1="{begin[0]:.1f}" y1="{begin[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _polyline(points: Sequence[Point], colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _page(title: str, height: int, parts: Sequence[str], note: str = "") -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_STYLE}>'
    body = [_text((8, 20), title), _text((8, height - 8), note), *parts]
    back = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", back, *body, "</svg>"]) + "\n"
