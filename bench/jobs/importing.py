"""The import of accounts with their hashes: the real command, in a folder that is empty before."""

from bench.client import Client
from bench.figures import Figure, Samples, Target
from bench.ground import Ground
from bench.jobs.job import cpu
from bench.newcomers import address, take_in, write_newcomers


class Import:
    """The start-up of the command is inside, with making the database: it is part of the wait."""

    figures = (
        Figure(name="rate", title="accounts", unit="/s", target=Target("≥", 10_000)),
        Figure(name="seconds", title="from the command to its end", unit="s", digits=2),
        cpu("cpu", "CPU of the command, per account"),
    )

    def __init__(self, ground: Ground, *, count: int = 100_000) -> None:
        self.title = f"`watchword users import` of {count:,} accounts, its start-up included"
        self._ground = ground
        self._count = count

    def measure(self) -> Samples:
        ground, count = self._ground, self._count
        home = ground.new_home()
        write_newcomers(home.folder, count)
        with ground.watching_others() as ours:
            ended = take_in(home, count, hear=ground.tell)
            ours.append(ended.cpu_seconds)
        with ground.operated(home) as service:
            Client(service.port).sign_in(address(count // 2))
        return {
            "rate": count / ended.seconds,
            "seconds": ended.seconds,
            "cpu": ended.cpu_seconds / count * 1e6,
        }
