"""What lies between a guard and the Watchword that it follows: time, and a network."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from watchword.client.machine import MachineTime
from watchword.domain.time import Instant


class OurTime:
    """The clock of the test, and seconds as they pass, or ``ahead`` of that."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self.now = now
        self.ahead = 0

    def seconds(self) -> float:
        return MachineTime().seconds() + self.ahead


class Relay:
    """The network between the two: it can be cut, or keep everything to itself. ``asked`` is what
    was sent to the server.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[bytes] = []
        self.flows = asyncio.Event()
        self.flows.set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(there_writer)
        answers: list[bytes] = []
        await asyncio.gather(
            self._pass(reader, there_writer, self.asked), self._pass(there_reader, writer, answers)
        )

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]
    ) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                seen.append(piece)
                await self.flows.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
