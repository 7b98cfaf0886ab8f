"""wrk as the load generator; its Lua scripts stand beside this file.

A wrk thread has a Lua state of its own and a share of the connections, so each thread has its own
queue with a share of the items.
"""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.figures import BenchFailed
from bench.load import Load, Queue
from watchword.adapters.argon2 import cores

_SCRIPTS = Path(__file__).parent / "scripts"
_CORES_PER_THREAD = 4


class Wrk:
    name = "wrk"

    def __init__(self) -> None:
        """Raise `BenchFailed` that says how to install it."""
        found = shutil.which("wrk")
        if found is None:
            raise BenchFailed(
                "The load generator wrk is missing: install it with "
                "`apt-get install wrk` (Debian, Ubuntu) or `brew install wrk`."
            )
        self._path = found
        self._threads = max(1, cores() // _CORES_PER_THREAD)

    def command(self, load: Load, spec: Path) -> list[str]:
        if load.single or load.accepts != (200,):
            raise BenchFailed("wrk sends without pause, and takes 200 alone as right.")
        threads = min(self._threads, load.connections)
        script = "steady.lua" if load.queue is None else "queue.lua"
        if load.queue is not None:
            _write(load.queue, spec)
        return [
            self._path,
            f"--threads={threads}",
            f"--connections={load.connections}",
            f"--duration={math.ceil(load.seconds)}s",
            "--timeout=10s",
            f"--script={_SCRIPTS / script}",
            *(f"--header={name}: {text}" for name, text in load.all_headers().items()),
            f"http://127.0.0.1:{load.port}{load.path}",
            "--",
            str(spec),
            str(threads),
        ]


def _write(queue: Queue, spec: Path) -> None:
    head: Sequence[str] = (queue.before, queue.after, queue.successor, str(int(queue.once)))
    spec.write_text("\n".join([*head, *queue.items]) + "\n", "utf-8")
