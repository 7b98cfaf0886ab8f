"""The ground that all jobs stand on: the servers, each started once, and how one is measured."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter, process_time, sleep
from types import TracebackType
from typing import Final, Self

from bench import postgres, redis
from bench.client import PASSWORD, Client
from bench.figures import BenchFailed
from bench.load import Generator, Load, Outcome, Queue, Run
from bench.processes import Service, busy_seconds, free_port, program, watchword
from bench.stores import DATA, Home, SqliteStore, Store
from watchword.adapters.argon2 import cores

READER = "reader@example.com"
_CLIENTS: Final = 8
_PEOPLE: Final = 320  # who sign in, in turn; for a run of less than a second, one for each client

# So high that nothing is refused; each request is counted all the same.
SETTINGS: Mapping[str, str] = {
    "WATCHWORD_DATA_DIR": DATA,
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
    home: Home
    people: tuple[str, ...]

    @property
    def data(self) -> Path:
        return self.home.folder / DATA

    def bring_to_life(self, workers: int) -> None:
        """Until every worker has answered, then make the accounts."""
        self.service.wait_for("/health/ready")
        seen: set[str] = set()
        ends_at = perf_counter() + _START_SECONDS
        while len(seen) < workers:
            if perf_counter() > ends_at:
                raise BenchFailed(f"Of {workers} workers, {len(seen)} answered.")
            seen.add(self.client.get("/health/live").worker)
            sleep(_POLL)
        self.client.register([READER, *self.people])

    def sign_in_load(self, seconds: float) -> Load:
        """Eight clients without pause and the default transport, each sign-in somebody else's."""
        queue = Queue(
            items=self.people,
            before='{"email":"',
            after=f'","password":{json.dumps(PASSWORD)}}}',
            successor="email",
        )
        return Load(
            port=self.service.port,
            path="/auth/login",
            connections=_CLIENTS,
            seconds=seconds,
            queue=queue,
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """``cpu_us``: the server's CPU time for one request, in microseconds, over all its threads;
    ``store_us``: that of the database server's processes, where there is one.
    """

    outcome: Outcome
    cpu_us: float
    store_us: float

    @property
    def rate(self) -> float:
        return self.outcome.rate


@dataclass(slots=True)
class Ground:
    """``seconds`` of one measurement; before each comes a warm-up that is thrown away. ``tell``
    shows what takes long. ``store`` keeps the data of the servers; what is seen of the machine is
    noted in ``others`` and ``generator_shares``, and in ``latencies`` each single one of a figure
    whose median would say too little, in milliseconds, by job.
    """

    folder: Path
    generator: Generator
    seconds: float
    warm_up: float
    tell: Callable[[str], None]
    others: list[float] = field(default_factory=list)
    generator_shares: list[float] = field(default_factory=list)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    store: Store = field(default_factory=SqliteStore)
    _servers: dict[object, Watchword] = field(default_factory=dict)
    _started: list[Service] = field(default_factory=list)
    _end: ExitStack = field(default_factory=ExitStack)
    _on_postgres: "Ground | None" = None
    _on_redis: "Ground | None" = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for service in self._started:
            service.begin_to_stop()
        for service in self._started:
            service.stop()
        self._end.close()

    def on_postgres(self) -> "Ground":
        """The same, but that its servers keep their data on a PostgreSQL, which is started when it
        is first asked for. Raise `LeftOut` where there is none.
        """
        if self._on_postgres is None:
            store = self._end.enter_context(postgres.running(self.folder))
            self._on_postgres = replace(self, store=store, _servers={})
        return self._on_postgres

    def on_redis(self) -> "Ground":
        """The same, but that sessions move in a Redis beside that PostgreSQL. Raise `LeftOut`."""
        if self._on_redis is None:
            kept = self.on_postgres().store
            assert isinstance(kept, postgres.PostgresStore)
            store = self._end.enter_context(redis.running(self.folder, kept))
            self._on_redis = replace(self, store=store, _servers={})
        return self._on_redis

    def watchword(self, *, workers: int = 1, extra: Mapping[str, str] | None = None) -> Watchword:
        """With ``extra`` settings it is a server of its own; else the same for every job."""
        key = ("watchword", workers, *sorted((extra or {}).items()))
        known = self._servers.get(key)
        if isinstance(known, Watchword):
            return known
        made = self.serve(self.new_home(), workers=workers, extra=extra)
        made.bring_to_life(workers)
        self._servers[key] = made
        return made

    def serve(
        self, home: Home, *, workers: int = 1, extra: Mapping[str, str] | None = None
    ) -> Watchword:
        """A server of ours with whatever accounts are at ``home``, one node of perhaps several."""
        port, folder = free_port(), home.folder
        settings = {**SETTINGS, **home.settings, **(extra or {})}
        if workers > 1:
            # As production does: the figures of several processes are added up in a folder.
            (folder / "metrics").mkdir()
            settings["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
        command = program("bench.server", str(port), str(workers))
        service = self.start(command, port, folder, settings)
        count = _PEOPLE if self.seconds >= 1 else _CLIENTS
        people = tuple(f"signer-{number}@example.com" for number in range(count))
        return Watchword(service, Client(port), home, people)

    def nodes(self, count: int) -> list[Watchword]:
        """Over one and the same home, each on a port of its own; the same for every job."""
        made: list[Watchword] = []
        for number in range(count):
            key = ("node", number)
            node = self._servers.get(key)
            if not isinstance(node, Watchword):
                node = self.serve(made[0].home if made else self.new_home())
                node.service.wait_for("/health/ready")
                if not made:
                    node.bring_to_life(1)
                self._servers[key] = node
            made.append(node)
        return made

    def floor(self, place: str, how: str) -> Service:
        """`bench.floor`, of which each call starts another one."""
        port = free_port()
        command = program("bench.floor", str(port), place, how)
        service = self.start(command, port, self.new_folder(), {})
        service.wait_for("/")
        return service

    def start(
        self, command: list[str], port: int, folder: Path, settings: Mapping[str, str]
    ) -> Service:
        """A server that is stopped at the end of the run at the latest."""
        service = Service(command, port, folder=folder, settings=settings)
        self._started.append(service)
        return service

    @contextmanager
    def operated(self, home: Home) -> Iterator[Service]:
        """`watchword serve`, as an operator starts it, and no settings but its home's; ready."""
        port = free_port()
        command = watchword("serve", "--port", str(port))
        service = self.start(command, port, home.folder, home.settings)
        try:
            service.wait_for("/health/ready")
            yield service
        finally:
            service.stop()

    def new_folder(self) -> Path:
        return Path(mkdtemp(dir=self.folder))

    def new_home(self) -> Home:
        return self.store.new_home(self.new_folder())

    def run(self, load: Load) -> Run:
        return Run(self.generator, load, self.folder)

    @contextmanager
    def watching_others(self) -> Iterator[list[float]]:
        """Note how much of the machine was taken during the block by what is not of this run. Into
        the list that it is given goes the CPU time of processes of this run.
        """
        began, machine = perf_counter(), busy_seconds()
        own = process_time() + self.store.cpu_seconds()
        ours: list[float] = []
        yield ours
        ours.append(process_time() + self.store.cpu_seconds() - own)
        wall = (perf_counter() - began) * cores()
        self.others.append(max(0.0, busy_seconds() - machine - sum(ours)) / wall)

    def measure(
        self,
        service: Service,
        make_load: Callable[[float], Load],
        *,
        seconds: float | None = None,
        look: Callable[[], None] | None = None,
    ) -> Measured:
        """Warm up, then measure. ``make_load`` is asked for each, since tokens are used up;
        ``look`` is called again and again meanwhile, and raises when an answer is wrong.
        ``seconds`` are those of the run unless a job needs its own.
        """
        if self.warm_up:
            self.run(make_load(self.warm_up)).outcome()
        load = make_load(seconds or self.seconds)
        with self.watching_others() as ours:
            spent, stored = service.cpu_seconds(), self.store.cpu_seconds()
            with again_and_again(look):
                outcome = self.run(load).outcome()
            spent = service.cpu_seconds() - spent
            stored = self.store.cpu_seconds() - stored
            ours += [spent, outcome.cpu_seconds]
        self.generator_shares.append(outcome.generator_share)
        each = 1e6 / outcome.requests
        return Measured(outcome, spent * each, stored * each)


@contextmanager
def again_and_again(
    look: Callable[[], None] | None, *, pause: float = _LOOK_EVERY
) -> Iterator[None]:
    """Call ``look`` in a thread during the block, and raise at its end what it has raised."""
    if look is None:
        yield
        return
    failures: list[BaseException] = []
    done = threading.Event()

    def watch() -> None:
        try:
            look()
            while not done.wait(pause):
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
