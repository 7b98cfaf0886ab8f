"""The background sender: as long as the process lives, what is due goes out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from watchword.flows.correspondence import Correspondence

AT_ONCE: Final = 20
_PAUSE: Final = 1.0  # seconds between two looks at an empty outbox


@dataclass(frozen=True, slots=True)
class Sender:
    """``failed`` hears why a look into the outbox came to nothing; there is another in a second."""

    correspondence: Correspondence
    failed: Callable[[Exception], None]

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``. A letter that is being sent then is sent to its end; what still waits
        waits in the store.
        """
        while not stop.is_set():
            if await self._send() == AT_ONCE:
                continue
            try:
                await asyncio.wait_for(stop.wait(), timeout=_PAUSE)
            except TimeoutError:
                continue

    async def _send(self) -> int:
        try:
            return await self.correspondence.send_due(at_most=AT_ONCE)
        except Exception as error:  # noqa: BLE001  a store that cannot answer now may later
            self.failed(error)
            return 0
