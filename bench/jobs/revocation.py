"""Is what was revoked refused at once, by each of two busy workers that both know the session?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.caller import Caller, Timed, one_at_each
from bench.client import Client
from bench.figures import BenchFailed, Figure, Samples, Target
from bench.ground import Ground, again_and_again
from bench.jobs.job import milliseconds
from bench.jobs.profile import Profile

_WORKERS: Final = 2
_SESSIONS_PER_ACCOUNT: Final = 10  # the default limit: one that revokes the nine others
_BUSY_SECONDS: Final = 1.0  # of one run of the others; they follow one another


@dataclass(frozen=True, slots=True)
class Victim:
    """``revoker`` is the access token of another session of the same account."""

    session_id: str
    token: str
    revoker: str


@dataclass(frozen=True, slots=True)
class Tried:
    """In seconds; and how many workers accepted what was revoked."""

    revoke: float
    refused: float
    stale: int


class Revocations:
    figures = (
        Figure(
            name="stale",
            title="accepted after the revocation",
            unit="",
            target=Target("≤", 0, always=True),
        ),
        Figure(name="tried", title="revocations, each tried on both workers", unit=""),
        milliseconds("revoke", "DELETE /sessions/{id}"),
        milliseconds("refused", "the next request, refused by the other worker"),
    )

    def __init__(self, ground: Ground, *, accounts: int = 24, busy: int = 16) -> None:
        self.title = f"Revocation, {_WORKERS} workers, beside {busy} busy connections"
        self._ground = ground
        self._busy = busy
        self._watchword = ground.watchword(workers=_WORKERS)
        self._profile = Profile(self._watchword)
        self._emails = [f"revoker-{number}@example.com" for number in range(accounts)]
        self._watchword.client.register(self._emails)

    def measure(self) -> Samples:
        self._profile.renew()
        victims = sign_in_victims(self._watchword.client, self._emails)
        port = self._watchword.service.port
        with (
            one_at_each(port, _WORKERS) as callers,
            again_and_again(self._keep_busy, pause=0),
        ):
            tried = [
                attempt(victim, callers if number % 2 else callers[::-1])
                for number, victim in enumerate(victims)
            ]
        return {
            "stale": sum(one.stale for one in tried),
            "tried": len(tried),
            "revoke": median(one.revoke for one in tried) * 1_000,
            "refused": median(one.refused for one in tried) * 1_000,
        }

    def _keep_busy(self) -> None:
        seconds = min(_BUSY_SECONDS, self._ground.seconds)
        load = self._profile.protected_load(seconds, connections=self._busy)
        self._ground.run(load).outcome()


def sign_in_victims(client: Client, emails: Sequence[str]) -> list[Victim]:
    """Of each account as many sessions as it may have, one of which ends the others."""
    victims = []
    grants = client.sign_ins([*emails] * _SESSIONS_PER_ACCOUNT)
    for number in range(len(emails)):
        first, *others = grants[number :: len(emails)]
        victims += [
            Victim(one["session"]["id"], one["accessToken"], first["accessToken"]) for one in others
        ]
    return victims


def attempt(victim: Victim, callers: Sequence[Caller]) -> Tried:
    """By the last of ``callers``. Both requests that follow are sent before either is answered."""
    for caller in callers:
        caller.ask("GET", "/profile", token=victim.token)  # from now on its worker knows it
    revoked = callers[-1].ask("DELETE", f"/sessions/{victim.session_id}", token=victim.revoker)
    for caller in callers:
        caller.send("GET", "/profile", token=victim.token)
    answers = [caller.receive() for caller in callers]
    if len({answer.worker for answer in answers}) < len(callers):
        raise BenchFailed("A connection went over to another worker.")
    stale = sum(is_stale(answer) for answer in answers)
    return Tried(revoked.seconds, answers[0].seconds, stale)


def is_stale(answer: Timed) -> bool:
    """Raise `BenchFailed` when it is neither accepted nor refused for what it is."""
    if answer.status == 200:
        return True
    answer.require(401, "GET /profile")
    if answer.content["code"] != "SESSION_REVOKED":
        raise BenchFailed(f"A revoked session was refused as something else: {answer.body!r}")
    return False
