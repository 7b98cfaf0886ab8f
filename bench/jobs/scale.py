"""Does it stay as quick with many accounts? One request at a time, at few and at many, in turn."""

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
from bench.processes import Service

_TARGET: Final = Target("≤", 1.5)


@dataclass(frozen=True, slots=True)
class Pace:
    """Medians over the requests of a round: the time of one, and what it costs the server."""

    ms: float
    cpu_us: float


class Scale:
    def __init__(
        self, ground: Ground, *, few: int = 10_000, many: int = 1_000_000, requests: int = 100
    ) -> None:
        self.title = f"{many:,} accounts beside {few:,}, one request at a time"
        self.figures = _figures(few, many)
        self._ground = ground
        self._requests = requests
        with ThreadPoolExecutor() as both:
            self._crowds = list(both.map(partial(Crowd, ground), (few, many)))

    def measure(self) -> Samples:
        count = self._requests
        visits = [(crowd, crowd.strangers(count), crowd.held(count)) for crowd in self._crowds]
        with ExitStack() as stack:
            ours = stack.enter_context(self._ground.watching_others())
            sides = []
            for crowd, strangers, held in visits:
                service = crowd.watchword.service
                caller = stack.enter_context(Caller(service.port))
                sides.append(Side(service, caller, strangers, held))
            spent = _cpu_seconds(sides)
            samples = _measure(sides, count)
            ours.append(_cpu_seconds(sides) - spent)
        return samples


@dataclass(frozen=True, slots=True)
class Side:
    """A server that is asked, and by whom. Each operation gives the seconds that one took."""

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


def _figures(few: int, many: int) -> list[Figure]:
    figures = []
    for name, (title, _) in _OPERATIONS.items():
        both = f"{title}, {many:,} / {few:,}"
        figures += [
            Figure(name=name, title=both, unit="", target=_TARGET, digits=2),
            Figure(name=f"{name}_cpu", title="the same by server CPU", unit="", digits=2),
        ]
    for name, (title, _) in _OPERATIONS.items():
        for key, size in (("few", few), ("many", many)):
            at = f"{title} at {size:,}"
            figures += [
                Figure(name=f"{name}_{key}", title=at, unit="ms", digits=2),
                Figure(name=f"{name}_{key}_cpu", title=f"server CPU, {at}", unit="µs"),
            ]
    return figures


def _cpu_seconds(sides: Sequence[Side]) -> float:
    return sum(side.service.cpu_seconds() for side in sides)


def _measure(sides: Sequence[Side], count: int) -> Samples:
    samples: dict[str, float] = {}
    for name, (_, operation) in _OPERATIONS.items():
        few, many = _in_turn(sides, operation, count)
        samples |= {
            name: many.ms / few.ms,
            f"{name}_cpu": many.cpu_us / few.cpu_us,
            f"{name}_few": few.ms,
            f"{name}_few_cpu": few.cpu_us,
            f"{name}_many": many.ms,
            f"{name}_many_cpu": many.cpu_us,
        }
    for side in sides:
        for number in range(count):
            side.require_revoked(number)
    return samples


def _in_turn(
    sides: Sequence[Side], operation: Callable[[Side, int], float], count: int
) -> list[Pace]:
    """One on the one side, one on the other, and so on. What a server does for a request after it
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
