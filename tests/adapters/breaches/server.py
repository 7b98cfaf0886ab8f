"""A server of the range protocol on a real socket, which can be told to answer in any other way."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1

Answer = Callable[[str], bytes | None]


def digest_of(password: str) -> str:
    return sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def http(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def listing(*passwords: str, padding: int = 20) -> Answer:
    """As the protocol says: the rest of each hash that begins so, then padding of count 0."""

    def answer(prefix: str) -> bytes:
        known = [d[5:] for d in map(digest_of, passwords) if d.startswith(prefix)]
        rows = [f"{suffix}:7" for suffix in known]
        rows += [f"{digest_of(str(number))[5:]}:0" for number in range(padding)]
        return http("\r\n".join(sorted(rows)).encode())

    return answer


@dataclass
class RangeServer:
    """``requests`` are the heads as they came; an answer of None never comes."""

    url: str = ""
    answer: Answer = field(default_factory=listing)
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    open_at_once: int = 0
    most_at_once: int = 0
    left: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_nobody_is_there(self) -> None:
        async with asyncio.timeout(10), self.left:
            await self.left.wait_for(lambda: self.open_at_once == 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_at_once += 1
        self.most_at_once = max(self.most_at_once, self.open_at_once)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(head)
                content = self.answer(head.split()[1].rpartition("/")[2])
                if content is None:
                    await reader.read()  # until the caller has had enough
                    return
                writer.write(content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open_at_once -= 1
            writer.close()
            async with self.left:
                self.left.notify_all()


@asynccontextmanager
async def range_server(
    answer: Answer | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RangeServer]:
    server = RangeServer(answer=answer or listing())
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://localhost:{listener.sockets[0].getsockname()[1]}/range"
    async with listener:
        yield server
