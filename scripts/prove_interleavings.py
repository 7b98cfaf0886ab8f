"""Looks for a session that outlives its end, in as many random interleavings as you have time for.

    python scripts/prove_interleavings.py --count 1000000 --store sqlite
    python scripts/prove_interleavings.py --count 1000000 --store postgres
    python scripts/prove_interleavings.py --count 1000000 --store redis
    python scripts/prove_interleavings.py --count 1000000 --store redis --messages lost

Two nodes on one database serve people who sign in, use, refresh, write down and end sessions,
change passwords and are disabled, on both at once. With a store of its own: a file in a new folder,
or the server that the tests use (WATCHWORD_TEST_POSTGRES_URL, else one that is started). By
``redis`` sessions move in a Redis of its own, accounts lie in that server; with ``--messages``
nodes poll that server, and tell each other by Redis, or try to.
Exit code 0 if nothing survived, came back or was lost, 1 if something did.
"""  # noqa: INP001  a program, not a module of the package

import argparse
import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeRemainingColumn

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.counters import mute, told_by
from tests.kept import name_database, name_redis
from tests.opening import empty_database
from tests.proof.interleavings import Interleavings, Verdict
from tests.servers.postgres import running
from tests.servers.redis import running as running_redis
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.migration import migrate
from watchword.adapters.system import SystemRandomness

_ROUND = 10_000  # deeds by the same people


def main() -> int:
    chosen = _arguments()
    seed = chosen.seed or int.from_bytes(SystemRandomness().bytes(4))
    print(f"seed {seed}")  # noqa: T201
    with TemporaryDirectory() as name, _kept(Path(name), chosen) as more:
        began = perf_counter()
        verdict = asyncio.run(_prove(Path(name), chosen.count, seed, more))
    _tell(verdict, perf_counter() - began)
    return 0 if verdict.holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1_000_000, help="of deeds (1,000,000)")
    parser.add_argument("--store", choices=["sqlite", "postgres", "redis"], default="sqlite")
    parser.add_argument("--messages", choices=["told", "lost"], help="by Redis, in place of NOTIFY")
    parser.add_argument("--seed", type=int, help="of an earlier run; a new one by default")
    chosen = parser.parse_args()
    if chosen.messages and chosen.store == "sqlite":
        parser.error("A file tells everybody of its changes: --messages is for the other stores.")
    return chosen


@contextmanager
def _kept(folder: Path, chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """What ``folder`` is kept in, as long as the block lasts; settings of both nodes beside it."""
    if chosen.store == "sqlite":
        (folder / "watchword.db").write_bytes(empty_database())
        yield {}
        return
    with ExitStack() as stack:
        url = stack.enter_context(stack.enter_context(running()).database())
        asyncio.run(migrate(Address.parse(url)))
        name_database(folder, url)
        redis = stack.enter_context(running_redis(folder)).url
        if chosen.store == "redis":
            name_redis(folder, redis)
        told = asyncio.run(mute(redis)) if chosen.messages == "lost" else redis
        yield told_by(told) if chosen.messages else {}


async def _prove(folder: Path, count: int, seed: int, more: Mapping[str, Any]) -> Verdict:
    proof = await Interleavings.open(folder, seed=seed, **more)
    try:
        return await _count_up(proof, count)
    finally:
        await proof.close()


async def _count_up(proof: Interleavings, count: int) -> Verdict:
    verdict = Verdict()
    columns = (SpinnerColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("deeds", total=count)
        while verdict.deeds < count and verdict.holds:
            verdict.add(await proof.round(min(_ROUND, count - verdict.deeds)))
            progress.update(bar, completed=verdict.deeds)
            if not progress.console.is_terminal:
                print(f"{verdict.deeds:>10,} deeds", flush=True)  # noqa: T201
    return verdict


def _tell(verdict: Verdict, seconds: float) -> None:
    lines = [
        f"{verdict.deeds:,} deeds, {verdict.endings:,} acknowledged ends, in {seconds:,.0f} s",
        f"{len(verdict.survivors)} let in after the end of their session",
        f"{len(verdict.revived)} came back, {len(verdict.lost)} were put out by nobody",
        f"{verdict.unavailable} were told to come again",
        f"another node let somebody in for {verdict.longest * 1_000:.1f} ms at most",
        *verdict.survivors[:10],
        *verdict.revived[:10],
        *verdict.lost[:10],
    ]
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
