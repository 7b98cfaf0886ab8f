"""A network that fails when it is told to: a TCP proxy between a node and a server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto


class Way(Enum):
    """Which a byte goes."""

    THERE = auto()
    BACK = auto()


BOTH = frozenset(Way)


class Proxy:
    """``delay`` in seconds, for each piece in each direction. Whatever else fails lasts until
    `mend`; connections that have lost something then stay lost, as behind a router that has
    forgotten them.
    """

    host = "127.0.0.1"

    def __init__(self, host: str, port: int) -> None:
        self.delay = 0.0
        self.port = 0
        self._to = (host, port)
        self._swallowed: frozenset[Way] = frozenset()
        self._is_cut = False
        self._is_whole = asyncio.Event()
        self._is_whole.set()
        self._links: set[asyncio.Task[None]] = set()

    def move(self, port: int) -> None:
        """New connections lead to another server; those that there are stay with the former."""
        self._to = (self._to[0], port)

    def cut(self) -> None:
        """Every connection ends, and no other begins."""
        self._is_cut = True
        for link in self._links:
            link.cancel()

    def swallow(self, ways: frozenset[Way]) -> None:
        """Nothing ends, and nothing arrives."""
        self._swallowed = ways

    def hold(self) -> None:
        """Nothing arrives until it is mended, and then everything does."""
        self._is_whole.clear()

    def mend(self) -> None:
        self.delay = 0.0
        self._is_cut = False
        self._swallowed = frozenset()
        self._is_whole.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, sock=self._listening())
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0)  # who has just been let in begins, so that it can end
            for link in self._links:
                link.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

    def _listening(self) -> socket.socket:
        return socket.create_server((self.host, 0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        try:
            if not self._is_cut:
                await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # whoever asked sees it by the end of the connection
        finally:
            self._links.discard(link)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection(*self._to)
        ways = [
            asyncio.create_task(self._carry(Way.THERE, reader, questions)),
            asyncio.create_task(self._carry(Way.BACK, answers, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            questions.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(
        self, way: Way, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        has_lost = False
        while piece := await source.read(65_536):
            has_lost |= way in self._swallowed
            if has_lost:
                continue
            await asyncio.sleep(self.delay)
            await self._is_whole.wait()
            target.write(piece)
            await target.drain()
