"""The operator's console: how much happens, at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from watchword.domain.errors import FieldError, Invalid
from watchword.domain.events import AccountLocked, SignedIn, SignInFailed, TokenReuseDetected
from watchword.domain.time import DAY, HOUR, MINUTE, Instant, Span
from watchword.web.answers import Answer
from watchword.web.call import Call
from watchword.web.pages.visits import show
from watchword.web.shapes import time_text

HEIGHT: Final = 100  # of a plot, in units of its own


@dataclass(frozen=True, slots=True)
class Range:
    """``steps`` of ``step`` ms, the last of which is the present one."""

    step: Span
    steps: int

    def since(self, now: Instant) -> Instant:
        """On a full step, counted in UTC."""
        return (now // self.step + 1 - self.steps) * self.step


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


async def show_over(call: Call) -> Answer:
    over = call.query("over").get("over", "day")
    if over not in RANGES:
        raise Invalid(FieldError("over", "Use hour, day or month."))
    services, shown = call.services, RANGES[over]
    since = shown.since(services.clock.now())
    counts = await services.audit.count_events(
        list(TITLES), since=since, step=shown.step, steps=shown.steps
    )
    facts = {
        "over": over,
        "plots": [
            Plot(type_, title, _bars(counts[type_], since, shown.step))
            for type_, title in TITLES.items()
        ],
        "height": HEIGHT,
        "live_sessions": await services.figures.live_sessions(),
        "waiting_passwords": services.figures.waiting_passwords(),
    }
    return show(call, "console_overview", facts)


def _bars(counts: Sequence[int], since: Instant, step: Span) -> Sequence[Bar]:
    """Whatever has happened at all is seen."""
    most = max(*counts, 1)
    return [
        Bar(count, -(-count * HEIGHT // most), time_text(since + number * step))
        for number, count in enumerate(counts)
    ]
