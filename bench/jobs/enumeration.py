"""Can time tell whether an address has an account? Pairs of a known and an unknown one, in turn.

For each call: the chance that the known address of a pair took longer, once the two are drawn apart
by chance alone, is a half. What is shown is how far from a half it is (Mann-Whitney's U, scaled).
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Final

from bench.caller import Caller
from bench.client import PASSWORD
from bench.figures import Figure, Samples, Target
from bench.ground import Ground, Watchword

_PAIRS_A_SECOND: Final = 500  # 2,000 pairs in a measurement of usual length
_HASHED_A_SECOND: Final = 100  # 2,000 in five rounds
_OPEN: Final[Mapping[str, str]] = {
    "WATCHWORD_LIMIT_MAIL": "off",
    "WATCHWORD_LIMIT_MAIL_CLIENT": "off",
    "WATCHWORD_LOCKOUT": "off",
}
_REGISTERS: Final[Mapping[str, str]] = {**_OPEN, "WATCHWORD_EMAIL_VERIFICATION": "required"}
_MAILS: Final[Mapping[str, str]] = {
    "forgot": "/auth/forgot-password",
    "resend": "/auth/verify-email/resend",
    "magic": "/auth/magic-link",
}


def _difference(name: str, title: str, bound: float) -> Figure:
    return Figure(name=name, title=title, unit="", target=Target("≤", bound), digits=3)


class Enumeration:
    title = "Known beside unknown addresses, in time"
    figures = (
        _difference("forgot", "POST /auth/forgot-password", 0.03),
        _difference("resend", "POST /auth/verify-email/resend", 0.03),
        _difference("magic", "POST /auth/magic-link", 0.03),
        _difference("login", "POST /auth/login, wrong password", 0.05),
        _difference("register", "POST /auth/register, addresses to be confirmed", 0.05),
    )

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._open = ground.watchword(extra=_OPEN)
        self._registers = ground.serve(ground.new_home(), extra=_REGISTERS)
        self._registers.service.wait_for("/health/ready")
        self._numbers = count()
        self._chance = random.Random(0)
        with Caller(self._registers.service.port) as caller:
            for email in self._registers.people:
                self._register(caller, email)

    def measure(self) -> Samples:
        pairs = max(2, int(_PAIRS_A_SECOND * self._ground.seconds))
        hashed = max(2, int(_HASHED_A_SECOND * self._ground.seconds))
        found = {
            name: self._compare(pairs, self._open, partial(self._mail, path))
            for name, path in _MAILS.items()
        }
        found["login"] = self._compare(hashed, self._open, self._sign_in)
        found["register"] = self._compare(hashed, self._registers, self._register)
        return found

    def _compare(
        self, pairs: int, watchword: Watchword, seconds_of: Callable[[Caller, str], float]
    ) -> float:
        with Caller(watchword.service.port) as caller:
            return self._difference(pairs, partial(seconds_of, caller))

    def _difference(self, pairs: int, seconds_of: Callable[[str], float]) -> float:
        known: list[float] = []
        unknown: list[float] = []
        for _ in range(pairs):
            number = next(self._numbers)
            people = self._open.people
            turns = [
                (known, people[number % len(people)]),
                (unknown, f"nobody-{number}@example.com"),
            ]
            self._chance.shuffle(turns)
            for times, email in turns:
                times.append(seconds_of(email))
        return abs(advantage(known, unknown))

    @staticmethod
    def _mail(path: str, caller: Caller, email: str) -> float:
        return caller.ask("POST", path, content={"email": email}, expect=202).seconds

    @staticmethod
    def _sign_in(caller: Caller, email: str) -> float:
        content = {"email": email, "password": f"not {PASSWORD}", "transport": "body"}
        return caller.ask("POST", "/auth/login", content=content, expect=401).seconds

    @staticmethod
    def _register(caller: Caller, email: str) -> float:
        content = {"email": email, "password": PASSWORD}
        return caller.ask("POST", "/auth/register", content=content, expect=202).seconds


def advantage(first: Sequence[float], second: Sequence[float]) -> float:
    """How much likelier than a half one of ``first`` is above one of ``second``: -0.5 to 0.5."""
    ordered = sorted(second)
    above = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in first)
    return above / (2 * len(first) * len(second)) - 0.5
