"""A server with many accounts, each signed in; who comes next may be any of them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from time import sleep
from typing import Final

from bench.filling import fill_accounts, fill_sessions
from bench.ground import Ground
from bench.newcomers import address, take_in, write_newcomers
from bench.opening import Opened, open_sessions

_HELD: Final = 1_000  # accounts at most that hold two sessions whose tokens are known
_STRANGERS: Final = 10_000
_IDLE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Held:
    """Two sessions of one account, opened with others between them."""

    first: Opened
    second: Opened


class Crowd:
    """``size`` accounts, and as many sessions. Who is chosen is the same in each run, and spread
    over all of them. ``resident``: bytes of the idle node before anybody has come;
    ``account_bytes`` and ``session_bytes``: what one takes on the disk, indexes and all.
    """

    def __init__(self, ground: Ground, size: int) -> None:
        self.size = size
        self._ground = ground
        self._home = ground.new_home()
        self._random = Random(size)
        self.account_bytes, self.session_bytes = self._move_in()
        chosen = self._random.sample(range(1, size), min(_HELD, size // 10))
        self._emails = [address(number) for number in chosen]
        self._held = self._open(self._emails * 2)
        self._strangers = self._choose_strangers()
        self.watchword = ground.serve(self._home)
        self.watchword.service.wait_for("/health/ready")
        sleep(_IDLE_SECONDS)
        self.resident = self.watchword.service.resident()

    def held(self, count: int) -> list[Held]:
        """Accounts with two fresh sessions. Those whose turn comes once more are signed in anew."""
        while len(self._held) < count:
            self._held += self._open(self._emails * 2)
        return [self._held.pop() for _ in range(count)]

    def strangers(self, count: int) -> list[str]:
        """Addresses of any accounts, to sign in with."""
        return list(islice(self._strangers, count))

    def _choose_strangers(self) -> Iterator[str]:
        while True:
            numbers = self._random.sample(range(self.size), min(self.size, _STRANGERS))
            yield from map(address, numbers)

    def _move_in(self) -> tuple[float, float]:
        """The first is imported and signed in; the others are copies. Bytes of each of them."""
        home, size = self._home, self.size
        write_newcomers(home.folder, 1)
        take_in(home, 1, hear=self._tell)
        open_sessions(home, [address(0)])
        sizes = [self._settled()]
        for fill in (fill_accounts, fill_sessions):
            fill(home, size, tell=self._tell)
            sizes.append(self._settled())
        empty, with_accounts, with_sessions = sizes
        return (with_accounts - empty) / size, (with_sessions - with_accounts) / size

    def _settled(self) -> int:
        self._home.settle()
        return self._home.size()

    def _open(self, emails: list[str]) -> list[Held]:
        """In no order. Those that have got two sessions."""
        self._tell(f"opening {len(emails):,} sessions")
        self._random.shuffle(emails)
        sessions: dict[str, list[Opened]] = defaultdict(list)
        for opened in open_sessions(self._home, emails):
            sessions[opened.email].append(opened)
        return [Held(*pair) for pair in sessions.values() if len(pair) > 1]

    def _tell(self, what: str) -> None:
        self._ground.tell(f"getting {self.size:,} sessions ready: {what}")
