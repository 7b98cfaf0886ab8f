"""What the figures were measured on. Invariant: nothing that names the machine or its user."""

import os
import platform
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from time import perf_counter
from typing import Final

from bench import postgres
from watchword import __version__
from watchword.adapters.argon2 import cores

_PACKAGES: Final = (
    "asyncpg",
    "uvicorn",
    "uvloop",
    "httptools",
    "msgspec",
    "joserfc",
    "cryptography",
    "argon2-cffi",
    "structlog",
    "prometheus-client",
)
_SYNCS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """``load_before``: the load average of the minute before; ``sync_ms``: how long the disk of
    the databases takes to write a page down, which decides what FULL costs; ``postgres``: the
    version of the server, or nothing where there is none.
    """

    at: str
    watchword: str
    python: str
    system: str
    cpu: str
    cores: int
    memory_mib: int
    load_before: float
    sync_ms: float
    generator: str
    sqlite: str
    postgres: str
    packages: Mapping[str, str]


def look_around(folder: Path, generator: str) -> Environment:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Environment(
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        watchword=__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=f"{platform.system()} {platform.machine()}",
        cpu=_cpu_model(),
        cores=cores(),
        memory_mib=memory // 1024**2,
        load_before=os.getloadavg()[0],
        sync_ms=_sync_ms(folder),
        generator=generator,
        sqlite=sqlite3.sqlite_version,
        postgres=postgres.version(),
        packages={name: version(name) for name in _PACKAGES},
    )


def _cpu_model() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _sync_ms(folder: Path) -> float:
    """Median of writing 4 KiB at the end of a file and waiting for the disk."""
    taken = []
    with TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            began = perf_counter()
            file.write(bytes(4_096))
            file.flush()
            os.fdatasync(file.fileno())
            taken.append(perf_counter() - began)
    return round(median(taken) * 1_000, 3)
