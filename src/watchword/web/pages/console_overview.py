"""The operator's console: how much happens, at a glance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from watchword.domain.errors import FieldError, Invalid
from watchword.domain.events import AccountLocked, SignedIn, SignInFailed, TokenReuseDetected
from watchword.domain.time import DAY, HOUR, MINUTE, Instant, Span
from watchword.web.answers import Answer, as_json
from watchword.web.call import Call
from watchword.web.pages.visits import show
from watchword.web.shapes import Shape, time_text

HEIGHT: Final = 100  # of a plot, in units of its own
_LONGEST_NUMBER: Final = 12  # digits


@dataclass(frozen=True, slots=True)
class Range:
    """``steps`` of ``step`` ms, the last of which is the present one."""

    step: Span
    steps: int

    def newest(self, now: Instant) -> int:
        """The number of the present step, counted from 1970 in UTC."""
        return now // self.step


RANGES: Final = {
    "hour": Range(5 * MINUTE, 12),
    "day": Range(HOUR, 24),
    "month": Range(DAY, 30),
}
TITLES: Final = {
    SignedIn.type: "Sign-ins",
    SignInFailed.type: "Failed sign-ins",
    AccountLocked.type: "Lockouts",
    TokenReuseDetected.type: "Replayed tokens",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """``height`` of `HEIGHT`; ``at`` is when its step begins, as RFC 3339."""

    count: int
    height: int
    at: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What happened how often; its ``type`` is that of the events."""

    type: str
    title: str
    bars: Sequence[Bar]

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> int:
        return max(bar.count for bar in self.bars)


class FiguresShape(Shape, frozen=True):
    """``counts`` of each type for the steps that are new or not over yet; ``newest`` is the number
    of the last of them, counted from 1970.
    """

    live_sessions: int
    waiting_passwords: int
    newest: int
    counts: Mapping[str, Sequence[int]]


async def show_over(call: Call) -> Answer:
    over = call.query("over").get("over", "day")
    shown = _range(over)
    found = await _figures(call, shown, shown.newest(call.services.clock.now()) + 1 - shown.steps)
    first = found.newest + 1 - shown.steps
    facts = {
        "over": over,
        "plots": [
            Plot(type_, title, _bars(found.counts[type_], first * shown.step, shown.step))
            for type_, title in TITLES.items()
        ],
        "height": HEIGHT,
        "now": found,
        "step": shown.step,
    }
    return show(call, "console_overview", facts)


async def figures(call: Call) -> Answer:
    """What has become of them since a page was drawn whose newest step is ``since``."""
    asked = call.query("over", "since")
    shown, since = _range(asked.get("over", "")), asked.get("since", "")
    if not (since.isdecimal() and len(since) <= _LONGEST_NUMBER):
        raise Invalid(FieldError("since", "Use the number of a step."))
    return as_json(await _figures(call, shown, int(since)))


async def _figures(call: Call, shown: Range, first: int) -> FiguresShape:
    """From the step of that number on, as far as a plot reaches back."""
    services = call.services
    newest = shown.newest(services.clock.now())
    steps = min(max(newest + 1 - first, 1), shown.steps)
    since = (newest + 1 - steps) * shown.step
    counts = await services.audit.count_events(
        list(TITLES), since=since, step=shown.step, steps=steps
    )
    live = await services.figures.live_sessions()
    return FiguresShape(live, services.figures.waiting_passwords(), newest, counts)


def _range(over: str) -> Range:
    if over not in RANGES:
        raise Invalid(FieldError("over", "Use hour, day or month."))
    return RANGES[over]


def _bars(counts: Sequence[int], since: Instant, step: Span) -> Sequence[Bar]:
    """Whatever has happened at all is seen."""
    most = max(*counts, 1)
    return [
        Bar(count, -(-count * HEIGHT // most), time_text(since + number * step))
        for number, count in enumerate(counts)
    ]
