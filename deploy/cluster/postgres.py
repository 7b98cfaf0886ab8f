"""A PostgreSQL of one's own, of Debian's programs: in a new folder, for as long as a block lasts.

Invariant: it listens on this machine alone, and nothing of it is left. It refuses to run as root,
so where we are root it runs as the user ``postgres``.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DEBIAN: Final = Path("/usr/lib/postgresql")
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Cluster:
    """``url`` is of its database ``postgres``, for a user who may do everything."""

    url: str
    folder: Path

    def control(self, *arguments: str) -> None:
        """``pg_ctl``, which waits until it is done."""
        _run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)


def find_programs() -> Path | None:
    """Those of the newest version."""
    found = [folder for folder in _DEBIAN.glob("*/bin") if (folder / "initdb").exists()]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def a_cluster(user: str, options: str = "") -> Iterator[Cluster]:
    """``options`` are the server's own, as ``-c fsync=off``."""
    folder = Path(tempfile.mkdtemp(prefix="watchword-postgres-"))
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        port = free_port()
        cluster = Cluster(f"postgresql://{user}@127.0.0.1:{port}/postgres", folder)
        _run(
            "initdb",
            *("-D", f"{folder}/data", "-U", user, "-A", "trust", "-E", "UTF8"),
            *("--locale=C.UTF-8", "--no-sync"),
        )
        place = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder}"
        cluster.control("-l", f"{folder}/log", "-o", f"{options} {place}", "start")
        try:
            yield cluster
        finally:
            cluster.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _run(program: str, *arguments: str) -> None:
    programs = find_programs()
    assert programs is not None
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    command = [*(drop if os.geteuid() == 0 else []), str(programs / program), *arguments]
    # Its log is in its folder; it must not inherit a pipe that somebody waits for. A Ctrl-C is for
    # whoever runs this, who then stops it.
    subprocess.run(
        command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=_SECONDS, process_group=0
    )
