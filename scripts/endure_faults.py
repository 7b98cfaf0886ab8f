"""Lets the database, or Redis, and the way to it fail under load, and tells what clients saw.

    python scripts/endure_faults.py --seconds 10
    python scripts/endure_faults.py --seconds 10 --only gone --only "redis killed"

Two nodes, a PostgreSQL and a Redis of its own. A fault of Redis, which then counts attempts, begins
with ``redis``; one of a Redis that tells of revocations as well begins with ``messages``. Exit code
0 if nobody saw anything but successes and 503 with Retry-After (and 429 for who guesses), nobody
was let in after their session had ended, nothing that was acknowledged was lost and everything was
served again within two seconds; else 1.
"""  # noqa: INP001  a program, not a module of the package

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.counters import OF_REDIS, OnRedis, redis_servers
from tests.faults.kinds import OF_THE_NETWORK, OF_THE_SERVER
from tests.faults.stage import Fault, OnPostgres, Store, Told, endure, two_nodes
from tests.servers.postgres import Server, running
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.migration import migrate

_RECOVERY = 2.0  # seconds
_REDIS, _MESSAGES = "redis ", "messages "
_OF_REDIS: Mapping[str, Fault] = {**OF_THE_NETWORK, **OF_REDIS}
_FAULTS: Mapping[str, Fault] = {
    **OF_THE_NETWORK,
    **OF_THE_SERVER,
    **{_REDIS + name: fault for name, fault in _OF_REDIS.items()},
    **{_MESSAGES + name: fault for name, fault in _OF_REDIS.items()},
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10, help="that a fault lasts (10)")
    parser.add_argument("--only", choices=sorted(_FAULTS), action="append", help="of them")
    chosen = parser.parse_args()
    holds = True
    with running() as server:
        for name in chosen.only or _FAULTS:
            told = _endure(server, name, chosen.seconds)
            print(f"{name:>32}: {told.line}", flush=True)  # noqa: T201
            for fault in told.ledger.faults[:10]:
                print(f"{'':>32}  {fault}")  # noqa: T201
            holds &= not told.ledger.faults and told.recovery <= _RECOVERY
    return 0 if holds else 1


def _endure(server: Server, name: str, seconds: float) -> Told:
    with server.database() as url, TemporaryDirectory() as folder:
        if not name.startswith((_REDIS, _MESSAGES)):
            return asyncio.run(
                _endured(Path(folder), OnPostgres(url, server), _FAULTS[name], seconds)
            )
        of_redis = Path(folder) / "redis"
        of_redis.mkdir()
        with redis_servers(of_redis) as servers:
            store = OnRedis(url, *servers, tells=name.startswith(_MESSAGES))
            return asyncio.run(_endured(Path(folder), store, _FAULTS[name], seconds))


async def _endured(folder: Path, store: Store, fault: Fault, seconds: float) -> Told:
    await migrate(Address.parse(store.database_url))
    async with two_nodes(folder, store) as scene:
        return await endure(scene, fault, seconds)


if __name__ == "__main__":
    sys.exit(main())
