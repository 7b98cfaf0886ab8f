"""Strict revocation while nodes come and go, are cut off and held up, and asked all the time.

Nodes in one process, each with its own store and its own pictures, on a real clock. What every
request and every change began and ended with is written down, and judged afterwards.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.faults.proxy import Proxy
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.crypto.keys import Algorithm
from watchword.crypto.sealing import Sealer
from watchword.domain.errors import SessionRevoked, Unavailable
from watchword.domain.roles import Roles
from watchword.domain.sessions import EndReason
from watchword.domain.time import DAY, MINUTE, SECOND, Span
from watchword.flows.keyring import KeyPolicy, KeyRing
from watchword.flows.standings import Standings
from watchword.ports import Count
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import NOW, a_session, an_account, given

BOUND: Span = SECOND // 2
ENDED = 250  # sessions
USERS = 8
ADA = an_account()
_END_A_LISTENER = """
SELECT pg_terminate_backend(backend::integer) FROM nodes ORDER BY md5(name || $1) LIMIT 1
"""


class Uncounted:
    def count(self, what: Count, outcome: str) -> None: ...


@dataclass
class Node:
    store: PostgresStore
    standings: Standings
    network: Proxy


@dataclass
class Record:
    """When each session's end was answered, and who was let in when; in seconds."""

    ended: dict[str, float] = field(default_factory=dict)
    let_in: list[tuple[str, float]] = field(default_factory=list)
    refused: int = 0

    def survivors(self) -> list[tuple[str, float]]:
        """Let in by a request that began after the answer."""
        return [
            (session, began - self.ended[session])
            for session, began in self.let_in
            if session in self.ended and began > self.ended[session]
        ]


class Stage:
    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._stack = stack
        self._numbers = count(1)
        self._chance = SeededRandomness(17)
        self.nodes: list[Node] = []
        self.sessions: list[str] = []
        self.record = Record()
        self.is_over = False

    async def join(self) -> None:
        server = urlsplit(self._url)
        network = Proxy(server.hostname or "", server.port or 5432)
        await self._stack.enter_async_context(network.running())
        netloc = f"{server.username}@127.0.0.1:{network.port}"
        address = Address.parse(urlunsplit(server._replace(netloc=netloc)))
        randomness = SeededRandomness(100 + next(self._numbers))
        nodes = ByDatabase(time.perf_counter, BOUND, is_strict=True)
        clock = FakeClock()
        store = PostgresStore(address, nodes, clock=clock, randomness=randomness)
        policy = KeyPolicy(Algorithm.EDDSA, DAY, MINUTE)
        ring = KeyRing(store, Sealer([bytes(32)]), policy, clock=clock, randomness=randomness)
        standings = Standings(store, store.revocations, ring, Roles.of(), meter=Uncounted())
        self.nodes.append(Node(store, standings, network))

    def any(self, many: int) -> int:
        return int.from_bytes(self._chance.bytes(4), "big") % many

    async def open_session(self) -> None:
        session = replace(a_session(ADA), id=f"s-{next(self._numbers)}")
        node = self.nodes[self.any(len(self.nodes))]
        async with node.store.transaction() as unit:
            await unit.sessions.open(session, limit=1_000, evicts=True, proven=None)
        self.sessions.append(session.id)

    async def ask(self, node: Node, session: str) -> None:
        """A request that begins now. Where there is a picture, it ends now as well."""
        began = time.perf_counter()
        try:
            node.standings.catch_up()
            await node.standings.admit(session, NOW)
        except SessionRevoked:
            self.record.refused += 1
        except Unavailable:
            return  # of a node that is held up for long, or has been closed
        else:
            self.record.let_in.append((session, began))

    async def ask_everywhere(self, session: str) -> None:
        await asyncio.gather(*(self.ask(node, session) for node in self.nodes))

    async def use(self) -> None:
        while not self.is_over:
            await self.ask_everywhere(self.sessions[self.any(len(self.sessions))])
            await asyncio.sleep(0)

    async def end(self) -> None:
        while len(self.record.ended) < ENDED:
            session = self.sessions[self.any(len(self.sessions))]
            node = self.nodes[self.any(len(self.nodes))]
            try:
                async with node.store.transaction() as unit:
                    await unit.sessions.end(session, EndReason.REVOKED, now=NOW)
            except Unavailable:
                continue  # it may be ended, and nobody was told so
            self.record.ended.setdefault(session, time.perf_counter())
            asking = asyncio.ensure_future(self.ask_everywhere(session))
            await self.open_session()
            self.sessions = self.sessions[-20:]
            await asking
        self.is_over = True

    async def disturb(self, outsider: asyncpg.Connection) -> None:
        for turn in count():
            done = len(self.record.ended)
            while len(self.record.ended) < done + 25:
                if self.is_over:
                    return
                await asyncio.sleep(0)
            match turn % 5:
                case 0:
                    await outsider.fetch(_END_A_LISTENER, str(turn))
                case 1:
                    await self.join()
                case 2:
                    await self.nodes.pop(0).store.close()
                case _:
                    network = self.nodes[self.any(len(self.nodes))].network
                    network.hold()
                    span = (1 + self.any(12)) * BOUND / 10 / SECOND
                    asyncio.get_running_loop().call_later(span, network.mend)


@pytest.fixture
async def stage(url: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        stage = Stage(url, stack)
        for _ in range(3):
            await stage.join()
        await given(stage.nodes[0].store, ADA)
        for _ in range(20):
            await stage.open_session()
        yield stage
        for node in stage.nodes:
            await node.store.close()


class TestNodesThatComeAndGo:
    async def test_s15_let_nobody_in_by_a_session_whose_end_was_answered(
        self, stage: Stage, url: str
    ) -> None:
        outsider = await asyncpg.connect(url)
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for work in (*[stage.use] * USERS, *[stage.end] * 4):
                group.create_task(work())
            group.create_task(stage.disturb(outsider))
        await outsider.close()
        assert stage.record.survivors() == []
        assert len(stage.record.let_in) > ENDED
        assert stage.record.refused > ENDED
