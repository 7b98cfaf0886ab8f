"""A Redis of this run's own, in which the sessions of a PostgreSQL move."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter, sleep
from typing import Any, Final

from bench.figures import BenchFailed, LeftOut
from bench.postgres import PostgresHome, PostgresStore
from bench.processes import free_port, lifetime_cpu_seconds

# As docs/redis.md says: what is lost with the machine is a second of it.
_OPTIONS: Final = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
_SECONDS: Final = 20
_POLL: Final = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class RedisStore:
    """``pid`` is the process of Redis."""

    postgres: PostgresStore
    url: str
    pid: int
    title: str = " on PostgreSQL and Redis"

    def new_home(self, folder: Path) -> "RedisHome":
        return RedisHome(self.postgres.new_home(folder), self.url)

    def cpu_seconds(self) -> float:
        return self.postgres.cpu_seconds() + lifetime_cpu_seconds(self.pid)


@dataclass(frozen=True, slots=True)
class RedisHome:
    kept: PostgresHome
    url: str

    @property
    def folder(self) -> Path:
        return self.kept.folder

    @property
    def settings(self) -> dict[str, str]:
        moving = {"WATCHWORD_REDIS_URL": self.url, "WATCHWORD_SESSION_STORE": "redis"}
        return {**self.kept.settings, **moving}

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        return self.kept.run(sql)

    def columns(self, table: str) -> list[str]:
        return self.kept.columns(table)

    def settle(self) -> None:
        self.kept.settle()

    def size(self) -> int:
        """Of the database alone."""
        return self.kept.size()


@contextmanager
def running(folder: Path, postgres: PostgresStore) -> Iterator[RedisStore]:
    """As long as the block lasts. Raise `LeftOut` where none is installed."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise LeftOut("no Redis is installed (Debian, Ubuntu: apt-get install redis-server)")
    own = Path(mkdtemp(dir=folder, prefix="redis-"))
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(own), *_OPTIONS]
    with (
        (own / "log").open("wb") as log,
        subprocess.Popen([program, *options], stdout=log, stderr=log) as process,
    ):
        try:
            _wait_for(port)
            yield RedisStore(postgres, f"redis://127.0.0.1:{port}/0", process.pid)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    ends_at = perf_counter() + _SECONDS
    while perf_counter() < ends_at:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(_POLL)
    raise BenchFailed("Redis did not get ready.")
