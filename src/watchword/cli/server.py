"""uvicorn, set up to serve Watchword: one process, or several that share a socket.

Invariant: a process that is asked to end first answers what it has begun and writes down what it
knows. One that dies is replaced; when their parent dies, all of them end.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from socket import socket
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


class Served(Application):
    """One of several ends with its parent: left behind, it would keep the port from the next
    start.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await super().start()
        gc.collect()
        gc.freeze()  # what is there now stays: to look for garbage in it only costs time
        gc.set_threshold(*_GARBAGE)
        if (parent := parent_process()) is not None:
            self._watch = asyncio.create_task(_end_with(parent))
        structlog.get_logger().info("ready", pid=os.getpid())

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
    server = _Single(_config(Served(settings), settings, workers=1))
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
    """To be asked to end is no failure: the exit code is 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        former = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


class _Supervisor(Multiprocess):
    """Replaces a worker that dies or hangs. ``has_failed``: none has ever been able to start."""

    def __init__(self, config: ServerConfig, sockets: list[socket], figures: Path) -> None:
        super().__init__(config, sockets)
        self.has_failed = False
        self._has_served = False
        self._figures = figures

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
