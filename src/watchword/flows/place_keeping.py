"""The database of places is kept fresh in the background: nobody waits for it, and where it cannot
be had, less is known.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from watchword.domain.places import FetchFailed
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span
from watchword.ports import Clock, Randomness
from watchword.ports.places import Fetched, PlaceDatabase, PlaceSource

EVERY: Span = 7 * DAY
SPREAD: Span = DAY
AGAIN_AFTER: Span = 6 * HOUR
_LOOKS_EVERY: Final = MINUTE


class PlaceLog(Protocol):
    def fetched(self) -> None: ...

    def not_fetched(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class PlaceKeeper:
    """Looks every minute for a database that somebody has put there, and every week, where there is
    a ``source``, asks for a newer one. When exactly is left to chance, so that not all the nodes of
    all the world ask at once.
    """

    database: PlaceDatabase
    source: PlaceSource | None
    clock: Clock
    randomness: Randomness
    log: PlaceLog

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, which ends a fetch as well; the next start begins it anew."""
        keeping = asyncio.ensure_future(self._keep())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            keeping.cancel()
            stopping.cancel()
            await asyncio.gather(keeping, stopping, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            wait = _LOOKS_EVERY if self.source is None else self._some(_LOOKS_EVERY)
            await asyncio.sleep(wait / SECOND)
            await self.turn()

    async def turn(self) -> None:
        """Whatever is wrong with a file or a server, there is another turn."""
        try:
            await self.database.look()
            if self.source is not None:
                await self._fetch_if_due(self.source)
        except Exception as error:  # noqa: BLE001  as said
            self.log.not_fetched(type(error).__name__)

    async def _fetch_if_due(self, source: PlaceSource) -> None:
        if not _is_due(await source.due_at(), self.clock.now()):
            return
        try:
            fetched = await source.fetch()
        except FetchFailed as failure:
            await source.postpone(self.clock.now() + AGAIN_AFTER + self._some(HOUR))
            self.log.not_fetched(str(failure))
            return
        if fetched is Fetched.ELSEWHERE:
            return
        await source.postpone(self.clock.now() + EVERY + self._some(SPREAD))
        if fetched is Fetched.NEWER:
            await self.database.look()
            self.log.fetched()

    def _some(self, span: Span) -> Span:
        """Up to ``span`` ms."""
        return int.from_bytes(self.randomness.bytes(6), "big") % span


def _is_due(at: Instant, now: Instant) -> bool:
    """What is further off than anything is put off comes from a clock that was wrong."""
    return not now < at <= now + EVERY + SPREAD
