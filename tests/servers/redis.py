"""A real Redis or Valkey for the tests: the one of ``WATCHWORD_TEST_REDIS_URL``, else one that is
started here.

Invariant: a test that is given a server finds it empty.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import pytest

GIVEN: Final = os.environ.get("WATCHWORD_TEST_REDIS_URL")
PROGRAM: Final = shutil.which("redis-server") or shutil.which("valkey-server")
_IS_NEEDED: Final = "CI" in os.environ
_MISSING: Final = (
    "No Redis is tested: install redis-server or valkey-server, or name a server that may be"
    " emptied in WATCHWORD_TEST_REDIS_URL."
)
_PATIENCE: Final = 10.0  # seconds


class RedisServer:
    """A process on a port of its own, which can be killed, paused and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        """``options`` are the server's own; with a certificate among them it speaks TLS alone."""
        self.folder = folder
        self.port = free_port()
        self._options = options
        self._is_encrypted = "--tls-cert-file" in options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        assert PROGRAM is not None
        with (self.folder / "log").open("ab") as log:
            ports = ["--port", "0", "--tls-port"] if self._is_encrypted else ["--port"]
            place = [*ports, str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
            self._process = subprocess.Popen(
                [PROGRAM, *place, "--save", "", *self._options], stdout=log, stderr=log
            )
        self._await_answer()

    def _await_answer(self) -> None:
        """It takes connections; passwords and TLS are no affair of this."""
        until = perf_counter() + _PATIENCE
        while True:
            assert self._process is not None
            if self._process.poll() is not None or perf_counter() > until:
                raise AssertionError((self.folder / "log").read_text("utf-8"))
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except ConnectionRefusedError:
                continue
            else:
                return

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It keeps its connections, and answers nothing."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def require_program() -> None:
    """Skip where there is no server to be had, and say so; fail where that is no excuse."""
    if PROGRAM is None:
        _give_up()


def _give_up() -> None:
    if _IS_NEEDED:
        pytest.fail(_MISSING)

    pytest.skip(_MISSING)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server of one's own, to do with whatever one likes."""
    require_program()
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def shared(folder: Path, worker: str) -> Iterator[str]:
    """The URL of a database that may be emptied: on the given server one for each worker, as
    ``gw1`` of pytest-xdist, else on one that is started.
    """
    if GIVEN is not None:
        place = re.sub(r"/\d*$", "", GIVEN)
        yield f"{place}/{int(worker.removeprefix('gw')) if worker.startswith('gw') else 0}"
        return
    with running(folder) as server:
        yield server.url
