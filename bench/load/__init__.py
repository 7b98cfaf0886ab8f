"""What a load generator is told to send, and what it reports.

A load is either one request again and again, or a queue: an item is taken for each request, and
the answer names the item that takes its place. So a token is used once, and an account is never
signed in to twice at the same time.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

from bench.figures import BenchFailed
from bench.processes import environment

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """``before`` and ``after`` an item make the body of a POST; the answer's first string under
    the key ``successor`` is the next item. With ``once``, one that was sent before is wrong.
    """

    items: tuple[str, ...]
    before: str
    after: str
    successor: str
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """``size``: bytes of every right answer, head and body, where all are as long; ``single``:
    each connection sends one request, all at once; ``accepts``: statuses that are right then.
    """

    port: int
    path: str
    connections: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    queue: Queue | None = None
    size: int | None = None
    single: bool = False
    accepts: tuple[int, ...] = (200,)

    def all_headers(self) -> dict[str, str]:
        shared = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if self.queue is not None:
            shared["Content-Type"] = "application/json"
        return shared | dict(self.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``wrong`` counts answers with another status or content than is right, and connections
    that failed; ``wrong_example`` shows the first. ``cpu_seconds`` are the generator's own.
    """

    requests: int
    seconds: float
    wrong: int
    wrong_example: str
    bytes: int
    p50_ms: float
    p99_ms: float
    statuses: Mapping[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def generator_share(self) -> float:
        """Of one core."""
        return self.cpu_seconds / self.seconds

    def require_right(self, load: Load) -> None:
        """Raise `BenchFailed` unless every answer was the right one."""
        if self.wrong:
            raise BenchFailed(
                f"{load.path}: {self.wrong} of {self.requests} answers were wrong, "
                f"the first: {self.wrong_example or 'a connection failed'}"
            )
        if not self.requests:
            raise BenchFailed(f"{load.path}: there was no answer.")
        if load.size is not None:
            # What was still under way at the end is in the bytes and not in the requests.
            slack = load.connections * load.size
            if abs(self.bytes - self.requests * load.size) > slack:
                mean = self.bytes / self.requests
                raise BenchFailed(
                    f"{load.path}: answers of {mean:.1f} bytes instead of {load.size}."
                )


class Generator(Protocol):
    """Makes the command whose last line on standard output is an `Outcome` in JSON."""

    @property
    def name(self) -> str: ...

    def command(self, load: Load, spec: Path) -> list[str]:
        """``spec`` is a file to write what does not fit on a command line."""
        ...


class Run:
    """A load generator under way, in a process of its own."""

    def __init__(self, generator: Generator, load: Load, folder: Path) -> None:
        self._load = load
        with NamedTemporaryFile(dir=folder, suffix=".load", delete=False) as spec:
            self._spec = Path(spec.name)
        self._process = subprocess.Popen(
            generator.command(load, self._spec),
            env=environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def outcome(self) -> Outcome:
        """Wait for the end. Raise `BenchFailed` unless all went well."""
        process = self._process
        assert process.stdout is not None
        with process.stdout as output:
            text = output.read()
        # Not `wait`: the generator's own CPU time is wanted as well.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self._spec.unlink()
        line = text.rstrip().rpartition("\n")[2]
        if process.returncode or not line.startswith("{"):
            raise BenchFailed(f"The load generator failed: {text[-1_000:]}")
        spent = usage.ru_utime + usage.ru_stime
        outcome = Outcome(**json.loads(line), cpu_seconds=spent)
        outcome.require_right(self._load)
        return outcome


def as_text(load: Load) -> str:
    return json.dumps(asdict(load))


def from_text(text: str) -> Load:
    fields = json.loads(text)
    queue = fields.pop("queue")
    return Load(**fields, queue=None if queue is None else Queue(**queue))
