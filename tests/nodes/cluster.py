"""Nodes as operators run them: processes of `watchword serve` over one PostgreSQL database."""

import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.driving import PASSWORD, Holder
from tests.proof.processes import Serving, a_client

SECRET = "a secret that all nodes of one installation share"
ROOT = "root@example.com"


@dataclass
class Node:
    """One of them; ``address`` is where it answers, once it does."""

    serving: Serving
    address: str = ""

    async def ready(self) -> "Node":
        self.address = await self.serving.ready()
        return self

    def pause(self) -> None:
        """As a machine that swaps, or a virtual one that is moved."""
        os.killpg(self.serving.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.killpg(self.serving.pid, signal.SIGCONT)


@dataclass
class Cluster:
    """``url`` of the database; ``settings`` are those of every node."""

    folder: Path
    url: str
    settings: dict[str, str]
    nodes: list[Node] = field(default_factory=list)

    def start(self, *, workers: int = 1, **settings: str) -> Node:
        folder = self.folder / f"node-{len(self.nodes)}"
        folder.mkdir()
        named = {"WATCHWORD_DATABASE_URL": self.url, "WATCHWORD_SECRET": SECRET}
        own = named | self.settings | settings
        node = Node(Serving(folder, workers=workers, **own))
        self.nodes.append(node)
        return node

    def kill(self) -> None:
        for node in self.nodes:
            node.serving.kill()


@contextmanager
def a_cluster(folder: Path, url: str, **settings: str) -> Iterator[Cluster]:
    cluster = Cluster(folder, url, settings)
    try:
        yield cluster
    finally:
        cluster.kill()


class Clients:
    """Programs that ask the nodes, each on a connection of its own."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def of(self, node: Node) -> httpx2.AsyncClient:
        return await self._stack.enter_async_context(a_client(node.address))

    async def sign_in(self, node: Node, email: str = ROOT) -> Holder:
        client = await self.of(node)
        body = {"email": email, "password": PASSWORD, "transport": "body"}
        answer = await client.post("/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        return Holder(client, answer.json())

    async def elsewhere(self, holder: Holder, node: Node) -> Holder:
        """The same session, with its requests to ``node``."""
        there = Holder(await self.of(node), holder.answer)
        there.access, there.refresh_token = holder.access, holder.refresh_token
        return there
