"""What goes on in the background: uses are written down, what has ended is removed, keys rotate.

Safe on several processes at once: each step is a bounded, conditional change.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from watchword.domain.time import HOUR, MINUTE, SECOND, Instant, Span
from watchword.flows.keyring import KeyRing
from watchword.flows.standings import Standings
from watchword.ports import Clock, Housekeeping

PIECE = 1_000


class Gauges(Protocol):
    def sessions_alive(self, count: int) -> None: ...

    def pour(self) -> None:
        """Hand over what was counted since."""
        ...


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every ``every`` ms."""

    name: str
    every: Span
    do: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Housekeeper:
    """``failed`` hears of a chore that could not be done; it is tried again at its next turn."""

    store: Housekeeping
    standings: Standings
    keyring: KeyRing
    clock: Clock
    gauges: Gauges
    failed: Callable[[str, Exception], None]

    def chores(self) -> tuple[Chore, ...]:
        return (
            Chore("news", SECOND, self.hear),
            Chore("flush", SECOND, self.flush),
            Chore("purge", MINUTE, self.purge),
            Chore("gauge", 15 * SECOND, self.gauge),
            Chore("keys", HOUR, self.keyring.rotate_if_due),
        )

    async def hear(self) -> None:
        """A process that only signs people in hears of a new signing key here."""
        self.standings.catch_up()
        await self.keyring.keys()

    async def flush(self) -> None:
        """The last uses of sessions, and what was counted."""
        self.gauges.pour()
        await self.standings.flush()

    async def purge(self) -> int:
        """Everything that has ended, a piece at a time, so that nobody waits long behind it."""
        removed = 0
        while (piece := await self.store.purge(self.clock.now(), at_most=PIECE)) >= PIECE:
            removed += piece
            await asyncio.sleep(0)
        return removed + piece

    async def gauge(self) -> None:
        self.gauges.sessions_alive(await self.store.count_live_sessions(self.clock.now()))

    async def tick(self, due: dict[str, Instant]) -> None:
        """Do what is due, and note when it is due next."""
        for chore in self.chores():
            now = self.clock.now()
            wait = due.get(chore.name, 0) - now
            if 0 < wait <= chore.every:  # more than that: the clock was set back
                continue
            due[chore.name] = now + chore.every
            await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        try:
            await chore.do()
        except Exception as error:  # noqa: BLE001  the other chores, and its next turn, go on
            self.failed(chore.name, error)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then once more, so that no use is lost with the process."""
        due: dict[str, Instant] = {}
        while not stop.is_set():
            await self.tick(due)
            try:
                await asyncio.wait_for(stop.wait(), timeout=1)
            except TimeoutError:
                continue
        await self._do(Chore("flush", SECOND, self.flush))
