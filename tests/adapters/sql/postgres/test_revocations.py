"""News from other nodes, and for how long no news is believed."""

import subprocess
import sys

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, heard, node, until
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.revocations import PostgresRevocations
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.sessions import EndReason
from watchword.domain.time import SECOND
from watchword.ports import Change, Topic, Unit
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
)

ADA = an_account()
SESSION = a_session(ADA)
OF_ADA = Change(Topic.USER, ADA.id)
LEASE = 60.0  # seconds, as `node` has it
_CALL = "SELECT pg_notify('watchword_changes', $1)"
_CALL_MANY = """
SELECT pg_notify('watchword_changes', 'x 1 ' || n || ' 0 0 user ' || n)
FROM generate_series(1, $1) n
"""
_LISTENERS = "SELECT backend FROM nodes"


@pytest.fixture
async def both(store: PostgresStore, other: PostgresStore) -> tuple[PostgresStore, PostgresStore]:
    """Both know the same, and have heard all news of it."""
    await given(store, ADA)
    await given_session(store, SESSION)
    for one in (store, other):
        assert one.revocations.news() is None
        assert one.revocations.news() == ()
    return store, other


async def rename(store: PostgresStore, name: str = "New") -> None:
    await alone(store, lambda unit: unit.accounts.rename(ADA.id, name))


class TestNews:
    async def test_s15_reaches_the_other_node_and_is_known_to_ones_own_at_once(
        self, both: tuple[PostgresStore, PostgresStore]
    ) -> None:
        for one, other in (both, both[::-1]):
            await rename(one)
            assert one.revocations.news() == [OF_ADA]
            assert await heard(other.revocations, 1) == [OF_ADA]
        await alone(both[0], lambda u: u.sessions.end(SESSION.id, EndReason.REVOKED, now=NOW))
        assert both[0].revocations.news() == [Change(Topic.SESSION, SESSION.id)]
        assert await heard(both[1].revocations, 1) == [Change(Topic.SESSION, SESSION.id)]

    async def test_comes_in_the_order_of_the_commits_and_once(
        self, both: tuple[PostgresStore, PostgresStore]
    ) -> None:
        one, other = both
        people = [an_account(f"p{number}") for number in range(20)]
        await given(one, *people)
        for account in people:
            async with one.transaction() as unit:
                await unit.accounts.rename(account.id, "New")
        await rename(other)
        expected = [Change(Topic.USER, account.id) for account in people]
        assert await heard(other.revocations, 21) == [*expected, OF_ADA]
        assert await heard(one.revocations, 21) == [*expected, OF_ADA]
        assert one.revocations.news() == other.revocations.news() == ()

    async def test_s15_of_a_commit_whose_answer_was_lost_is_known_as_well(
        self, both: tuple[PostgresStore, PostgresStore], outsider: asyncpg.Connection
    ) -> None:
        one, _ = both

        async def rename_and_die(unit: Unit) -> None:
            await unit.accounts.rename(ADA.id, "New")
            await outsider.execute(_END_THOSE_IN_TRANSACTIONS)

        with pytest.raises(StoreFailed):
            await alone(one, rename_and_die)
        assert one.revocations.news() == [OF_ADA]

    async def test_s15_of_a_commit_that_was_doubted_comes_again_when_it_is_there(
        self, both: tuple[PostgresStore, PostgresStore], outsider: asyncpg.Connection
    ) -> None:
        """Whoever looked in between has seen it as it was before."""
        revocations = both[0].revocations
        assert isinstance(revocations, PostgresRevocations)
        await revocations.doubt([OF_ADA])
        assert revocations.news() == [OF_ADA]
        await outsider.execute(_CALL, f"{revocations.sender} 1 7 0 0 user {ADA.id}")
        assert await heard(revocations, 1) == [OF_ADA]

    async def test_of_too_much_is_unknown(
        self, both: tuple[PostgresStore, PostgresStore], outsider: asyncpg.Connection
    ) -> None:
        await outsider.execute(_CALL_MANY, 10_001)
        beyond = both[0].revocations
        assert isinstance(beyond, PostgresRevocations)
        await until(lambda: len(beyond._beats._noted) == 0 and beyond._beats._missed)
        assert beyond.news() is None
        assert beyond.news() == ()

    @pytest.mark.parametrize(
        "payload", ["x 1 7 0 0 planet mars", "x 2 7 0 0 user u-ada", "x user u-ada", "", "x"]
    )
    async def test_that_is_not_understood_is_unknown(
        self,
        both: tuple[PostgresStore, PostgresStore],
        outsider: asyncpg.Connection,
        payload: str,
    ) -> None:
        await outsider.execute(_CALL, payload)
        await until(lambda: both[0].revocations.news() is None)
        assert both[0].revocations.news() == ()

    async def test_is_unknown_to_who_has_just_come(
        self, both: tuple[PostgresStore, PostgresStore], address: Address, stopwatch: Stopwatch
    ) -> None:
        late = node(address, stopwatch, 3)
        assert late.revocations.news() is None
        await late.revocations.ready(5 * SECOND)
        assert late.revocations.news() is None
        assert late.revocations.news() == ()
        await rename(both[0])
        assert await heard(late.revocations, 1) == [OF_ADA]
        await late.close()


_END_THOSE_IN_TRANSACTIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'
"""
_RENAME = """
import asyncio, asyncpg, sys
async def rename():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute("SELECT pg_notify('watchword_changes', 'x 1 7 0 0 user u-ada')")
asyncio.run(rename())
"""


class TestALease:
    async def test_s15_is_good_to_its_end_and_no_longer(
        self, both: tuple[PostgresStore, PostgresStore], stopwatch: Stopwatch
    ) -> None:
        revocations = both[0].revocations
        stopwatch.now += LEASE - 0.001
        assert revocations.news() == ()
        stopwatch.now += 0.001
        assert revocations.news() is None
        assert revocations.news() is None

    async def test_s15_that_ran_out_while_the_process_slept_is_not_believed_on_waking(
        self,
        both: tuple[PostgresStore, PostgresStore],
        stopwatch: Stopwatch,
        postgres_url: str,
    ) -> None:
        """It does nothing while another changes something: that lies unread in the socket."""
        subprocess.run(  # noqa: ASYNC221  the event loop is to stand still
            [sys.executable, "-c", _RENAME, postgres_url], check=True, timeout=60
        )
        stopwatch.now += LEASE
        assert both[0].revocations.news() is None

    async def test_s15_is_not_good_for_who_cannot_listen(
        self,
        both: tuple[PostgresStore, PostgresStore],
        outsider: asyncpg.Connection,
        stopwatch: Stopwatch,
    ) -> None:
        """It is lost with the connection at once, not only when it runs out, and comes back."""
        revocations = both[1].revocations
        listeners = [row[0] for row in await outsider.fetch(_LISTENERS)]
        assert len(listeners) == 2
        for pid in listeners:
            await outsider.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await until(lambda: revocations.news() is None)
        await rename(both[0])
        await until(lambda: (news := revocations.news()) is None or OF_ADA in news)
        await revocations.ready(5 * SECOND)
        revocations.news()  # that all before it is to be forgotten, if it was not told yet
        await rename(both[0], "Newer")
        await until(lambda: OF_ADA in (revocations.news() or ()))

    async def test_a_node_without_a_server_has_none_and_ends_in_peace(
        self, stopwatch: Stopwatch
    ) -> None:
        address = Address.parse("postgresql://nobody:hunter2@127.0.0.1:1/nowhere")
        store = node(address, stopwatch, 3)
        assert store.revocations.news() is None
        with pytest.raises(StoreFailed, match="not heard"):
            await store.revocations.ready(50)
        assert store.revocations.news() is None
        await store.close()
