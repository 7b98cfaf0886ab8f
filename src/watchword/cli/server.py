"""uvicorn, set up to serve Watchword: one process, or several that share a socket.

Invariant: a process that is asked to end says so first where balancers look, then answers what it
has begun and writes down what it knows. One that dies is replaced; when their parent dies, all of
them end.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from socket import socket
from time import perf_counter
from types import FrameType
from typing import Final

import structlog
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import HANDLED_SIGNALS, Server
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from watchword.adapters import structlog as lines
from watchword.adapters.prometheus import forget_process
from watchword.bootstrap import Application
from watchword.cli.protocol import Connection, ServerConfig
from watchword.domain.time import SECOND
from watchword.settings import Settings, SettingsError

_FACTORY: Final = "watchword.cli.server:make_worker"
_MOST_CONNECTIONS: Final = 5_000
_OTHER_FILES: Final = 200
_IDLE: Final = 75  # seconds; a proxy lets go of an idle connection before that, so it never races
_GARBAGE: Final = (20_000, 20, 50)  # requests leave hardly any, and are not held up to look for it
_GRACE: Final = 8  # seconds for what has begun; containers kill after ten
_GLANCE: Final = 0.1  # seconds between two looks at whether a delay is over
# What a parent tells its workers by; another SIGTERM would be one that they end by.
_LEAVE: Final = getattr(signal, "SIGUSR1", None)


class Served(Application):
    """One of several ends with its parent: left behind, it would keep the port from the next
    start.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._watch: asyncio.Task[None] | None = None
        self._is_leaving = False

    async def start(self) -> None:
        await super().start()
        gc.collect()
        gc.freeze()  # what is there now stays: to look for garbage in it only costs time
        gc.set_threshold(*_GARBAGE)
        if (parent := parent_process()) is not None:
            self._watch = asyncio.create_task(_end_with(parent))
            if _LEAVE is not None:
                asyncio.get_running_loop().add_signal_handler(_LEAVE, self.leave)
        structlog.get_logger().info("ready", pid=os.getpid())

    def leave(self) -> None:
        super().leave()
        if not self._is_leaving:
            structlog.get_logger().info("leaving", pid=os.getpid())
        self._is_leaving = True

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await super().stop()
        structlog.get_logger().info("stopped", pid=os.getpid())


async def _end_with(parent: BaseProcess) -> None:
    while parent.is_alive():  # noqa: ASYNC110  nobody tells a process of that
        await asyncio.sleep(1)
    signal.raise_signal(signal.SIGTERM)


def make_worker() -> Served:
    """The application of one of several processes, from the same environment as its parent."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    set_up_logs(settings)
    return Served(settings)


def set_up_logs(settings: Settings) -> None:
    """Lines go to standard error; those of libraries are of interest when something is wrong."""
    form = settings.log_format or ("console" if sys.stderr.isatty() else "json")
    lines.configure(form, settings.log_level, sys.stderr)
    if settings.log_level != "debug":
        for library in ("uvicorn", "alembic"):
            logging.getLogger(library).setLevel(logging.WARNING)


def serve_alone(settings: Settings, sockets: list[socket]) -> bool:
    """Until a signal ends it. False when it could not start; the log says why."""
    application = Served(settings)
    server = _Single(_config(application, settings, workers=1), application, settings)
    try:
        server.run(sockets)
    except SystemExit as error:
        if error.code != STARTUP_FAILURE:
            raise
        return False
    return True


def serve_together(settings: Settings, sockets: list[socket], workers: int) -> bool:
    """As `serve_alone`, with several processes. Their figures are added up in a folder."""
    folder = _make_figures_folder(settings.data_dir / "metrics")
    # The library's own switch, which it reads when a worker imports it.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # noqa: TID251  written, never read
    supervisor = _Supervisor(_config(_FACTORY, settings, workers=workers), sockets, folder)
    supervisor.delay = settings.shutdown_delay / SECOND
    supervisor.run()
    return not supervisor.has_failed


def _config(app: Served | str, settings: Settings, *, workers: int) -> ServerConfig:
    config = ServerConfig(
        app,
        factory=isinstance(app, str),
        workers=workers,
        interface="asgi3",
        lifespan="on",
        http=Connection,
        ws="none",
        loop="auto",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
    )
    config.patience = settings.request_timeout / SECOND
    config.most = _raise_file_limit() - _OTHER_FILES
    return config


def _raise_file_limit() -> int:
    """How many files a process may have open; every connection is one."""
    wanted = _MOST_CONNECTIONS + _OTHER_FILES
    if sys.platform == "win32":
        return wanted
    import resource  # not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(2 * _OTHER_FILES, min(soft, wanted))


def _make_figures_folder(parent: Path) -> Path:
    """A fresh one; those of processes that are gone are removed."""
    for folder in parent.glob("[0-9]*"):
        if folder.name == str(os.getpid()) or not _is_running(folder.name):
            for file in folder.glob("*.db"):
                file.unlink(missing_ok=True)
            folder.rmdir()
    folder = parent / str(os.getpid())
    folder.mkdir(parents=True, mode=0o700)
    return folder


def _is_running(name: str) -> bool:
    try:
        os.kill(int(name), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Single(Server):
    """To be asked to end is no failure: the exit code is 0. SIGTERM leaves balancers the delay of
    the settings to notice; Ctrl-C is from somebody who waits.
    """

    def __init__(self, config: ServerConfig, application: Served, settings: Settings) -> None:
        super().__init__(config)
        self._application = application
        self._delay = settings.shutdown_delay / SECOND
        self._ends_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Runs between any two steps of anything, so it only makes a note."""
        if self._ends_at is None:
            self._ends_at = perf_counter() + self._delay
        if sig == signal.SIGINT or not self._delay:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self._ends_at is not None:
            self._application.leave()
            self.should_exit = self.should_exit or perf_counter() >= self._ends_at
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        former = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


class _Supervisor(Multiprocess):
    """Replaces a worker that dies or hangs. ``has_failed``: none has ever been able to start.
    ``delay``: for how many seconds all of them say that they are leaving before any does.
    """

    def __init__(self, config: ServerConfig, sockets: list[socket], figures: Path) -> None:
        super().__init__(config, sockets)
        self.delay = 0.0
        self.has_failed = False
        self._has_served = False
        self._figures = figures

    def handle_int(self) -> None:
        """Somebody waits for it."""
        self.delay = 0.0
        super().handle_int()

    def terminate_all(self) -> None:
        if self.delay and not self.has_failed:
            self._announce()
            until, turn = perf_counter() + self.delay, threading.Event()
            while perf_counter() < until and signal.SIGINT not in self.signal_queue:
                turn.wait(_GLANCE)
        super().terminate_all()

    def _announce(self) -> None:
        for worker in self.processes:
            if _LEAVE is not None and worker.process.is_alive():
                os.kill(worker.pid or 0, _LEAVE)

    def keep_subprocess_alive(self) -> None:
        """Unlike uvicorn's own, goes on when one that was replaced cannot start at the moment:
        the others may be serving.
        """
        for place, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.is_alive(timeout=self.config.timeout_worker_healthcheck):
                self._has_served = self._has_served or worker.is_ready()
                continue
            worker.kill()
            worker.join()
            if worker.exitcode == STARTUP_FAILURE and not self._has_served:
                self.has_failed = True
                self.should_exit.set()
                return
            self._replace(place, worker.pid or 0)

    def _replace(self, place: int, lost: int) -> None:
        forget_process(lost, self._figures)
        structlog.get_logger().warning("worker_replaced", pid=lost)
        self.processes[place] = Process(self.config, self.sockets)
        self.processes[place].start()
