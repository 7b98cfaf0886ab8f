"""Processes that this run starts, what they cost, and their end.

Invariant: only what was started here is ended here, by its own id.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import clock_gettime, perf_counter, sleep

from bench.figures import BenchFailed

ROOT = Path(__file__).parent.parent
MIB = 1024 * 1024

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_START_SECONDS = 20
_STOP_SECONDS = 15
_SAMPLE_SECONDS = 0.01


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without its own Watchword settings: they are the run's."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("WATCHWORD_")}
    paths = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    return {**kept, "PYTHONPATH": paths, "PYTHONWARNINGS": "default", **extra}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the benchmark with this Python."""
    return [sys.executable, "-m", module, *arguments]


def watchword(*arguments: str) -> list[str]:
    """The command, as an operator types it."""
    return [str(Path(sys.executable).with_name("watchword")), *arguments]


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended well: what it printed, how long it took, start-up and all."""

    output: str
    seconds: float
    cpu_seconds: float


def run_to_end(
    command: Sequence[str],
    *,
    folder: Path,
    hear: Callable[[str], None],
    settings: Mapping[str, str] | None = None,
) -> Ended:
    """``hear`` is told each line of its standard error. Raise `BenchFailed` unless it ends well."""
    began = perf_counter()
    with (
        TemporaryFile("w+", dir=folder, encoding="utf-8") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said = line.strip()
            hear(said)
        # Not `wait`: its CPU time is wanted as well.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise BenchFailed(f"A command failed with {process.returncode}: {said[:1_000]}")
        output.seek(0)
        return Ended(output.read(), seconds, usage.ru_utime + usage.ru_stime)


class Service:
    """A server in a process of its own, perhaps with workers below it; ``port`` on loopback."""

    def __init__(
        self, command: Sequence[str], port: int, *, folder: Path, settings: Mapping[str, str]
    ) -> None:
        self.port = port
        self.started_in = 0.0
        self._log_path = folder / f"{port}.log"
        self._log = self._log_path.open("wb")
        self._began = perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait_for(self, path: str) -> None:
        """Until ``path`` answers 200; raise `BenchFailed` with the server's last words."""
        while not _answers(self.port, path):
            if self._process.poll() is not None:
                raise BenchFailed(f"A server ended at its start:\n{self._last_words()}")
            if perf_counter() - self._began > _START_SECONDS:
                raise BenchFailed(f"A server did not get ready:\n{self._last_words()}")
            sleep(_SAMPLE_SECONDS)
        self.started_in = perf_counter() - self._began

    def _last_words(self) -> str:
        return self._log_path.read_text("utf-8", "replace")[-2_000:] or "(it said nothing)"

    @property
    def members(self) -> list[int]:
        """Process ids: the server and everything that it has started."""
        return family(self._process.pid)

    def cpu_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in self.members)

    def resident(self) -> int:
        """Bytes, of the largest process of the family: a worker, not its supervisor."""
        return max(_resident(pid) for pid in self.members)

    @contextmanager
    def peak(self) -> Iterator[list[int]]:
        """Put the most bytes that were resident during the block into the list it is given."""
        seen: list[int] = [self.resident()]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_SAMPLE_SECONDS):
                seen[0] = max(seen[0], self.resident())

        thread = threading.Thread(target=watch, name="memory", daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            done.set()
            thread.join()

    def begin_to_stop(self) -> None:
        self._process.terminate()

    def stop(self) -> None:
        members = self.members
        self.begin_to_stop()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
            self._process.wait()
        self._log.close()


def family(pid: int) -> list[int]:
    found = [pid]
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        for child in children:
            found += family(int(child))
    return found


def busy_seconds() -> float:
    """CPU time that the whole machine has spent on anything, the host's other guests included."""
    fields = Path("/proc/stat").read_text("ascii").partition("\n")[0].split()
    user, nice, system, _idle, _waiting, *rest = (int(field) for field in fields[1:9])
    return (user + nice + system + sum(rest)) * _TICK


def _cpu_seconds(pid: int) -> float:
    """User and system time of all threads, finer than a tick; 0 for a process that has gone."""
    with suppress(OSError):
        return clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) would say
    return 0.0


def lifetime_cpu_seconds(pid: int) -> float:
    """With that of its children which have ended; 0 for a process that has gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) * _TICK
    return 0.0


def _resident(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    return 0


def _answers(port: int, path: str) -> bool:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as caller:
            caller.sendall(request.encode())
            return caller.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
