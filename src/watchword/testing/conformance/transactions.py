"""`Store.transaction`: together or not at all, and seen by others only when it is done."""

import asyncio

import pytest

from watchword.domain.errors import Conflict
from watchword.domain.time import HOUR
from watchword.ports import Unit
from watchword.testing.conformance.ground import (
    Abandoned,
    ConformingStore,
    Promises,
    a_session,
    abandon,
    alone,
    an_account,
    at_once,
    find_account,
    given,
    given_session,
)


class TransactionPromises(Promises):
    async def test_what_is_committed_is_read_at_once(self, store: ConformingStore) -> None:
        async with store.transaction() as unit:
            await unit.accounts.insert(an_account())
            assert await unit.accounts.find(an_account().id) == an_account()
        assert await store.reading.accounts.find(an_account().id) == an_account()

    async def test_nobody_reads_what_is_not_committed(self, store: ConformingStore) -> None:
        async with store.transaction() as unit:
            await unit.accounts.insert(an_account())
            assert await store.reading.accounts.find(an_account().id) is None
            assert not await store.reading.administrators.has_any()

    async def test_a_transaction_that_raises_leaves_nothing(self, store: ConformingStore) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada)

        async def change_much(unit: Unit) -> None:
            await unit.accounts.rename(ada.id, "New")
            await unit.accounts.insert(bob)
            await unit.sessions.open(a_session(bob), limit=5, evicts=True, proven=None)

        with pytest.raises(Abandoned):
            await abandon(store, change_much)
        assert await find_account(store, ada) == ada
        assert await store.reading.accounts.find(bob.id) is None
        assert await store.reading.sessions.find(a_session(bob).id) is None

    async def test_a_transaction_that_is_cancelled_leaves_nothing(
        self, store: ConformingStore
    ) -> None:
        inside = asyncio.Event()

        async def stay() -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account())
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(stay())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await store.reading.accounts.find(an_account().id) is None
        await given(store, an_account())

    async def test_one_that_raises_takes_no_other_with_it(self, store: ConformingStore) -> None:
        async def insert(number: int) -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account(f"p{number}"))
                if number % 2:
                    raise Abandoned

        _, raised = await at_once(*(insert(number) for number in range(20)))
        assert [type(error) for error in raised] == [Abandoned] * 10
        for number in range(20):
            found = await store.reading.accounts.find(f"u-p{number}")
            assert (found is None) == bool(number % 2)

    async def test_transactions_do_not_mix(self, store: ConformingStore) -> None:
        """Each adds two accounts, giving way in between; half of them change their mind."""

        async def insert_two(number: int) -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account(f"p{number}a"))
                await asyncio.sleep(0)
                await unit.accounts.insert(an_account(f"p{number}b"))
                await asyncio.sleep(0)
                if number % 2:
                    raise Abandoned

        await at_once(*(insert_two(number) for number in range(10)))
        for number in range(10):
            both = [await store.reading.accounts.find(f"u-p{number}{half}") for half in "ab"]
            assert (both[0] is None, both[1] is None) == (bool(number % 2), bool(number % 2))

    async def test_a_refusal_inside_leaves_the_rest_of_the_transaction(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada)
        async with store.transaction() as unit:
            await unit.accounts.insert(bob)
            with pytest.raises(Conflict):
                await unit.accounts.insert(ada)
            await unit.accounts.rename(bob.id, "New")
        assert (await find_account(store, bob)).name == "New"

    async def test_counters_count_although_a_transaction_beside_them_waits(
        self, store: ConformingStore
    ) -> None:
        """They may wait for it, but they neither join it nor fail with it."""
        from_outside = asyncio.Event()

        async def abandon() -> None:
            async with store.transaction() as unit:
                await unit.accounts.insert(an_account())
                from_outside.set()
                await asyncio.sleep(0)
                raise Abandoned

        async def count() -> None:
            await from_outside.wait()
            await store.lockouts.succeed("account:u-ada")

        _, raised = await at_once(abandon(), count())
        assert [type(error) for error in raised] == [Abandoned]
        await given(store, an_account())
        await given_session(store, a_session(an_account()))
        assert await alone(store, lambda unit: unit.sessions.find(a_session(an_account()).id))

    async def test_whoever_gathers_goes_on_when_somebody_writes(
        self, store: ConformingStore
    ) -> None:
        gathering = asyncio.create_task(store.gather(HOUR))
        await asyncio.sleep(0)
        await given(store, an_account())
        await gathering
