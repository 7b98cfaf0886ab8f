"""From the command to the first answer, and what an idle worker holds in memory."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from time import sleep
from typing import Final

from bench.figures import Figure, Samples, Target
from bench.ground import Ground
from bench.processes import MIB, Service, free_port

_IDLE_SECONDS: Final = 0.5


class Start:
    """`watchword serve`, as an operator starts it: with no settings, in an empty folder, and then
    again in the same one.
    """

    title = "Start of `watchword serve`, 1 worker"
    figures = (
        Figure(
            name="warm",
            title="command to the first 200",
            unit="s",
            target=Target("≤", 1.5),
            digits=2,
        ),
        Figure(name="first", title="the same in an empty folder", unit="s", digits=2),
        Figure(
            name="resident",
            title="resident when idle",
            unit="MiB",
            target=Target("≤", 100),
            digits=1,
        ),
    )

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def measure(self) -> Samples:
        folder = Path(mkdtemp(dir=self._ground.folder))
        with self._started(folder) as service:
            first = service.started_in
        with self._started(folder) as service:
            sleep(_IDLE_SECONDS)
            resident = service.resident() / MIB
            return {"warm": service.started_in, "first": first, "resident": resident}

    @contextmanager
    def _started(self, folder: Path) -> Iterator[Service]:
        port = free_port()
        command = [str(Path(sys.executable).with_name("watchword")), "serve", "--port", str(port)]
        service = self._ground.start(command, port, folder, {})
        try:
            service.wait_for("/health/ready")
            yield service
        finally:
            service.stop()
