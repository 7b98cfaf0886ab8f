"""Which counters wait for the server's disk, and which do not."""

from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.time import MINUTE
from watchword.ports import Allowance
from watchword.testing.conformance.ground import NOW

_DURABLE = "SELECT current_setting('synchronous_commit')"


async def durable(store: PostgresStore) -> object:
    """What the connection that was used last does from here on."""
    row = await store._singles.row(_DURABLE, {})
    assert row is not None
    return row[0]


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
