"""Two nodes, each with a network of its own to one database, and a crowd that uses both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.driving import serving
from tests.faults.crowd import Crowd, Ledger
from tests.faults.proxy import Proxy
from tests.kept import name_database, named_database
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
_BEFORE, _AFTER = 0.5, 3.0  # seconds of undisturbed service


@dataclass(frozen=True)
class Scene:
    crowd: Crowd
    proxies: tuple[Proxy, Proxy]
    postgres: Postgres


@dataclass(frozen=True)
class Told:
    """What clients saw. ``recovery``: seconds from the end of the fault to the last refusal."""

    ledger: Ledger
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
    """One without an end is over when it has begun."""

    begin: Do
    end: Do | None = None


@asynccontextmanager
async def two_nodes(folder: Path, url: str, postgres: Postgres) -> AsyncIterator[Scene]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    host, port = parts.hostname, parts.port or 5432
    name_database(folder, url)
    direct = named_database(folder)
    assert direct is not None
    async with Proxy(host, port).running() as one, Proxy(host, port).running() as other:
        folders = []
        for number, proxy in enumerate((one, other)):
            own = folder / str(number)
            own.mkdir()
            login = parts.netloc.rpartition("@")[0]
            netloc = f"{login}@127.0.0.1:{proxy.port}"
            name_database(own, urlunsplit(parts._replace(netloc=netloc)))
            folders.append(own)
        async with (
            serving(folders[0], **SETTINGS) as first,
            serving(folders[1], seed=1, **SETTINGS) as second,
        ):
            yield Scene(Crowd((first, second), direct), (one, other), postgres)


async def endure(scene: Scene, fault: Fault, seconds: float) -> Told:
    """``fault`` for so long, between times in which nothing fails."""
    crowd = scene.crowd
    await crowd.arrive()
    acting = asyncio.create_task(crowd.act())
    await asyncio.sleep(_BEFORE)  # the time that passes is what this is about
    await fault.begin(scene)
    if fault.end is not None:
        await asyncio.sleep(seconds)
        await fault.end(scene)
    ended = perf_counter()
    await asyncio.sleep(_AFTER)
    crowd.leave()
    await acting
    await crowd.require_kept()
    return Told(crowd.ledger, crowd.recovered(ended))
