"""The ground that all jobs stand on: the servers, each started once, and how one is measured."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time, sleep
from types import TracebackType
from typing import Self

from bench.client import PASSWORD, Client
from bench.figures import BenchFailed
from bench.load import Generator, Load, Outcome, Queue, Run
from bench.processes import Service, busy_seconds, free_port, program
from watchword.adapters.argon2 import cores

READER = "reader@example.com"
SIGNERS = tuple(f"signer-{number}@example.com" for number in range(8))

# So high that nothing is refused; each request is counted all the same.
SETTINGS: Mapping[str, str] = {
    "WATCHWORD_DATA_DIR": "watchword-data",
    "WATCHWORD_ACCESS_TOKEN_TTL": "15m",
    "WATCHWORD_LIMIT_AUTH": "1000000/1m",
    "WATCHWORD_LIMIT_SIGN_IN": "1000000/1m",
    "WATCHWORD_LOG_FORMAT": "json",
}
_LOOK_EVERY = 0.1  # seconds between two close looks at an answer during a run
_START_SECONDS = 20
_POLL = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Watchword:
    """A server of ours with the accounts that the jobs use."""

    service: Service
    client: Client
    data: Path

    def bring_to_life(self, workers: int) -> None:
        """Until every worker has answered, then make the accounts."""
        self.service.wait_for("/health/ready")
        seen: set[str] = set()
        ends_at = perf_counter() + _START_SECONDS
        while len(seen) < workers:
            if perf_counter() > ends_at:
                raise BenchFailed(f"Of {workers} workers, {len(seen)} answered.")
            headers = dict(self.client.get("/health/live").headers)
            seen.add(headers["x-request-id"][:8])  # random for each process
            sleep(_POLL)
        self.client.register([READER, *SIGNERS])

    def sign_in_load(self, seconds: float) -> Load:
        """Eight clients without pause, each with its own account and the default transport."""
        queue = Queue(
            items=SIGNERS,
            before='{"email":"',
            after=f'","password":{json.dumps(PASSWORD)}}}',
            successor="email",
        )
        return Load(
            port=self.service.port,
            path="/auth/login",
            connections=len(SIGNERS),
            seconds=seconds,
            queue=queue,
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """``cpu_us``: the server's CPU time for one request, in microseconds, over all its threads."""

    outcome: Outcome
    cpu_us: float

    @property
    def rate(self) -> float:
        return self.outcome.rate


@dataclass(slots=True)
class Ground:
    """``seconds`` of one measurement; before each comes a warm-up that is thrown away."""

    folder: Path
    generator: Generator
    seconds: float
    warm_up: float
    others: list[float] = field(default_factory=list)
    generator_shares: list[float] = field(default_factory=list)
    _servers: dict[object, Watchword | Service] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def watchword(self, *, workers: int = 1, extra: Mapping[str, str] | None = None) -> Watchword:
        """With ``extra`` settings it is a server of its own; else the same for every job."""
        key = ("watchword", workers, *sorted((extra or {}).items()))
        known = self._servers.get(key)
        if isinstance(known, Watchword):
            return known
        port = free_port()
        folder = self._folder_of(port)
        command = program("bench.server", str(port), str(workers))
        settings = {**SETTINGS, **(extra or {})}
        if workers > 1:
            # As production does: the figures of several processes are added up in a folder.
            (folder / "metrics").mkdir()
            settings["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
        service = self.start(command, port, folder, settings)
        made = Watchword(service, Client(port), folder / SETTINGS["WATCHWORD_DATA_DIR"])
        made.bring_to_life(workers)
        self._servers[key] = made
        return made

    def floor(self, synchronous: str) -> Service:
        known = self._servers.get(synchronous)
        if isinstance(known, Service):
            return known
        port = free_port()
        folder = self._folder_of(port)
        command = program("bench.floor", str(port), str(folder), synchronous)
        service = self.start(command, port, folder, {})
        service.wait_for("/")
        self._servers[synchronous] = service
        return service

    def start(
        self, command: list[str], port: int, folder: Path, settings: Mapping[str, str]
    ) -> Service:
        """A server that is stopped at the end of the run at the latest."""
        service = Service(command, port, folder=folder, settings=settings)
        self._stack.callback(service.stop)
        return service

    def _folder_of(self, port: int) -> Path:
        folder = self.folder / str(port)
        folder.mkdir()
        return folder

    def run(self, load: Load) -> Run:
        return Run(self.generator, load, self.folder)

    def measure(
        self,
        service: Service,
        make_load: Callable[[float], Load],
        *,
        look: Callable[[], None] | None = None,
    ) -> Measured:
        """Warm up, then measure. ``make_load`` is asked for each, since tokens are used up;
        ``look`` is called again and again meanwhile, and raises when an answer is wrong.
        """
        if self.warm_up:
            self.run(make_load(self.warm_up)).outcome()
        load = make_load(self.seconds)
        began, machine = perf_counter(), busy_seconds()
        spent, own = service.cpu_seconds(), process_time()
        with _looking(look):
            outcome = self.run(load).outcome()
        spent = service.cpu_seconds() - spent
        ours = spent + outcome.cpu_seconds + process_time() - own
        wall = (perf_counter() - began) * cores()
        self.others.append(max(0.0, busy_seconds() - machine - ours) / wall)
        self.generator_shares.append(outcome.generator_share)
        return Measured(outcome, spent / outcome.requests * 1e6)


@contextmanager
def _looking(look: Callable[[], None] | None) -> Iterator[None]:
    if look is None:
        yield
        return
    failures: list[BaseException] = []
    done = threading.Event()

    def watch() -> None:
        try:
            look()
            while not done.wait(_LOOK_EVERY):
                look()
        except BaseException as error:  # noqa: BLE001  raised again below
            failures.append(error)

    thread = threading.Thread(target=watch, name="look", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if failures:
        raise failures[0]
