"""Who ends what has ended a moment ago, elsewhere: the answer holds on their node all the same."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, until
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.revocations import PostgresRevocations
from watchword.adapters.sql.postgres.store import ByDatabase, PostgresStore
from watchword.domain.sessions import EndReason
from watchword.domain.time import MINUTE, SECOND
from watchword.ports import Change, Topic
from watchword.testing import FakeClock, SeededRandomness
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    a_session,
    abandon,
    alone,
    an_account,
    given,
    given_session,
)

ADA = an_account()
SESSION = a_session(ADA)
# As another node commits it, whose call is still on its way.
_UNHEARD = "UPDATE sessions SET ended_at = 1, ended_reason = 'signed_out' WHERE id = $1"
GHOST = "INSERT INTO nodes VALUES ('ghost.1', pg_backend_pid(), 60000, 0)"
ANSWER = "SELECT pg_notify('watchword_to_' || $1, 'ghost.1 1')"


async def end(store: PostgresStore) -> bool:
    return await alone(
        store, lambda unit: unit.sessions.end(SESSION.id, EndReason.SIGNED_OUT, now=NOW)
    )


async def end_all(store: PostgresStore) -> int:
    return await alone(
        store, lambda unit: unit.sessions.end_all(ADA.id, EndReason.REVOKED, now=NOW)
    )


@pytest.fixture
async def signed_in(store: PostgresStore, outsider: asyncpg.Connection) -> PostgresStore:
    """It knows no news, and will not be told of the end that another has made."""
    await given(store, ADA)
    await given_session(store, SESSION)
    store.revocations.news()
    await outsider.execute(_UNHEARD, SESSION.id)
    assert store.revocations.news() == ()
    return store


class TestASecondEnd:
    async def test_s15_makes_its_own_node_forget_the_session(
        self, signed_in: PostgresStore
    ) -> None:
        assert not await end(signed_in)
        assert signed_in.revocations.news() == [Change(Topic.SESSION, SESSION.id)]

    async def test_s15_of_all_makes_its_own_node_forget_them_all(
        self, signed_in: PostgresStore
    ) -> None:
        assert await end_all(signed_in) == 0
        assert signed_in.revocations.news() == [Change(Topic.USER, ADA.id)]

    async def test_that_is_rolled_back_is_no_news(self, signed_in: PostgresStore) -> None:
        with pytest.raises(Abandoned):
            await abandon(
                signed_in,
                lambda unit: unit.sessions.end(SESSION.id, EndReason.SIGNED_OUT, now=NOW),
            )
        assert signed_in.revocations.news() == ()


class TestAStrictSecondEnd:
    @pytest.fixture
    async def strict(self, address: Address, stopwatch: Stopwatch) -> AsyncIterator[PostgresStore]:
        store = PostgresStore(
            address,
            ByDatabase(stopwatch, MINUTE, is_strict=True),
            clock=FakeClock(),
            randomness=SeededRandomness(7),
        )
        await store.revocations.ready(5 * SECOND)
        await given(store, ADA)
        await given_session(store, SESSION)
        yield store
        await store.close()

    @pytest.mark.parametrize("verb", [end, end_all])
    async def test_s15_is_answered_when_all_nodes_have_heard_of_the_first(
        self, strict: PostgresStore, outsider: asyncpg.Connection, verb: object
    ) -> None:
        await outsider.execute(_UNHEARD, SESSION.id)
        await outsider.execute(GHOST)  # a node that is slow to hear
        answered = asyncio.create_task(verb(strict))  # type: ignore[operator]
        pool = strict._transactions.pool
        await until(lambda: bool(pool._in_use))
        await until(lambda: not pool._in_use)  # it is committed
        for _ in range(100):
            await asyncio.sleep(0)
        assert not answered.done()
        assert isinstance(strict.revocations, PostgresRevocations)
        await outsider.execute(ANSWER, strict.revocations.sender)
        assert not await answered
