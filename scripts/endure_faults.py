"""Lets the database, or Redis, and the way to it fail under load, and tells what clients saw.

    python scripts/endure_faults.py --seconds 10
    python scripts/endure_faults.py --seconds 10 --only gone --only "redis killed"
    python scripts/endure_faults.py --seconds 10 --links

Two nodes, a PostgreSQL and a Redis of its own. A fault of Redis, which then counts attempts, begins
with ``redis``; one of a Redis that tells of revocations as well begins with ``messages``. With
``--links``, for which it must be root, the ways to PostgreSQL are interfaces of the kernel, with a
network namespace at their other ends; their faults begin with ``link``. Exit code
0 if nobody saw anything but successes and 503 with Retry-After (and 429 for who guesses), nobody
was let in after their session had ended, nothing that was acknowledged was lost and everything was
served again within two seconds; else 1.
"""  # noqa: INP001  a program, not a module of the package

import argparse
import asyncio
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.counters import OF_REDIS, OnRedis, redis_servers
from tests.faults.kinds import OF_THE_LINK, OF_THE_NETWORK, OF_THE_SERVER
from tests.faults.link import Link
from tests.faults.proxy import Proxy
from tests.faults.stage import Fault, OnPostgres, Store, Told, endure, two_nodes
from tests.servers.postgres import Server, running
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.migration import migrate

_RECOVERY = 2.0  # seconds
_REDIS, _MESSAGES, _LINK = "redis ", "messages ", "link "
_OF_REDIS: Mapping[str, Fault] = {**OF_THE_NETWORK, **OF_REDIS}
_FAULTS: Final[dict[str, Fault]] = {
    **OF_THE_NETWORK,
    **OF_THE_SERVER,
    **{_REDIS + name: fault for name, fault in _OF_REDIS.items()},
    **{_MESSAGES + name: fault for name, fault in _OF_REDIS.items()},
}
_OF_LINKS: Final = {_LINK + name: fault for name, fault in OF_THE_LINK.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10, help="that a fault lasts (10)")
    parser.add_argument("--only", choices=sorted(_FAULTS | _OF_LINKS), action="append")
    parser.add_argument("--links", action="store_true", help="the faults of interfaces alone")
    chosen = parser.parse_args()
    holds = True
    with running() as server:
        for name in chosen.only or (_OF_LINKS if chosen.links else _FAULTS):
            told = _endure(server, name, chosen.seconds)
            print(f"{name:>32}: {told.line}", flush=True)  # noqa: T201
            for fault in told.ledger.faults[:10]:
                print(f"{'':>32}  {fault}")  # noqa: T201
            holds &= not told.ledger.faults and told.recovery <= _RECOVERY
    return 0 if holds else 1


def _endure(server: Server, name: str, seconds: float) -> Told:
    with server.database() as url, TemporaryDirectory() as folder, ExitStack() as stack:
        store: Store = OnPostgres(url, server)
        if name.startswith((_REDIS, _MESSAGES)):
            of_redis = Path(folder) / "redis"
            of_redis.mkdir()
            servers = stack.enter_context(redis_servers(of_redis))
            store = OnRedis(url, *servers, tells=name.startswith(_MESSAGES))
        return asyncio.run(_endured(Path(folder), store, name, seconds))


async def _endured(folder: Path, store: Store, name: str, seconds: float) -> Told:
    await migrate(Address.parse(store.database_url))
    through = Link if name in _OF_LINKS else Proxy
    async with two_nodes(folder, store, through) as scene:
        return await endure(scene, (_FAULTS | _OF_LINKS)[name], seconds)


if __name__ == "__main__":
    sys.exit(main())
