"""What an open transaction has counted is known without asking, and never more than was counted."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.domain.time import MINUTE
from watchword.ports import Allowance, Tally
from watchword.testing.conformance.ground import NOW

TEN = Allowance(10, MINUTE)


def hits(path: Path, key: str) -> int | None:
    """As another process sees it."""
    with sqlite3.connect(path) as outsider:
        row = outsider.execute("SELECT hits FROM limits WHERE key = ?", (key,)).fetchone()
    outsider.close()
    return None if row is None else int(row[0])


async def settled(store: SqliteStore) -> None:
    await store.check()  # its commit comes after all that was counted


async def test_b04_many_at_once_are_each_counted_and_two_statements(
    store: SqliteStore, path: Path
) -> None:
    statements: list[str] = []
    store._writer.connection.set_trace_callback(statements.append)
    tallies = await asyncio.gather(*(store.limits.hit("k", TEN, now=NOW) for _ in range(30)))
    await settled(store)
    store._writer.connection.set_trace_callback(None)
    assert [tally.remaining for tally in tallies] == [*range(9, -1, -1), *[0] * 20]
    assert [tally.is_over for tally in tallies] == [False] * 10 + [True] * 20
    assert hits(path, "k") == 30
    written = [sql for sql in statements if " limits" in sql and "'check'" not in sql]
    assert len(written) == 2


async def test_clients_are_counted_apart(store: SqliteStore, path: Path) -> None:
    await asyncio.gather(
        *(store.limits.hit(f"k{number % 3}", TEN, now=NOW) for number in range(30))
    )
    await settled(store)
    assert [hits(path, f"k{number}") for number in range(3)] == [10, 10, 10]


async def test_who_looks_or_forgives_in_the_same_transaction_sees_every_hit(
    store: SqliteStore, path: Path
) -> None:
    async def several() -> tuple[Tally, Tally]:
        for _ in range(3):
            await store.limits.hit("k", TEN, now=NOW)
        await store.limits.hit("k", TEN, now=NOW, share="mine")
        seen = await store.limits.peek("k", TEN, now=NOW)
        for _ in range(2):
            await store.limits.hit("k", TEN, now=NOW)
        await store.limits.forgive("k", "mine")
        return seen, await store.limits.hit("k", TEN, now=NOW)

    seen, last = await several()
    assert seen == Tally(6, NOW + MINUTE, is_over=False)
    assert last == Tally(4, NOW + MINUTE, is_over=False)
    await settled(store)
    assert hits(path, "k") == 6


async def test_a_window_that_ends_meanwhile_begins_anew(store: SqliteStore, path: Path) -> None:
    for at, remaining in ((0, 9), (1, 8), (MINUTE, 9), (MINUTE + 1, 8)):
        assert (await store.limits.hit("k", TEN, now=NOW + at)).remaining == remaining
    await settled(store)
    assert hits(path, "k") == 2


async def test_what_was_rolled_back_is_not_remembered(store: SqliteStore, path: Path) -> None:
    """A full disk takes the whole transaction with it: the next count is that of the disk."""
    await store.limits.hit("k", TEN, now=NOW)
    await settled(store)

    async def fail() -> None:
        async with store.transaction():
            store._writer.connection.execute("ROLLBACK")

    await store.limits.hit("k", TEN, now=NOW)
    await store.limits.hit("k", TEN, now=NOW)
    with pytest.raises(StoreFailed):
        await fail()
    assert (await store.limits.hit("k", TEN, now=NOW)).remaining == 8
    await settled(store)
    assert hits(path, "k") == 2


async def test_a_count_that_cannot_be_written_holds_nobody_up(
    store: SqliteStore, path: Path
) -> None:
    store._writer.connection.execute(
        "CREATE TEMP TRIGGER no_update BEFORE UPDATE ON limits WHEN NEW.key = 'k'"
        " AND NEW.hits > 1 BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    await store.limits.hit("k", TEN, now=NOW)
    await store.limits.hit("k", TEN, now=NOW)
    await settled(store)
    assert hits(path, "k") == 1
