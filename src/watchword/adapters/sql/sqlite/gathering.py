"""Those who have time wait until somebody writes, to share the commit."""

import asyncio

from watchword.domain.time import SECOND, Span


class Gathering:
    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self, within: Span) -> None:
        """Until `end`, or for ``within`` ms."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        self._waiting.append(ended)
        timer = loop.call_later(within / SECOND, _settle, ended)
        try:
            await ended
        finally:
            timer.cancel()

    def end(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ended in waiting:
            _settle(ended)


def _settle(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)
