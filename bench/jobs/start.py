"""From the command to the first answer, and what an idle worker holds in memory."""

from time import sleep
from typing import Final

from bench.figures import Figure, Samples, Target
from bench.ground import Ground
from bench.processes import MIB

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
        ground = self._ground
        home = ground.new_home()
        with ground.operated(home) as service:
            first = service.started_in
        with ground.operated(home) as service:
            sleep(_IDLE_SECONDS)
            resident = service.resident() / MIB
            return {"warm": service.started_in, "first": first, "resident": resident}
