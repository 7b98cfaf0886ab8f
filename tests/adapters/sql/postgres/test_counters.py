"""Which counters wait for the server's disk, and which share a statement."""

import asyncio
from typing import Any

from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.time import MINUTE
from watchword.ports import Allowance, Tally
from watchword.testing.conformance.ground import NOW

_DURABLE = "SELECT current_setting('synchronous_commit')"


async def durable(store: PostgresStore) -> object:
    """What the connection that was used last does from here on."""
    row = await store._singles.row(_DURABLE, {})
    assert row is not None
    return row[0]


async def peek(store: PostgresStore, key: str) -> Tally:
    return await store.limits.peek(key, Allowance(6, MINUTE), now=NOW)


class TestACounter:
    async def test_that_does_not_wait_leaves_the_next_statement_durable(
        self, store: PostgresStore
    ) -> None:
        before = await durable(store)
        assert before == "on"
        await store.limits.hit("k", Allowance(5, MINUTE), now=NOW)
        assert await durable(store) == before
        await store.limits.hit("k", Allowance(5, MINUTE), now=NOW, share="ada")
        assert await durable(store) == before
        await store.lockouts.begin("account:ada", LockoutPolicy(5, MINUTE), now=NOW)
        await store.lockouts.succeed("account:ada")
        assert await durable(store) == before


class TestHitsThatComeTogether:
    async def test_b04_are_one_round_trip_and_each_has_its_own_number(
        self, store: PostgresStore
    ) -> None:
        await durable(store)
        sent: list[str] = []
        connection: Any = await store._pool.acquire()
        connection.add_query_logger(lambda record: sent.append(record.query))
        store._pool.release(connection)
        told = await asyncio.gather(
            *(store.limits.hit("k", Allowance(5, MINUTE), now=NOW) for _ in range(8))
        )
        await asyncio.sleep(0)  # the driver tells of it in the next turn
        assert len(sent) == 1
        assert [tally.remaining for tally in told] == [4, 3, 2, 1, 0, 0, 0, 0]
        assert [tally.is_over for tally in told] == [False] * 5 + [True] * 3

    async def test_b04_of_many_clients_are_counted_for_each(self, store: PostgresStore) -> None:
        clients = ["a", "b", "a", "c", "a", "b"]
        for before in (0, 3):
            told = await asyncio.gather(
                *(store.limits.hit(client, Allowance(6, MINUTE), now=NOW) for client in clients)
            )
            assert told[4].remaining == 3 - before
        assert [(await peek(store, client)).remaining for client in "abc"] == [0, 2, 4]

    async def test_begin_the_next_window_together(self, store: PostgresStore) -> None:
        await store.limits.hit("a", Allowance(6, MINUTE), now=NOW)
        later = NOW + MINUTE
        told = await asyncio.gather(
            *(store.limits.hit(client, Allowance(6, MINUTE), now=later) for client in "aab")
        )
        assert [tally.remaining for tally in told] == [5, 4, 5]
        assert {tally.resets_at for tally in told} == {later + MINUTE}

    async def test_of_two_nodes_never_wait_for_each_other(
        self, store: PostgresStore, other: PostgresStore
    ) -> None:
        clients = [f"client {number}" for number in range(50)]
        for _ in range(10):
            await asyncio.gather(
                *(store.limits.hit(client, Allowance(99, MINUTE), now=NOW) for client in clients),
                *(
                    other.limits.hit(client, Allowance(99, MINUTE), now=NOW)
                    for client in reversed(clients)
                ),
            )
        left = {
            (await store.limits.peek(c, Allowance(99, MINUTE), now=NOW)).remaining for c in clients
        }
        assert left == {99 - 20}
