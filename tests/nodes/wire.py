"""The network between one node and the database, which can be held up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """Everything passes, or waits until it may: nothing is lost, and nobody is told."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._passes = asyncio.Event()
        self._passes.set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[str]:
        """The URL of its near end."""
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        user = self._to.username
        try:
            yield urlunsplit(self._to._replace(netloc=f"{user}@{host}:{port}", query=""))
        finally:
            self.let_go()
            server.close()

    def hold(self) -> None:
        self._passes.clear()

    def let_go(self) -> None:
        self._passes.set()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._far_end()
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _far_end(self) -> Streams:
        if self._to.hostname is None:
            (folder,) = parse_qs(self._to.query)["host"]
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        return await asyncio.open_connection(self._to.hostname, self._to.port)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                await self._passes.wait()
                writer.write(piece)
        writer.close()
