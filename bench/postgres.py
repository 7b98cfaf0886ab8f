"""A PostgreSQL of this run's own, as durable as in production, and the databases on it."""

import asyncio
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import asyncpg

from bench.figures import LeftOut
from bench.processes import family, free_port, lifetime_cpu_seconds

_DEBIAN: Final = Path("/usr/lib/postgresql")
_ACCOUNT: Final = "postgres"  # a server refuses to be run by root
_USER: Final = "watchword"
_SECONDS: Final = 120
_FILL_SECONDS: Final = 3_600
# The first three are defaults, and what the figures stand for. The others are what anybody sets who
# gives a server more than a corner of a machine: no checkpoint falls into a short measurement.
_OPTIONS: Final = (
    *("fsync=on", "synchronous_commit=on", "full_page_writes=on"),
    *("shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min"),
    "max_connections=300",
)
_KEY: Final = (
    "CREATE FUNCTION bench_key(kind text, number bigint) RETURNS text LANGUAGE sql IMMUTABLE"
    " RETURN encode(sha256(convert_to(kind || number, 'UTF8')), 'hex')"
)


def programs() -> Path | None:
    """The folder with those of the newest version."""
    found = [folder for folder in _DEBIAN.glob("*/bin") if (folder / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


def version() -> str:
    """Of the server, and nothing where there is none."""
    folder = programs()
    if folder is None:
        return ""
    command = [str(folder / "postgres"), "--version"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
    return told.stdout.split()[2]


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """``programs`` is the folder of the server's programs, ``folder`` that of its files."""

    programs: Path
    folder: Path
    port: int
    title: str = " on PostgreSQL"
    _numbers: Iterator[int] = field(default_factory=count)

    def new_home(self, folder: Path) -> "PostgresHome":
        name = f"watchword_{next(self._numbers)}"
        _run(self._url("postgres"), f"CREATE DATABASE {name}")
        home = PostgresHome(folder, self._url(name), self.programs)
        home.run(_KEY)
        return home

    def cpu_seconds(self) -> float:
        """Of those connections that have been closed as well."""
        first = (self.folder / "data" / "postmaster.pid").read_text("ascii").partition("\n")[0]
        return sum(lifetime_cpu_seconds(pid) for pid in family(int(first)))

    def _url(self, database: str) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True, slots=True)
class PostgresHome:
    folder: Path
    url: str
    programs: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"WATCHWORD_DATABASE_URL": self.url}

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        return _run(self.url, sql)

    def columns(self, table: str) -> list[str]:
        sql = "SELECT column_name FROM information_schema.columns WHERE table_name = "
        return [str(row[0]) for row in self.run(f"{sql}'{table}'")]

    def settle(self) -> None:
        self.run("VACUUM ANALYZE")
        self.run("CHECKPOINT")

    def size(self) -> int:
        return int(self.run("SELECT pg_database_size(current_database())")[0][0])


@contextmanager
def running(folder: Path) -> Iterator[PostgresStore]:
    """A server as long as the block lasts. Its files are in ``folder`` where its account may go
    there, else in the folder for temporary files. Raise `LeftOut` where none is installed.
    """
    found = programs()
    if found is None:
        raise LeftOut("no PostgreSQL is installed (Debian, Ubuntu: apt-get install postgresql)")
    own = _own_folder(folder)
    store = PostgresStore(found, own, free_port())
    try:
        _control(store, "initdb", "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        options = " ".join(f"-c {option}" for option in _OPTIONS)
        network = f"-c listen_addresses=127.0.0.1 -p {store.port} -c unix_socket_directories=''"
        start = ("-w", "-l", f"{own}/log", "-o", f"{options} {network}", "start")
        _control(store, "pg_ctl", *start)
        try:
            yield store
        finally:
            _control(store, "pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _own_folder(folder: Path) -> Path:
    if os.geteuid() != 0:
        return Path(mkdtemp(dir=folder, prefix="postgres-"))
    above = folder.absolute()
    is_open = all(parent.stat().st_mode & 0o001 for parent in above.parents)
    if is_open:
        above.chmod(above.stat().st_mode | 0o011)  # to be passed through, not to be listed
    own = Path(mkdtemp(dir=above if is_open else None, prefix="watchword-postgres-"))
    account = pwd.getpwnam(_ACCOUNT)
    os.chown(own, account.pw_uid, account.pw_gid)
    return own


def _control(store: PostgresStore, name: str, *arguments: str) -> None:
    drop = ["setpriv", f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups"]
    command = [*(drop if os.geteuid() == 0 else []), str(store.programs / name)]
    command += ["-D", f"{store.folder}/data", *arguments]
    # Its log is in its folder; it must not inherit a pipe that somebody waits for.
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=_SECONDS)


def _run(url: str, sql: str) -> Sequence[Sequence[Any]]:
    async def run() -> Sequence[Sequence[Any]]:
        connection = await asyncpg.connect(url)
        try:
            rows: Sequence[Sequence[Any]] = await connection.fetch(sql, timeout=_FILL_SECONDS)
            return rows
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(run())
