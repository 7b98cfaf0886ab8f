"""Many sign-ins that come at once: what the queue costs in memory, and what it refuses."""

import json
from typing import Final

from bench.client import PASSWORD
from bench.figures import BenchFailed, Figure, Samples, Target
from bench.ground import Ground
from bench.load import Load, Outcome, Queue, Run
from bench.load.own import OwnGenerator
from bench.processes import MIB

_FEW: Final = 8
_PER_ACCOUNT: Final = 4  # of attempts at once, so that no account is locked
_ONE_HASH: Final = 19  # MiB, of the default parameters
_SECONDS: Final = 60


class WaitingSignIns:
    figures = (
        Figure(
            name="growth",
            title="memory beyond that of 8 at once",
            unit="MiB",
            target=Target("<", _ONE_HASH),
            digits=1,
        ),
        Figure(name="few", title="most resident, 8 at once", unit="MiB", digits=1),
        Figure(name="many", title="most resident, all at once", unit="MiB", digits=1),
        Figure(name="busy", title="refused as BUSY with the default queue of 64", unit=""),
    )

    def __init__(self, ground: Ground, *, waiting: int = 500) -> None:
        self.title = f"{waiting} sign-ins at once"
        self._ground = ground
        self._waiting = waiting
        self._default = ground.watchword()
        queue = {"WATCHWORD_HASH_QUEUE": str(waiting), "WATCHWORD_HASH_DEADLINE": "60s"}
        self._patient = ground.watchword(extra=queue)
        self._emails = _emails(waiting)
        self._patient.client.register(sorted(set(self._emails)))
        self._rounds = 0
        self._few = self._peak(_FEW)

    def measure(self) -> Samples:
        many = self._peak(self._waiting)
        self._rounds += 1
        # Nobody's addresses cost the same, and lock no account that the next round needs.
        nobodies = tuple(f"nobody-{self._rounds}-{n}@example.com" for n in range(self._waiting))
        default = self._burst(self._default.service.port, nobodies, accepts=(401, 503))
        return {
            "growth": many - self._few,
            "few": self._few,
            "many": many,
            "busy": default.statuses.get("503", 0),
        }

    def _peak(self, count: int) -> float:
        """The most MiB that were resident while ``count`` sign-ins waited, all of them served."""
        service = self._patient.service
        with service.peak() as most:
            outcome = self._burst(service.port, self._emails[:count])
        if outcome.requests != count:
            raise BenchFailed(f"{outcome.requests} of {count} sign-ins at once were answered.")
        return most[0] / MIB

    def _burst(
        self, port: int, emails: tuple[str, ...], *, accepts: tuple[int, ...] = (200,)
    ) -> Outcome:
        load = Load(
            port=port,
            path="/auth/login",
            connections=len(emails),
            seconds=_SECONDS,
            queue=_sign_ins(emails),
            single=True,
            accepts=accepts,
        )
        return Run(OwnGenerator(), load, self._ground.folder).outcome()


def _emails(count: int) -> tuple[str, ...]:
    return tuple(f"waiting-{number // _PER_ACCOUNT}@example.com" for number in range(count))


def _sign_ins(emails: tuple[str, ...]) -> Queue:
    return Queue(
        items=emails,
        before='{"transport":"body","email":"',
        after=f'","password":{json.dumps(PASSWORD)}}}',
        successor="email",
    )
