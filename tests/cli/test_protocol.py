"""X02: who is slow, endless or too many is let go; who is in time never notices."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.server import ServerState

from watchword.cli import protocol
from watchword.cli.protocol import Connection, ServerConfig

PATIENCE = 0.2
LONG = 5.0  # that nothing here takes when it works
GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Does not read the body; tells the path."""
    body = scope["path"].encode()
    length = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


async def flood(scope: Any, receive: Any, send: Any) -> None:
    """More than anybody's buffers hold."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(400):
        await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, content: bytes) -> None:
        self.writer.write(content)

    async def is_cut_off(self, within: float = LONG) -> bool:
        """Whether the connection ends in time, whatever is still sent before."""
        try:
            await asyncio.wait_for(self.reader.read(), within)
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    async def answered(self) -> tuple[bytes, dict[bytes, bytes], bytes]:
        """Status line, headers and body of the next answer."""
        async with asyncio.timeout(LONG):
            head = await self.reader.readuntil(b"\r\n\r\n")
            status, *lines = head.strip().split(b"\r\n")
            headers = dict(line.split(b": ", 1) for line in lines)
            body = await self.reader.readexactly(int(headers[b"content-length"]))
        return status, headers, body


class Watched(Connection):
    """The server's end of a connection, which says when it begins and ends."""

    def __init__(self, server: "Server") -> None:
        super().__init__(server.config, server.state, {})
        self._begun = server.begun
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begun.put_nowait(None)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.ended.set()


class Server:
    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.state = ServerState()
        self.made: list[Watched] = []
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.clients: list[Client] = []
        self.address: tuple[str, int] = ("", 0)

    def make(self) -> Watched:
        self.made.append(Watched(self))
        return self.made[-1]

    async def connect(self) -> Client:
        self.clients.append(Client(*await asyncio.open_connection(*self.address)))
        await asyncio.wait_for(self.begun.get(), LONG)
        return self.clients[-1]


@asynccontextmanager
async def listening(app: Any = answer, *, most: int = 100) -> AsyncIterator[Server]:
    config = ServerConfig(
        app, http=Connection, ws="none", log_config=None, proxy_headers=False, lifespan="off"
    )
    config.patience, config.most = PATIENCE, most
    config.load()
    server = Server(config)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(server.make, "127.0.0.1", 0)
    server.address = listener.sockets[0].getsockname()
    try:
        yield server
    finally:
        for client in server.clients:
            client.writer.close()
        for connection in server.made:
            connection.transport.abort()
            await connection.ended.wait()
        listener.close()
        await listener.wait_closed()


async def drip(client: Client, content: bytes) -> bool:
    """Send ``content`` again and again, until the connection ends (True) or it takes too long."""
    ended = asyncio.ensure_future(client.is_cut_off())
    for _ in range(100):
        client.send(content)
        done, _pending = await asyncio.wait({ended}, timeout=PATIENCE / 4)
        if done:
            return ended.result()
    ended.cancel()
    return False


class TestAHead:
    async def test_x02_that_never_comes_is_not_waited_for(self) -> None:
        async with listening() as server:
            assert await (await server.connect()).is_cut_off()

    async def test_x02_that_comes_drop_by_drop_is_cut_off(self) -> None:
        async with listening() as server:
            client = await server.connect()
            client.send(b"GET / HTTP/1.1\r\n")
            assert await drip(client, b"X-A: b\r\n")

    async def test_x02_that_is_slow_on_a_used_connection_is_cut_off(self) -> None:
        async with listening() as server:
            client = await server.connect()
            client.send(GET % 1)
            assert (await client.answered())[2] == b"/1"
            client.send(b"GET /2 HT")
            assert await drip(client, b"T")

    async def test_x02_that_is_announced_by_blank_lines_is_cut_off(self) -> None:
        async with listening() as server:
            client = await server.connect()
            client.send(GET % 1)
            await client.answered()
            assert await drip(client, b"\r\n")

    async def test_x02_without_an_end_is_refused_in_the_one_shape(self) -> None:
        async with listening() as server:
            client = await server.connect()
            (connection,) = server.made
            connection.data_received(b"GET / HTTP/1.1\r\n")
            for number in range(20):
                connection.data_received(b"X-%d: %b\r\n" % (number, b"y" * 4_096))
            status, headers, body = await client.answered()
            assert status.split()[1] == b"413"
            assert headers[b"connection"] == b"close"
            assert json.loads(body)["code"] == "TOO_LARGE"

    async def test_that_cannot_be_read_is_refused_in_the_one_shape(self) -> None:
        async with listening() as server:
            client = await server.connect()
            client.send(b"GARBAGE\r\n\r\n")
            status, headers, body = await client.answered()
            assert status == b"HTTP/1.1 400 Bad Request"
            assert headers[b"content-type"] == b"application/problem+json; charset=utf-8"
            assert json.loads(body)["code"] == "MALFORMED"
            assert json.loads(body)["requestId"].encode() == headers[b"x-request-id"]
            assert await client.is_cut_off()

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            b"Content-Length: 1\r\nContent-Length: 2\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"Content-Length: +1\r\n",
        ],
    )
    async def test_x03_that_can_be_read_in_two_ways_is_refused_and_closed(
        self, head: bytes
    ) -> None:
        async with listening() as server:
            client = await server.connect()
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n1\r\nA\r\n0\r\n\r\n")
            assert (await client.answered())[0].split()[1] == b"400"
            assert await client.is_cut_off()


class TestABody:
    async def test_x02_that_never_ends_is_cut_off_though_nobody_waits_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(protocol, "_SPARE", 0.0)
        async with listening() as server:
            client = await server.connect()
            client.send(b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n")
            assert (await client.answered())[2] == b"/1"
            assert await drip(client, b"x")


class TestAReader:
    async def test_x02_that_takes_nothing_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protocol, "_READER_PATIENCE", PATIENCE)
        async with listening(flood) as server:
            client = await server.connect()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(GET % 1)
            await asyncio.wait_for(server.made[0].ended.wait(), LONG)


class TestInTime:
    async def test_a_client_is_served_again_and_again(self) -> None:
        async with listening() as server:
            client = await server.connect()
            for number in range(3):
                client.send(GET % number)
                assert (await client.answered())[2] == b"/%d" % number
                assert not await client.is_cut_off(within=1.5 * PATIENCE)

    async def test_requests_in_one_piece_are_answered_in_order(self) -> None:
        async with listening() as server:
            client = await server.connect()
            client.send(GET % 1 + GET % 2 + GET[:9])
            assert [(await client.answered())[2] for _ in range(2)] == [b"/1", b"/2"]

    async def test_a_wish_for_another_protocol_is_passed_over(self) -> None:
        async with listening() as server:
            client = await server.connect()
            client.send(b"GET /1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            assert (await client.answered())[2] == b"/1"


class TestACrowd:
    async def test_x02_beyond_the_limit_is_refused_politely(self) -> None:
        async with listening(most=2) as server:
            first, _second, third = [await server.connect() for _ in range(3)]
            third.send(GET % 3)
            status, headers, body = await third.answered()
            assert status.split()[1] == b"503"
            assert headers[b"retry-after"] == b"1"
            assert json.loads(body)["code"] == "BUSY"
            assert await third.is_cut_off()
            first.send(GET % 1)
            assert (await first.answered())[2] == b"/1"
