"""People who sign in, and one who guesses, while whatever counts them fails."""

import asyncio
from itertools import cycle

from tests import kept
from tests.driving import PASSWORD, Server
from tests.faults.crowd import EXPECTED, Crowd
from tests.faults.stage import Fault, Told
from watchword.domain.attempts import LockoutPolicy

FAILURES = 5  # in a row lock the account, and nothing here lets time go by
POLICY = LockoutPolicy(FAILURES, 60_000)
_GUESSED = "guessed@example.com"
# Many: an attempt whose answer is lost stays counted as a failure.
_VISITORS = [f"visitor-{number}@example.com" for number in range(40)]
_EVERY = 0.05  # seconds
_UNCOUNTED = frozenset({"use", "refresh", "revoke", "probe"})


class CountedCrowd(Crowd):
    """Beside what all do, some sign in at both nodes, and somebody guesses a password."""

    expected = EXPECTED | {429}
    victims = 40

    def __init__(self, nodes: tuple[Server, Server], direct: kept.Database) -> None:
        super().__init__(nodes, direct)
        self._one = nodes[0]

    async def arrive(self) -> None:
        for email in (*_VISITORS, _GUESSED):
            await self._one.register(email)
        await super().arrive()

    async def act(self) -> None:
        coming = (self._sign_in(node) for node in range(2))
        await asyncio.gather(super().act(), *coming, *(self._guess(node) for node in range(2)))

    async def _sign_in(self, node: int) -> None:
        """Whoever comes does not wait until those before have been answered."""
        waiting: list[asyncio.Task[object]] = []
        for _, email in zip(self._turns(), cycle(_VISITORS), strict=False):
            body = {"email": email, "password": PASSWORD, "transport": "body"}
            asking = self._ask("sign-in", node, None, "POST", "/auth/login", json=body)
            waiting.append(asyncio.create_task(asking))
            await asyncio.sleep(_EVERY)
        await asyncio.gather(*waiting)

    async def _guess(self, node: int) -> None:
        body = {"email": _GUESSED, "password": "wrong, and long enough"}
        for _ in self._turns():
            await self._ask("guess", node, None, "POST", "/auth/login", json=body)


def require_counted(told: Told, fault: Fault) -> None:
    """Who needs no counter was served throughout; who needs one was refused while there was none;
    and nobody guessed more often than is counted.
    """
    answers = told.ledger.answers
    refused = [answer for answer in answers if answer.status == 503]
    assert [answer for answer in refused if answer.what in _UNCOUNTED] == []
    assert {answer.what for answer in answers if answer.status == 429} <= {"guess"}
    tried = [a for a in answers if a.what == "guess" and a.status == 401]
    assert len(tried) <= FAILURES * (1 + fault.forgets)
    let_in = [a for a in answers if a.what == "sign-in" and a.status == 200]
    assert any(answer.began > told.ended for answer in let_in), "it went on by itself"
    uncounted = [
        answer
        for answer in [*let_in, *tried]
        if answer.node in fault.closed
        and told.began < answer.began
        and answer.began + answer.took < told.ended
    ]
    assert uncounted == []
    closed = {a.node for a in refused if a.what == "sign-in" and a.began > told.began}
    assert closed >= fault.closed, "there was a fault"
