"""Figures for Prometheus, with the same names however many workers serve.

To count something new: give it a metric here, and a method that says what happened. A label comes
from the route table or from an enumeration.

Invariant: no label ever holds what a client sent; there would be one series per attacker's whim.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render_text
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.values import MutexValue, ValueClass

from watchword.ports import Count

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

# Seconds. A cached answer takes well under a millisecond, a password hash tens of them.
_REQUEST_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_STORE_BUCKETS: Final = (0.00001, 0.00005, 0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0)
_WAIT_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_POURED_AFTER: Final = 64  # requests and counts; what another worker does not see of this one yet
_REPLAY: Final = "reused"  # the outcome of a refresh that is a replay (`Rotation.REUSED`)


class _Tallied(Histogram):
    """A histogram that takes many observations at once, already sorted into its buckets."""

    def pour(self, counts: Sequence[int], seconds: float) -> None:
        self._sum.inc(seconds)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class _WithoutBirthdays(Collector):
    """Leaves out the ``_created`` series, which double the count and exist with one worker only."""

    def __init__(self, inner: Collector) -> None:
        self._inner = inner

    def collect(self) -> Iterable[Metric]:
        for metric in self._inner.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric


class HashingMeter:
    """What the hashing pool tells; it is the pool's observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._wait = Histogram(
            "watchword_hashing_wait_seconds",
            "Time that a password waited for a hashing thread.",
            registry=registry,
            buckets=_WAIT_BUCKETS,
        )
        self._refused = Counter(
            "watchword_hashing_refused_total",
            "Passwords that found no place in the queue, or no thread in time.",
            registry=registry,
        )
        self._depth = Gauge(
            "watchword_hashing_queue_depth",
            "Passwords that wait for a hashing thread now.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._measure: Callable[[], int] | None = None

    def waited(self, seconds: float) -> None:
        self._wait.observe(seconds)

    def refused(self) -> None:
        self._refused.inc()

    def watch_queue(self, measure: Callable[[], int]) -> None:
        """Ask ``measure`` for the depth whenever figures are poured."""
        self._measure = measure

    def sample(self) -> None:
        if self._measure is not None:
            self._depth.set(self._measure())


class PrometheusMeter:
    """The `Meter` of a server, and what its edge and its store tell besides.

    Not for several threads, save `stored`: it belongs to the event loop. Requests and counts are
    tallied in plain dictionaries, for a third of what the library's own values cost with one worker
    and an eighth with several, and poured into them every so often: by `pour`, and by `render`.

    With several workers the command line sets ``PROMETHEUS_MULTIPROC_DIR`` before this module is
    imported; `render` on any of them then tells of all.
    """

    def __init__(self, *, version: str) -> None:
        registry = CollectorRegistry()
        self._requests = Counter(
            "watchword_requests_total", "Requests answered.", ("route", "status"), registry=registry
        )
        self._request_seconds = _Tallied(
            "watchword_request_seconds",
            "Time from a request's head to the end of its answer.",
            ("route",),
            registry=registry,
            buckets=_REQUEST_BUCKETS,
        )
        self._store_seconds = Histogram(
            "watchword_store_seconds",
            "Time that the store took.",
            ("operation",),
            registry=registry,
            buckets=_STORE_BUCKETS,
        )
        self._sessions_alive = Gauge(
            "watchword_sessions_alive",
            "Sessions that have not ended, when last counted.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._replays = Counter(
            "watchword_replays_total",
            "Refresh tokens presented again, each of which ended its session.",
            registry=registry,
        )
        self._counters = _make_counters(registry)
        self.hashing = HashingMeter(registry)
        _tell_version(registry, version)
        self._answered: dict[tuple[str, int], _Tally] = {}
        self._counted: dict[tuple[Count, str], int] = {}
        self._pending = 0
        self._stored: dict[str, Histogram] = {}
        self._shown = _WithoutBirthdays(_choose_collector(registry))

    def request_done(self, route: str, status: int, seconds: float) -> None:
        """A request was answered. ``route`` is its template, such as ``/users/{id}``."""
        tally = self._answered.get((route, status))
        if tally is None:
            tally = self._answered[route, status] = _Tally()
        tally.counts[bisect_left(_REQUEST_BUCKETS, seconds)] += 1
        tally.seconds += seconds
        self._pending += 1
        if self._pending >= _POURED_AFTER:
            self.pour()

    def count(self, what: Count, outcome: str) -> None:
        """``outcome`` is a word of ours, never of a client."""
        key = what, outcome
        self._counted[key] = self._counted.get(key, 0) + 1
        self._pending += 1
        if self._pending >= _POURED_AFTER:
            self.pour()

    def stored(self, operation: str, seconds: float) -> None:
        """The store did ``operation``. From any thread."""
        child = self._stored.get(operation)
        if child is None:
            child = self._stored[operation] = self._store_seconds.labels(operation)
        child.observe(seconds)

    def sessions_alive(self, count: int) -> None:
        self._sessions_alive.set(count)

    def pour(self) -> None:
        """Hand over what was tallied. Once a second is plenty; a worker does it before it ends."""
        self._pending = 0
        for (route, status), tally in self._answered.items():
            if answered := sum(tally.counts):
                self._requests.labels(route, status).inc(answered)
                self._request_seconds.labels(route).pour(tally.counts, tally.seconds)
                tally.clear()
        counted, self._counted = self._counted, {}
        for (what, outcome), count in counted.items():
            counter = self._counters[what]
            (counter.labels(outcome) if what in _LABELS else counter).inc(count)
            if what is Count.REFRESHES and outcome == _REPLAY:
                self._replays.inc(count)
        self.hashing.sample()

    def render(self) -> bytes:
        """Everything that is known, of all workers, as `CONTENT_TYPE`."""
        self.pour()
        return render_text(self._shown)


class _Tally:
    """Answers not poured yet."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.counts = [0] * (len(_REQUEST_BUCKETS) + 1)
        self.seconds = 0.0


_LABELS: Final = {
    Count.SIGN_INS: "outcome",
    Count.REFRESHES: "outcome",
    Count.LIMITED: "limit",
    Count.CACHE: "outcome",
    Count.BREACH_CHECKS: "outcome",
}
_MEANINGS: Final = {
    Count.SIGN_INS: "Sign-ins by how they ended.",
    Count.REFRESHES: "Refreshes by how they ended.",
    Count.LOCKOUTS: "Accounts locked after too many failures.",
    Count.LIMITED: "Requests refused because of a limit.",
    Count.CACHE: "Look-ups of the caches in front of the store.",
    Count.BREACH_CHECKS: "New passwords looked for in breaches, by what came of it.",
}


def _tell_version(registry: CollectorRegistry, version: str) -> None:
    build = Gauge(
        "watchword_build_info",
        "Always 1; the label says which version serves.",
        ("version",),
        registry=registry,
        multiprocess_mode="livemax",
    )
    build.labels(version).set(1)


def _make_counters(registry: CollectorRegistry) -> dict[Count, Counter]:
    return {
        what: Counter(
            f"watchword_{what.value}_total",
            meaning,
            (_LABELS[what],) if what in _LABELS else (),
            registry=registry,
        )
        for what, meaning in _MEANINGS.items()
    }


def _choose_collector(registry: CollectorRegistry) -> Collector:
    """With several workers the values lie in files that all of them can read."""
    if ValueClass is MutexValue:
        return registry
    return MultiProcessCollector(None)  # type: ignore[no-untyped-call]  # the library's gap


def forget_process(process_id: int, directory: Path) -> None:
    """Drop the gauges of a worker that is gone; what it counted stays."""
    mark_process_dead(process_id, str(directory))  # type: ignore[no-untyped-call]  # likewise
