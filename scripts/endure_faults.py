"""Lets the database and the way to it fail under load, and tells what clients saw.

    python scripts/endure_faults.py --seconds 10
    python scripts/endure_faults.py --seconds 10 --only gone

Two nodes, a PostgreSQL of its own. Exit code 0 if nobody saw anything but successes and 503 with
Retry-After, nobody was let in after their session had ended, nothing that was acknowledged was
lost and everything was served again within two seconds; else 1.
"""  # noqa: INP001  a program, not a module of the package

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.kinds import OF_THE_NETWORK, OF_THE_SERVER
from tests.faults.stage import Fault, Told, endure, two_nodes
from tests.servers.postgres import Server, running
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.migration import migrate

_RECOVERY = 2.0  # seconds
_FAULTS: Mapping[str, Fault] = {**OF_THE_NETWORK, **OF_THE_SERVER}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10, help="that a fault lasts (10)")
    parser.add_argument("--only", choices=sorted(_FAULTS), action="append", help="of them")
    chosen = parser.parse_args()
    holds = True
    with running() as server:
        for name in chosen.only or _FAULTS:
            with server.database() as url, TemporaryDirectory() as folder:
                enduring = _endure(
                    Path(folder), url, server, fault=_FAULTS[name], seconds=chosen.seconds
                )
                told = asyncio.run(enduring)
            print(f"{name:>24}: {told.line}", flush=True)  # noqa: T201
            for fault in told.ledger.faults[:10]:
                print(f"{'':>24}  {fault}")  # noqa: T201
            holds &= not told.ledger.faults and told.recovery <= _RECOVERY
    return 0 if holds else 1


async def _endure(folder: Path, url: str, server: Server, *, fault: Fault, seconds: float) -> Told:
    await migrate(Address.parse(url))
    async with two_nodes(folder, url, server) as scene:
        return await endure(scene, fault, seconds)


if __name__ == "__main__":
    sys.exit(main())
