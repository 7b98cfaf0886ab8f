"""Two nodes, each with a network of its own to what they share, and a crowd that uses both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from tests.driving import Server, serving
from tests.faults.crowd import Crowd, Ledger
from tests.faults.proxy import Proxy
from tests.kept import Database, name_database, named_database
from tests.proof.stage import UNLIMITED
from tests.servers.postgres import Server as Postgres
from watchword.crypto.secret import Secret
from watchword.domain.time import SECOND

SETTINGS: dict[str, Any] = {
    **UNLIMITED,
    "secret": (Secret(b"a secret of the tests, long enough"),),
    "max_sessions": 100,
    "revocation_bound": SECOND,
}
_BEFORE, AFTER = 0.5, 3.0  # seconds of undisturbed service


class Store(Protocol):
    """What both nodes share, and what fails."""

    @property
    def database_url(self) -> str:
        """Of the database that keeps what was acknowledged, past everything that fails."""
        ...

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of what fails."""
        ...

    def settings_of(self, folder: Path, host: str, port: int) -> Mapping[str, Any]:
        """Of a node that keeps its own in ``folder`` and reaches what fails at ``host``."""
        ...

    def crowd(self, nodes: tuple[Server, Server], direct: Database) -> Crowd: ...


@dataclass(frozen=True)
class OnPostgres:
    """The database fails, or the way to it. ``more``: settings of both nodes."""

    database_url: str
    server: Postgres
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, int]:
        parts = urlsplit(self.database_url)
        assert parts.hostname is not None
        return parts.hostname, parts.port or 5432

    def settings_of(self, folder: Path, host: str, port: int) -> Mapping[str, Any]:
        parts = urlsplit(self.database_url)
        login = parts.netloc.rpartition("@")[0]
        name_database(folder, urlunsplit(parts._replace(netloc=f"{login}@{host}:{port}")))
        return {**SETTINGS, **self.more}

    def crowd(self, nodes: tuple[Server, Server], direct: Database) -> Crowd:
        return Crowd(nodes, direct)


@dataclass(frozen=True)
class Scene:
    """``proxies``: the way of each node to what fails."""

    crowd: Crowd
    proxies: tuple[Proxy, Proxy]
    store: Store


@dataclass(frozen=True)
class Told:
    """What clients saw. The fault was from ``began`` to ``ended``; ``recovery``: seconds from its
    end to the last refusal.
    """

    ledger: Ledger
    began: float
    ended: float
    recovery: float

    @property
    def line(self) -> str:
        """For docs/operations.md."""
        answers = self.ledger.answers
        refused = [answer for answer in answers if answer.status == 503]
        longest = max(answer.took for answer in answers)
        told = f"{len(answers):,} answers, {len(refused):,} of them 503, "
        told += f"the slowest after {longest:.1f} s"
        return f"{told}, served {self.recovery:.1f} s after the end"


Do = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """One without an end is over when it has begun. ``closed``: the nodes at which nothing can be
    counted meanwhile. ``forgets``: what was counted before it is lost.
    """

    begin: Do
    end: Do | None = None
    closed: frozenset[int] = frozenset()
    forgets: bool = False


@asynccontextmanager
async def two_nodes(
    folder: Path, store: Store, through: type[Proxy] = Proxy
) -> AsyncIterator[Scene]:
    name_database(folder, store.database_url)
    direct = named_database(folder)
    assert direct is not None
    ways = through(*store.place), through(*store.place)
    async with ways[0].running() as one, ways[1].running() as other:
        folders, settings = [], []
        for number, proxy in enumerate((one, other)):
            own = folder / str(number)
            own.mkdir()
            folders.append(own)
            settings.append(store.settings_of(own, proxy.host, proxy.port))
        async with (
            serving(folders[0], **settings[0]) as first,
            serving(folders[1], seed=1, **settings[1]) as second,
        ):
            yield Scene(store.crowd((first, second), direct), (one, other), store)


async def endure(scene: Scene, fault: Fault, seconds: float, *, after: float = AFTER) -> Told:
    """``fault`` for so long, between times in which nothing fails."""
    crowd = scene.crowd
    await crowd.arrive()
    acting = asyncio.create_task(crowd.act())
    await asyncio.sleep(_BEFORE)  # the time that passes is what this is about
    await fault.begin(scene)
    began = perf_counter()
    if fault.end is not None:
        await asyncio.sleep(seconds)
        ended = perf_counter()
        await fault.end(scene)
    else:
        ended = began
    over = perf_counter()
    await asyncio.sleep(after)
    crowd.leave()
    await acting
    await crowd.require_kept()
    return Told(crowd.ledger, began, ended, crowd.recovered(over))
