"""`Feed`: whoever listens hears of every change once it is committed, and can come back."""

# ruff: noqa: PLR2004  counts read best as numbers

import asyncio

import pytest

from watchword.domain.revocations import KEPT
from watchword.domain.sessions import EndReason
from watchword.domain.time import HOUR, MINUTE, SECOND
from watchword.ports import Change, Recorded, Subscription, Topic
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    a_session,
    abandon,
    alone,
    an_account,
    an_admin,
    given,
    given_session,
)

ADA = an_account()
FIRST, SECOND_SESSION = a_session(ADA, 1), a_session(ADA, 2, at=NOW + 1)
PATIENCE = 30 * SECOND


async def settle(store: ConformingStore) -> None:
    await given(store, ADA, an_admin())
    for session in (FIRST, SECOND_SESSION):
        await given_session(store, session)


async def heard(subscription: Subscription, count: int) -> list[Recorded]:
    """The next ``count`` of them, however long they take."""
    found: list[Recorded] = []
    while len(found) < count:
        news = await subscription.news(PATIENCE)
        assert news, "nothing came"
        found.extend(news)
    return found


class FeedPromises(Promises):
    async def test_who_listens_hears_each_change_once_in_its_order(
        self, store: ConformingStore
    ) -> None:
        await settle(store)
        async with store.feed.subscribe() as subscription:
            assert await subscription.news(0) == []
            await alone(store, lambda u: u.accounts.rename(ADA.id, "New"))
            await alone(store, lambda u: u.sessions.end(FIRST.id, EndReason.REVOKED, now=NOW))
            first, second = await heard(subscription, 2)
            assert await subscription.news(0) == []
        assert (first.change, first.proof) == (Change(Topic.USER, ADA.id), 0)
        assert (second.change, second.proof) == (Change(Topic.SESSION, FIRST.id), 0)
        assert first.seq < second.seq
        assert first.at == second.at == NOW

    async def test_who_waits_is_woken_by_a_commit(self, store: ConformingStore) -> None:
        await settle(store)
        async with store.feed.subscribe() as subscription:
            waiting = asyncio.create_task(heard(subscription, 1))
            await alone(store, lambda u: u.accounts.rename(ADA.id, "New"))
            [found] = await waiting
        assert found.change == Change(Topic.USER, ADA.id)

    async def test_what_was_committed_before_the_question_is_in_the_answer(
        self, store: ConformingStore
    ) -> None:
        await settle(store)
        async with store.feed.subscribe() as subscription:
            for number in range(20):
                await alone(store, lambda u, n=number: u.accounts.rename(ADA.id, f"{n}"))  # type: ignore[misc]
                assert len(await subscription.news(0) or ()) == 1

    async def test_a_change_is_heard_of_after_its_commit_or_never(
        self, store: ConformingStore
    ) -> None:
        await settle(store)
        async with store.feed.subscribe() as subscription:
            async with store.transaction() as unit:
                await unit.accounts.rename(ADA.id, "New")
                assert await subscription.news(0) == []
            with pytest.raises(Abandoned):
                await abandon(store, lambda u: u.accounts.rename(ADA.id, "Newer"))
            assert len(await heard(subscription, 1)) == 1
            assert await subscription.news(0) == []

    async def test_several_listeners_hear_the_same(self, store: ConformingStore) -> None:
        await settle(store)
        async with store.feed.subscribe() as one, store.feed.subscribe() as two:
            await alone(store, lambda u: u.accounts.rename(ADA.id, "New"))
            assert await heard(one, 1) == await heard(two, 1)

    async def test_a_session_that_goes_on_is_told_with_its_proof(
        self, store: ConformingStore
    ) -> None:
        await settle(store)
        async with store.feed.subscribe() as subscription:
            await alone(store, lambda u: u.sessions.reprove(FIRST, ("pwd",), now=NOW))
            [found] = await heard(subscription, 1)
        assert (found.change, found.proof) == (Change(Topic.SESSION, FIRST.id), FIRST.proof + 1)

    async def test_everything_kept_is_read_a_page_at_a_time(self, store: ConformingStore) -> None:
        await settle(store)
        for number in range(5):
            await alone(store, lambda u, n=number: u.accounts.rename(ADA.id, f"{n}"))  # type: ignore[misc]
        pages, after = [], 0
        while page := await store.feed.list_since(NOW, after=after, at_most=2):
            pages.append(len(page))
            after = page[-1].seq
        assert pages == [2, 2, 1]
        assert await store.feed.list_since(NOW + 1, after=0, at_most=2) == []

    async def test_one_is_found_by_its_number(self, store: ConformingStore) -> None:
        await settle(store)
        await alone(store, lambda u: u.accounts.rename(ADA.id, "New"))
        [kept] = await store.feed.list_since(NOW, after=0, at_most=9)
        assert await store.feed.find(kept.seq) == kept
        assert await store.feed.find(kept.seq + 1) is None

    async def test_nothing_is_purged_that_somebody_may_still_have_to_be_told(
        self, store: ConformingStore
    ) -> None:
        await settle(store)
        async with store.transaction() as unit:
            for number in range(10_020):
                await unit.accounts.rename(ADA.id, f"{number}")
        await store.purge(NOW + KEPT, at_most=10)
        assert len(await store.feed.list_since(NOW, after=0, at_most=20_000)) == 10_020
        assert KEPT >= 20 * MINUTE + MINUTE
        assert KEPT < HOUR

    async def test_the_end_of_the_store_is_the_end_of_the_feed(
        self, store: ConformingStore
    ) -> None:
        async with store.feed.subscribe() as subscription:
            waiting = asyncio.create_task(subscription.news(PATIENCE))
            await asyncio.sleep(0)
            await store.close()
            assert await waiting is None
