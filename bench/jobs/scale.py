"""Does it stay as quick with many sessions? One request at a time, at few and at many, in turn."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Final

from bench.caller import Caller
from bench.client import PASSWORD
from bench.crowd import Crowd, Held
from bench.figures import BenchFailed, Figure, Samples, Target
from bench.ground import Ground
from bench.processes import MIB, Service

_TARGET: Final = Target("≤", 1.5)


@dataclass(frozen=True, slots=True)
class Pace:
    """Medians over the requests of a round: the time of one, and what it costs the server."""

    ms: float
    cpu_us: float


class Scale:
    """``sizes`` from the least, which the others are held against."""

    def __init__(self, ground: Ground, *, sizes: Sequence[int], requests: int = 100) -> None:
        sizes = sorted(set(sizes))
        shown = " and ".join(f"{size:,}" for size in reversed(sizes[1:]))
        self.title = f"{shown} sessions{ground.store.title} beside {sizes[0]:,}, one at a time"
        self.figures = _figures(sizes, ground.store.title)
        self._ground = ground
        self._requests = requests
        with ThreadPoolExecutor() as together:
            self._crowds = list(together.map(partial(Crowd, ground), sizes))

    def measure(self) -> Samples:
        count = self._requests
        visits = [(crowd, crowd.strangers(count), crowd.held(count)) for crowd in self._crowds]
        with ExitStack() as stack:
            ours = stack.enter_context(self._ground.watching_others())
            sides = []
            for crowd, strangers, held in visits:
                service = crowd.watchword.service
                caller = stack.enter_context(Caller(service.port))
                sides.append(Side(crowd.size, service, caller, strangers, held))
            spent = _cpu_seconds(sides)
            samples = _measure(sides, count)
            ours.append(_cpu_seconds(sides) - spent)
        return {**samples, **_still(self._crowds)}


@dataclass(frozen=True, slots=True)
class Side:
    """A server that is asked, and by whom. Each operation gives the seconds that one took."""

    size: int
    service: Service
    caller: Caller
    strangers: Sequence[str]
    held: Sequence[Held]
    _access: dict[int, str] = field(default_factory=dict)

    def sign_in(self, number: int) -> float:
        email = self.strangers[number]
        content = {"email": email, "password": PASSWORD, "transport": "body"}
        reply = self.caller.ask("POST", "/auth/login", content=content)
        if reply.content["user"]["email"] != email:
            raise BenchFailed(f"Somebody else was signed in than {email}: {reply.body!r}")
        return reply.seconds

    def refresh(self, number: int) -> float:
        token = self.held[number].first.refresh_token
        reply = self.caller.ask("POST", "/auth/refresh", content={"refreshToken": token})
        if reply.content["refreshToken"] == token:
            raise BenchFailed("A refresh gave the token back that it had used up.")
        self._access[number] = reply.content["accessToken"]
        return reply.seconds

    def revoke(self, number: int) -> float:
        """The other session of the account whose first one was refreshed."""
        path = f"/sessions/{self.held[number].second.session_id}"
        return self.caller.ask("DELETE", path, token=self._access[number]).seconds

    def require_revoked(self, number: int) -> None:
        content = {"refreshToken": self.held[number].second.refresh_token}
        self.caller.ask("POST", "/auth/refresh", content=content, expect=401)


_OPERATIONS: Final[Mapping[str, tuple[str, Callable[[Side, int], float]]]] = {
    "sign_in": ("sign-in", Side.sign_in),
    "refresh": ("refresh", Side.refresh),
    "revoke": ("revoke", Side.revoke),
}


def _figures(sizes: Sequence[int], store: str) -> list[Figure]:
    figures = []
    few, *others = sizes
    for name, (title, _) in _OPERATIONS.items():
        for many in others:
            both = f"{title}, {many:,} / {few:,}"
            cpu = "the same by server CPU"
            figures += [
                Figure(name=f"{name}_{many}_ratio", title=both, unit="", target=_TARGET, digits=2),
                Figure(name=f"{name}_{many}_cpu_ratio", title=cpu, unit="", digits=2),
            ]
    for name, (title, _) in _OPERATIONS.items():
        for size in sizes:
            at = f"{title} at {size:,}"
            line = f"{title}{store}"
            figures += [
                Figure(name=f"{name}_{size}", title=at, unit="ms", digits=2, line=line, at=size),
                Figure(name=f"{name}_{size}_cpu", title=f"server CPU, {at}", unit="µs"),
            ]
    return figures + _still_figures(sizes)


def _still_figures(sizes: Sequence[int]) -> list[Figure]:
    """Of what no request changes: memory and disk."""
    few, *others = sizes
    figures = []
    for many in others:
        title = f"idle node's memory, {many:,} / {few:,}"
        target = Target("≤", 1.1)
        figures.append(
            Figure(name=f"idle_{many}_ratio", title=title, unit="", target=target, digits=2)
        )
    for size in sizes:
        title = f"idle node's memory at {size:,}"
        figures.append(Figure(name=f"idle_{size}", title=title, unit="MiB", digits=1))
    most = f"at {sizes[-1]:,}"
    return [
        *figures,
        Figure(name="account_bytes", title=f"disk for an account {most}", unit="B"),
        Figure(name="session_bytes", title=f"disk for a session {most}", unit="B"),
    ]


def _still(crowds: Sequence[Crowd]) -> Samples:
    few = crowds[0].resident
    ratios = {f"idle_{crowd.size}_ratio": crowd.resident / few for crowd in crowds[1:]}
    idle = {f"idle_{crowd.size}": crowd.resident / MIB for crowd in crowds}
    largest = crowds[-1]
    disk = {"account_bytes": largest.account_bytes, "session_bytes": largest.session_bytes}
    return {**ratios, **idle, **disk}


def _cpu_seconds(sides: Sequence[Side]) -> float:
    return sum(side.service.cpu_seconds() for side in sides)


def _measure(sides: Sequence[Side], count: int) -> Samples:
    samples: dict[str, float] = {}
    for name, (_, operation) in _OPERATIONS.items():
        paces = _in_turn(sides, operation, count)
        few = paces[0]
        for side, pace in zip(sides, paces, strict=True):
            samples |= {
                f"{name}_{side.size}": pace.ms,
                f"{name}_{side.size}_cpu": pace.cpu_us,
                f"{name}_{side.size}_ratio": pace.ms / few.ms,
                f"{name}_{side.size}_cpu_ratio": pace.cpu_us / few.cpu_us,
            }
    for side in sides:
        for number in range(count):
            side.require_revoked(number)
    return samples


def _in_turn(
    sides: Sequence[Side], operation: Callable[[Side, int], float], count: int
) -> list[Pace]:
    """One on the first side, one on the next, and so on. What a server does for a request after it
    has answered counts as well, until its next request.
    """
    seconds: list[list[float]] = [[] for _ in sides]
    spent: list[list[float]] = [[] for _ in sides]
    for number in range(count):
        for side, taken, readings in zip(sides, seconds, spent, strict=True):
            readings.append(side.service.cpu_seconds())
            taken.append(operation(side, number))
    for side, readings in zip(sides, spent, strict=True):
        readings.append(side.service.cpu_seconds())
    return [
        Pace(median(taken) * 1e3, median(b - a for a, b in pairwise(readings)) * 1e6)
        for taken, readings in zip(seconds, spent, strict=True)
    ]
