"""A small load generator of our own, where wrk is missing or cannot do what is asked.

It looks at every answer whole, and is slow: its rates say more about itself than about a server.
Run it as ``python -m bench.load.own FILE``.
"""

import asyncio
import json
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from bench.load import Load, Outcome, Queue, as_text, from_text
from bench.processes import program


class OwnGenerator:
    name = "own"

    def command(self, load: Load, spec: Path) -> list[str]:
        spec.write_text(as_text(load), "utf-8")
        return program("bench.load.own", str(spec))


class _Items:
    """The queue that all connections share."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._waiting = deque(queue.items)
        self._sent: set[str] = set()
        self._key = f'"{queue.successor}":"'

    def take(self) -> bytes | None:
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        if self._queue.once:
            self._sent.add(item)
        return (self._queue.before + item + self._queue.after).encode()

    def give_back(self, body: str) -> bool:
        """False when the answer names no item that may be sent."""
        _, found, rest = body.partition(self._key)
        item = rest.partition('"')[0]
        if not found or item in self._sent:
            return False
        self._waiting.append(item)
        return True


def _percentile(latencies: Sequence[float], share: float) -> float:
    """In milliseconds, of sorted seconds; 0 of none."""
    return latencies[int((len(latencies) - 1) * share)] * 1_000 if latencies else 0.0


class _Tally:
    def __init__(self, load: Load) -> None:
        self._load = load
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.bytes = 0
        self.wrong = 0
        self.wrong_example = ""

    def note_wrong(self, what: str) -> None:
        self.wrong += 1
        self.wrong_example = self.wrong_example or what

    def outcome(self, seconds: float) -> Outcome:
        latencies = sorted(self.latencies)
        return Outcome(
            requests=len(latencies),
            seconds=seconds,
            wrong=self.wrong,
            wrong_example=self.wrong_example,
            bytes=self.bytes,
            p50_ms=_percentile(latencies, 0.50),
            p99_ms=_percentile(latencies, 0.99),
            statuses=dict(self.statuses),
        )


class _Client:
    """One connection that asks, waits, and asks again."""

    def __init__(self, load: Load, tally: _Tally, items: _Items | None) -> None:
        self._load = load
        self._tally = tally
        self._items = items
        lines = [f"{name}: {text}\r\n" for name, text in load.all_headers().items()]
        self._head = "".join([f"Host: 127.0.0.1:{load.port}\r\n", *lines]).encode()

    async def work(self, ends_at: float) -> None:
        load, tally = self._load, self._tally
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
        except OSError as error:
            tally.note_wrong(f"no connection: {error}")
            return
        try:
            while load.single or perf_counter() < ends_at:
                if not await self._ask(reader, writer) or load.single:
                    break
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            tally.note_wrong(f"the connection failed: {error!r}")
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """False when there is nothing left to ask."""
        body = None if self._items is None else self._items.take()
        if self._items is not None and body is None:
            self._tally.note_wrong("no item is left for this connection")
            return False
        began = perf_counter()
        writer.write(self._request(body))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        content = await reader.readexactly(length)
        self._tally.latencies.append(perf_counter() - began)
        self._judge(head, content)
        return True

    def _request(self, body: bytes | None) -> bytes:
        path = self._load.path.encode()
        if body is None:
            return b"GET %b HTTP/1.1\r\n%b\r\n" % (path, self._head)
        length = len(body)
        return b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (
            path,
            self._head,
            length,
            body,
        )

    def _judge(self, head: bytes, content: bytes) -> None:
        load, tally = self._load, self._tally
        status = head[9:12].decode("ascii", "replace")
        tally.statuses[status] += 1
        size = len(head) + len(content)
        tally.bytes += size
        body = content.decode("utf-8", "replace")
        if status not in map(str, load.accepts):
            tally.note_wrong(f"{status} {body[:300]}")
        elif load.size is not None and size != load.size:
            tally.note_wrong(f"{size} bytes instead of {load.size}: {body[:300]}")
        elif self._items is not None and status == "200" and not self._items.give_back(body):
            tally.note_wrong(f"no item in: {body[:300]}")


async def _run(load: Load) -> Outcome:
    tally = _Tally(load)
    items = None if load.queue is None else _Items(load.queue)
    began = perf_counter()
    ends_at = began + load.seconds
    clients = [_Client(load, tally, items) for _ in range(load.connections)]
    await asyncio.gather(*(client.work(ends_at) for client in clients))
    return tally.outcome(perf_counter() - began)


def main() -> None:
    load = from_text(Path(sys.argv[1]).read_text("utf-8"))
    outcome = asdict(asyncio.run(_run(load)))
    del outcome["cpu_seconds"]  # whoever waits for this process knows it better
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
