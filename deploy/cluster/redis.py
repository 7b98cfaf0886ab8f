"""A Redis or Valkey of one's own, for as long as a block lasts; nothing of it is kept."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from deploy.cluster.postgres import free_port
from deploy.cluster.services import ClusterFailed

_GLANCES: Final = 200
_GLANCE: Final = 0.05  # seconds


@contextmanager
def a_redis(folder: Path) -> Iterator[str]:
    """Its URL. It listens on this machine alone, and writes nothing but its log."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise ClusterFailed("Install redis-server or valkey-server, or leave --redis out.")
    folder.mkdir()
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([program, *options], stdout=log, stderr=log, process_group=0) as process,
    ):
        try:
            _wait_for(port, process, folder / "log")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    turn = Event()
    for _ in range(_GLANCES):
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        turn.wait(_GLANCE)
    raise ClusterFailed(f"redis did not get ready:\n{log.read_text('utf-8', 'replace')}")
