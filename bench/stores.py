"""Where the servers of a run keep their data, and what a job may do there behind their backs.

`SqliteStore` here; `bench.postgres` has the other. Text of rows that a job fills in is made by a
function that each of them has, ``bench_key(kind, number)``: always the same, and in no order.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

DATA: Final = "watchword-data"  # where a server keeps its files unless it is told otherwise
_DATABASE: Final = "watchword.db"
_CACHE_KIB: Final = 1_000_000  # while it is filled: the pages of its indexes come in no order


class Home(Protocol):
    """The data of one installation. Its servers run in ``folder`` with ``settings``."""

    @property
    def folder(self) -> Path: ...

    @property
    def settings(self) -> dict[str, str]: ...

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        """One statement in a transaction of its own; the rows that it gives."""
        ...

    def columns(self, table: str) -> list[str]: ...

    def settle(self) -> None:
        """After much has been written: what the store would do about it sooner or later."""
        ...

    def size(self) -> int:
        """Bytes on the disk, of tables and indexes."""
        ...


class Store(Protocol):
    """``title`` is put behind that of a job."""

    @property
    def title(self) -> str: ...

    def new_home(self, folder: Path) -> Home: ...

    def cpu_seconds(self) -> float:
        """Of the store's own processes, where it has any."""
        ...


def key(kind: str, number: int) -> str:
    """64 hexadecimal digits."""
    return sha256(f"{kind}{number}".encode()).hexdigest()


class SqliteStore:
    title = ""

    def new_home(self, folder: Path) -> "SqliteHome":
        return SqliteHome(folder, {})

    def cpu_seconds(self) -> float:
        return 0.0


@dataclass(frozen=True, slots=True)
class SqliteHome:
    folder: Path
    settings: dict[str, str]

    def run(self, sql: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.create_function("bench_key", 2, key, deterministic=True)
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute("PRAGMA synchronous = OFF")
            return connection.execute(sql).fetchall()

    def columns(self, table: str) -> list[str]:
        return [str(row[1]) for row in self.run(f"PRAGMA table_info({table})")]

    def settle(self) -> None:
        self.run("PRAGMA wal_checkpoint(TRUNCATE)")
        self.run("ANALYZE")

    def size(self) -> int:
        return self._path.stat().st_size

    @property
    def _path(self) -> Path:
        return self.folder / DATA / _DATABASE
