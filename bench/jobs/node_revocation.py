"""How soon does another node refuse what one node has revoked? Both busy, both know the session."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter, sleep
from typing import Final

from bench.caller import Caller
from bench.figures import BenchFailed, Figure, Samples, Target
from bench.ground import Ground, Watchword, again_and_again
from bench.jobs.job import milliseconds
from bench.jobs.nodes import spread
from bench.jobs.profile import Profile
from bench.jobs.revocation import Victim, is_stale, sign_in_victims

_BOUND: Final = 1.0  # seconds, the default of WATCHWORD_REVOCATION_BOUND
_GIVE_UP: Final = 10.0
_BUSY_SECONDS: Final = 1.0  # of one run of the others; they follow one another


@dataclass(frozen=True, slots=True)
class Heard:
    """``revoke``: seconds of the revocation; ``refused``: from its acknowledgement to the first
    refusal; ``usual``: of a request before. ``accepted`` counts what was let in meanwhile, ``late``
    what was let in after the bound.
    """

    revoke: float
    refused: float
    usual: float
    accepted: int
    late: int


class NodeRevocations:
    figures = (
        Figure(
            name="late",
            title="accepted later than the bound of 1 s",
            unit="",
            target=Target("≤", 0, always=True),
        ),
        Figure(
            name="p50",
            title="acknowledged → refused by the other node, p50",
            unit="ms",
            target=Target("≤", 5),
            digits=1,
        ),
        Figure(
            name="p99",
            title="acknowledged → refused by the other node, p99",
            unit="ms",
            target=Target("≤", 50),
            digits=1,
        ),
        Figure(name="tried", title="revocations", unit=""),
        Figure(name="accepted", title="accepted within the bound", unit=""),
        milliseconds("usual", "the same request before, p50"),
        milliseconds("revoke", "DELETE /sessions/{id}, p50"),
    )

    def __init__(self, ground: Ground, *, accounts: int = 24, busy: int = 8) -> None:
        self.title = f"Revocation across 2 nodes{ground.store.title}, each with {busy} busy clients"
        self._ground = ground
        self._busy = busy
        self._nodes = ground.nodes(2)
        self._profile = Profile(self._nodes[0])
        self._emails = [f"revoker-{number}@example.com" for number in range(accounts)]
        self._nodes[0].client.register(self._emails)
        self._noted = ground.latencies.setdefault("postgres-revocation", [])

    def measure(self) -> Samples:
        self._profile.renew()
        victims = sign_in_victims(self._nodes[0].client, self._emails)
        with ExitStack() as stack:
            callers = [stack.enter_context(Caller(node.service.port)) for node in self._nodes]
            for node in self._nodes:
                keep_busy = partial(self._keep_busy, node)
                stack.enter_context(again_and_again(keep_busy, pause=0))
            heard = [
                hear(victim, callers if number % 2 else callers[::-1])
                for number, victim in enumerate(victims)
            ]
            sleep(_BOUND)
            late = sum(_count_accepted(victim, callers) for victim in victims)
        delays = sorted(one.refused * 1_000 for one in heard)
        self._noted += delays
        return {
            "late": late + sum(one.late for one in heard),
            "p50": median(delays),
            "p99": delays[int((len(delays) - 1) * 0.99)],
            "tried": len(heard),
            "accepted": sum(one.accepted for one in heard),
            "usual": median(one.usual for one in heard) * 1_000,
            "revoke": median(one.revoke for one in heard) * 1_000,
        }

    def _keep_busy(self, node: Watchword) -> None:
        seconds = min(_BUSY_SECONDS, self._ground.seconds)
        load = self._profile.protected_load(seconds, connections=self._busy)
        (load,) = spread(load, [node.service], self._busy)
        self._ground.run(load).outcome()


def hear(
    victim: Victim,
    callers: Sequence[Caller],
    *,
    bound: float = _BOUND,
    give_up: float = _GIVE_UP,
) -> Heard:
    """By the last of ``callers``; the first asks its node again and again until it refuses."""
    there, here = callers
    here.ask("GET", "/profile", token=victim.token)  # from now on its node knows it
    there.ask("GET", "/profile", token=victim.token)
    usual = there.ask("GET", "/profile", token=victim.token).seconds
    revoke = here.ask("DELETE", f"/sessions/{victim.session_id}", token=victim.revoker).seconds
    acknowledged = perf_counter()
    accepted = late = 0
    while True:
        there.send("GET", "/profile", token=victim.token)
        stale = is_stale(there.receive())
        passed = perf_counter() - acknowledged
        if not stale:
            return Heard(revoke, passed, usual, accepted, late)
        if passed > give_up:
            raise BenchFailed(f"A revoked session is accepted after {passed:.1f} seconds.")
        accepted += 1
        late += passed > bound


def _count_accepted(victim: Victim, callers: Sequence[Caller]) -> int:
    accepted = 0
    for caller in callers:
        caller.send("GET", "/profile", token=victim.token)
        accepted += is_stale(caller.receive())
    return accepted
