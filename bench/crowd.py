"""A server with many accounts, a tenth of them signed in; who comes next may be any of them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Final

from bench.ground import Ground
from bench.newcomers import DATA, address, take_in, write_newcomers
from bench.opening import Opened, open_sessions

_SIGNED_IN: Final = 10  # one in so many accounts
_HELD: Final = 1_000  # accounts at most that hold a second session, and have their tokens kept
_STRANGERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Held:
    """Two sessions of one account, opened with thousands of others between them."""

    first: Opened
    second: Opened


class Crowd:
    """Who is chosen is the same in each run, and spread over all accounts and sessions."""

    def __init__(self, ground: Ground, size: int) -> None:
        self.size = size
        self._ground = ground
        self._folder = ground.new_folder()
        self._random = Random(size)
        self._move_in()
        chosen = self._random.sample(range(size), size // _SIGNED_IN)
        self._emails = [address(number) for number in chosen[:_HELD]]
        self._held = self._open([*map(address, chosen), *self._emails])
        self._strangers = self._choose_strangers()
        self.watchword = ground.serve(self._folder)
        self.watchword.service.wait_for("/health/ready")

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

    def _move_in(self) -> None:
        self._tell("writing the file")
        write_newcomers(self._folder, self.size)
        self._tell("importing")
        take_in(self._folder, self.size, hear=self._tell)

    def _open(self, emails: list[str]) -> list[Held]:
        """In no order. Those that have got two sessions."""
        self._tell(f"opening {len(emails):,} sessions")
        self._random.shuffle(emails)
        sessions: dict[str, list[Opened]] = defaultdict(list)
        for opened in open_sessions(self._folder / DATA, emails):
            sessions[opened.email].append(opened)
        return [Held(*pair) for pair in sessions.values() if len(pair) > 1]

    def _tell(self, what: str) -> None:
        self._ground.tell(f"getting {self.size:,} accounts ready: {what}")
