"""The feed on several nodes: in the order of the commits, whole, or over."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, node, until
from watchword.adapters.sql import subscriptions
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.sessions import EndReason
from watchword.domain.time import SECOND, Span
from watchword.ports import Change, Topic
from watchword.testing.conformance.feed import heard
from watchword.testing.conformance.ground import (
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
)

ADA, BOB = an_account(), an_account("bob")
SESSION = a_session(ADA)
OF_ADA, OF_BOB = Change(Topic.USER, ADA.id), Change(Topic.USER, BOB.id)
_CALL = "SELECT pg_notify('watchword_changes', $1)"
_END_LISTENERS = "SELECT pg_terminate_backend(backend::integer, 5000) FROM nodes"


@pytest.fixture
async def both(store: PostgresStore, other: PostgresStore) -> tuple[PostgresStore, PostgresStore]:
    await given(store, ADA, BOB)
    await given_session(store, SESSION)
    return store, other


async def rename(store: PostgresStore, id_: str = ADA.id) -> None:
    await alone(store, lambda unit: unit.accounts.rename(id_, "New"))


class TestWhatIsCommitted:
    async def test_before_the_question_on_any_node_is_in_the_answer(
        self, both: tuple[PostgresStore, PostgresStore]
    ) -> None:
        async with both[0].feed.subscribe() as subscription:
            for number in range(40):
                await rename(both[number % 2])
                news = await subscription.news(0)
                assert news is not None
                assert [recorded.change for recorded in news] == [OF_ADA]

    async def test_by_another_node_wakes_who_waits(
        self, both: tuple[PostgresStore, PostgresStore]
    ) -> None:
        async with both[0].feed.subscribe() as subscription:
            waiting = asyncio.create_task(heard(subscription, 1))
            await alone(both[1], lambda u: u.sessions.reprove(SESSION, ("pwd",), now=NOW))
            [found] = await waiting
        assert (found.at, found.change) == (NOW, Change(Topic.SESSION, SESSION.id))
        assert found.proof == SESSION.proof + 1
        assert await both[1].feed.find(found.seq) == found

    async def test_is_told_in_the_order_of_the_commits_whatever_the_numbers_say(
        self, both: tuple[PostgresStore, PostgresStore]
    ) -> None:
        one, other = both
        async with one.feed.subscribe() as here, other.feed.subscribe() as there:
            async with one.transaction() as unit:
                await unit.accounts.rename(ADA.id, "New")
                await rename(other, BOB.id)
                early = [recorded.change for recorded in await heard(here, 1)]
            told = await heard(there, 2)
            assert [*early, *(r.change for r in await heard(here, 1))] == [OF_BOB, OF_ADA]
        assert [recorded.change for recorded in told] == [OF_BOB, OF_ADA]
        assert told[0].seq > told[1].seq
        since = await one.feed.list_since(NOW, after=0, at_most=9)
        assert [recorded.change for recorded in since] == [OF_ADA, OF_BOB]

    async def test_while_nobody_could_hear_it_is_read_by_who_comes_back(
        self, both: tuple[PostgresStore, PostgresStore], outsider: asyncpg.Connection
    ) -> None:
        one, other = both
        async with one.feed.subscribe() as subscription:
            await outsider.execute(_END_LISTENERS)
            await alone(other, lambda u: u.sessions.end(SESSION.id, EndReason.REVOKED, now=NOW))
            assert await over(subscription)
        await one.revocations.ready(5 * SECOND)
        async with one.feed.subscribe():
            [kept] = await one.feed.list_since(NOW, after=0, at_most=9)
        assert kept.change == Change(Topic.SESSION, SESSION.id)


async def over(subscription: subscriptions.QueuedSubscription, within: Span = 5 * SECOND) -> bool:
    news: Sequence[object] | None = ()
    while news is not None:
        news = await subscription.news(within)
    return True


class TestASubscription:
    async def test_on_a_node_that_has_just_come_waits_until_it_hears(
        self, both: tuple[PostgresStore, PostgresStore], address: Address, stopwatch: Stopwatch
    ) -> None:
        late = node(address, stopwatch, 3)
        async with late.feed.subscribe() as subscription:
            await rename(both[0])
            assert [recorded.change for recorded in await heard(subscription, 1)] == [OF_ADA]
        await late.close()

    async def test_s15_is_over_when_the_server_hangs_up(
        self, both: tuple[PostgresStore, PostgresStore], outsider: asyncpg.Connection
    ) -> None:
        async with both[0].feed.subscribe() as asking, both[0].feed.subscribe() as waiting:
            ending = asyncio.create_task(over(waiting, 60 * SECOND))
            await outsider.execute(_END_LISTENERS)
            assert await asyncio.wait_for(ending, 5)
            assert await over(asking)

    @pytest.mark.parametrize("payload", ["x 2 7 0 0 user u-ada", "x user u-ada", ""])
    async def test_s15_is_over_when_a_word_is_not_understood(
        self,
        both: tuple[PostgresStore, PostgresStore],
        outsider: asyncpg.Connection,
        payload: str,
    ) -> None:
        async with both[0].feed.subscribe() as subscription:
            await outsider.execute(_CALL, payload)
            assert await subscription.news(60 * SECOND) is None

    async def test_s15_is_over_for_who_reads_too_slowly(
        self, both: tuple[PostgresStore, PostgresStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscriptions, "MOST_WAITING", 3)
        async with both[0].feed.subscribe() as slow, both[0].feed.subscribe() as quick:
            for _ in range(4):
                await rename(both[1])
                assert len(await heard(quick, 1)) == 1
            assert await slow.news(0) is None

    async def test_is_refused_where_no_server_is(self, stopwatch: Stopwatch) -> None:
        address = Address.parse("postgresql://nobody:hunter2@127.0.0.1:1/nowhere")
        store = node(address, stopwatch, 3)
        with pytest.raises(StoreFailed, match="not heard"):
            async with store.feed.subscribe():
                pass
        assert not store.feed._subscriptions
        await store.close()

    async def test_that_is_left_while_it_waits_for_an_answer_leaves_nothing_behind(
        self, both: tuple[PostgresStore, PostgresStore]
    ) -> None:
        async def follow() -> None:
            async with both[0].feed.subscribe() as subscription:
                while await subscription.news(60 * SECOND) is not None:
                    pass

        leaving = [asyncio.create_task(follow()) for _ in range(20)]
        for turns, task in enumerate(leaving):
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
        found = await asyncio.gather(*leaving, return_exceptions=True)
        assert {type(each) for each in found} == {asyncio.CancelledError}
        await until(lambda: not both[0].feed._subscriptions)
        async with both[0].feed.subscribe() as subscription:
            await rename(both[1])
            assert len(await heard(subscription, 1)) == 1
