"""One, two and three nodes over one database, each asked directly: no proxy in between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench.figures import Figure, Samples
from bench.ground import Ground
from bench.jobs.job import cpu
from bench.jobs.profile import Profile
from bench.jobs.refreshers import SPARE, Refreshers
from bench.load import Load
from bench.processes import Service

_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Together:
    """``store_us``: CPU of the database server for one request, in microseconds."""

    rate: float
    store_us: float


class Nodes:
    """The same number of connections for each number of nodes, spread evenly."""

    def __init__(self, ground: Ground, *, connections: int = 64) -> None:
        self.title = f"1 to {_MOST} nodes{ground.store.title}, {connections} connections in all"
        self.figures = _figures()
        self._ground = ground
        self._connections = connections
        nodes = ground.nodes(_MOST)
        self._services = [node.service for node in nodes]
        self._profile = Profile(nodes[0])
        self._refreshers = Refreshers(nodes[0], connections + _MOST * SPARE)

    def measure(self) -> Samples:
        samples: dict[str, float] = {}
        for count in range(1, _MOST + 1):
            self._profile.renew()
            nodes, connections = self._services[:count], self._connections
            load = self._profile.protected_load
            protected = measure_together(self._ground, nodes, load, connections)
            refresh = measure_together(self._ground, nodes, self._refreshers.load, connections)
            samples |= {
                f"protected_{count}": protected.rate,
                f"refresh_{count}": refresh.rate,
                f"store_{count}": refresh.store_us,
            }
        return samples


def measure_together(
    ground: Ground,
    nodes: Sequence[Service],
    make_load: Callable[[float], Load],
    connections: int,
) -> Together:
    """``connections`` in all, each node with its share of them."""

    def ask(load: Load) -> list[tuple[float, int, float]]:
        """All at once: of each the rate, its requests, and the generator's CPU."""
        runs = [ground.run(part) for part in spread(load, nodes, connections)]
        outcomes = [run.outcome() for run in runs]
        return [(one.rate, one.requests, one.cpu_seconds) for one in outcomes]

    if ground.warm_up:
        ask(make_load(ground.warm_up))
    load = make_load(ground.seconds)
    with ground.watching_others() as ours:
        spent, stored = _cpu_seconds(nodes), ground.store.cpu_seconds()
        found = ask(load)
        ours += [_cpu_seconds(nodes) - spent, sum(seconds for _, _, seconds in found)]
        stored = ground.store.cpu_seconds() - stored
    requests = sum(number for _, number, _ in found)
    return Together(sum(rate for rate, _, _ in found), stored / requests * 1e6)


def spread(load: Load, nodes: Sequence[Service], connections: int) -> list[Load]:
    """A load for each node, with its share of ``connections`` and of what stands in the queue."""
    count, queue = len(nodes), load.queue
    return [
        replace(
            load,
            port=node.port,
            connections=connections // count,
            queue=None if queue is None else replace(queue, items=queue.items[number::count]),
        )
        for number, node in enumerate(nodes)
    ]


def _cpu_seconds(nodes: Sequence[Service]) -> float:
    return sum(node.cpu_seconds() for node in nodes)


def _figures() -> list[Figure]:
    figures = []
    for name, title in (("protected", "GET /profile"), ("refresh", "POST /auth/refresh")):
        for count in range(1, _MOST + 1):
            at = f"{title}, {count} node{'s' if count > 1 else ''}"
            figures.append(
                Figure(name=f"{name}_{count}", title=at, unit="/s", line=title, at=count)
            )
    for count in range(1, _MOST + 1):
        at = f"PostgreSQL's CPU, refresh, {count} node{'s' if count > 1 else ''}"
        figures.append(cpu(f"store_{count}", at))
    return figures
