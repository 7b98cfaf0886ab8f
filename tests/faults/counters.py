"""Two nodes that count in one Redis, and what can befall it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from tests.driving import Server
from tests.faults.counted import POLICY, CountedCrowd
from tests.faults.crowd import Crowd
from tests.faults.stage import SETTINGS, Do, Fault, Scene
from tests.kept import Database, name_database
from tests.servers.redis import RedisServer, running
from watchword.adapters.redis import Connections
from watchword.crypto.secret import Secret
from watchword.domain.time import MINUTE
from watchword.ports import Allowance
from watchword.settings import RevocationMessages
from watchword.settings.stores import redis_url

_LIMITS: Final = {"limit_sign_in": Allowance(1_000_000, MINUTE), "lockout_policy": POLICY}
_EACH: Final = frozenset({0, 1})


def told_by(url: str) -> dict[str, Any]:
    """Settings of nodes that poll their database, and tell each other of changes there."""
    return {
        "redis_url": redis_url().parse(url),
        "revocation_messages": RevocationMessages.REDIS,
    }


async def mute(url: str) -> str:
    """The same server for a user who may do everything there, but whose messages are refused."""
    connections = Connections(Secret(url.encode()))
    rights = ("~*", "&*", "+@all", "-publish")
    await connections.command("ACL", "SETUSER", "mute", "on", ">mute", *rights)
    await connections.close()
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"mute:mute@{parts.netloc.rpartition('@')[2]}"))


@dataclass(frozen=True)
class OnRedis:
    """Redis fails, or the way to it; the database does not. ``spare`` is its replica. ``tells``:
    nodes hear of revocations by it as well.
    """

    database_url: str
    server: RedisServer
    spare: RedisServer
    tells: bool = False

    @property
    def place(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.port

    def settings_of(self, folder: Path, host: str, port: int) -> Mapping[str, Any]:
        name_database(folder, self.database_url)
        url = f"redis://{host}:{port}/0"
        told = told_by(url) if self.tells else {"redis_url": redis_url().parse(url)}
        return {**SETTINGS, **_LIMITS, **told}

    def crowd(self, nodes: tuple[Server, Server], direct: Database) -> Crowd:
        return CountedCrowd(nodes, direct)


@contextmanager
def redis_servers(folder: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """A primary and its replica."""
    with ExitStack() as stack:
        folders = [folder / "primary", folder / "replica"]
        for each in folders:
            each.mkdir()
        primary = stack.enter_context(running(folders[0]))
        of = ("--replicaof", f"127.0.0.1 {primary.port}")
        yield primary, stack.enter_context(running(folders[1], *of))


async def command(server: RedisServer, *words: str) -> None:
    """By another program, and not through what fails."""
    connections = Connections(Secret(server.url.encode()))
    await connections.command(*words)
    await connections.close()


def _by(do: Callable[[Scene, OnRedis], Awaitable[None]]) -> Do:
    async def to_servers(scene: Scene) -> None:
        assert isinstance(scene.store, OnRedis)
        await do(scene, scene.store)

    return to_servers


def _told(*words: str) -> Do:
    return _by(lambda _, store: command(store.server, *words))


def _signalled(number: signal.Signals) -> Do:
    async def to_server(_: Scene, store: OnRedis) -> None:
        store.server.signal(number)

    return _by(to_server)


async def _kill(_: Scene, store: OnRedis) -> None:
    await asyncio.to_thread(store.server.kill)


async def _start(_: Scene, store: OnRedis) -> None:
    await asyncio.to_thread(store.server.start)


async def _leave_behind(_: Scene, store: OnRedis) -> None:
    await command(store.spare, "REPLICAOF", "NO", "ONE")


async def _promote(scene: Scene, store: OnRedis) -> None:
    """The address leads to the replica; who is connected still finds the old primary, demoted."""
    for proxy in scene.proxies:
        proxy.move(store.spare.port)
    await command(store.server, "REPLICAOF", "127.0.0.1", str(store.spare.port))


OF_REDIS: Final = {
    "killed": Fault(_by(_kill), _by(_start), _EACH, forgets=True),
    "paused": Fault(_signalled(signal.SIGSTOP), _signalled(signal.SIGCONT), _EACH),
    "flushed": Fault(_told("FLUSHALL"), forgets=True),
    "full": Fault(
        _told("CONFIG", "SET", "maxmemory", "1"), _told("CONFIG", "SET", "maxmemory", "0"), _EACH
    ),
    "failed over": Fault(_by(_leave_behind), _by(_promote), forgets=True),
}
