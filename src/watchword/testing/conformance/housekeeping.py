"""`Housekeeping`: what is over goes, a piece at a time; what is not stays."""

# ruff: noqa: PLR2004  counts read best as numbers

from dataclasses import replace

from watchword.domain.attempts import LockoutPolicy
from watchword.domain.links import Link, Purpose
from watchword.domain.sessions import EndReason
from watchword.domain.time import DAY, HOUR, MINUTE
from watchword.ports import Allowance, StoredKey
from watchword.testing.conformance.ground import (
    NOW,
    ConformingStore,
    Promises,
    a_session,
    alone,
    an_account,
    at_once,
    find_session,
    given,
    given_session,
)

POLICY = LockoutPolicy(failures=5, first_lock=15 * MINUTE)


class HousekeepingPromises(Promises):
    async def test_an_empty_store_has_nothing_to_remove(self, store: ConformingStore) -> None:
        assert await store.purge(NOW, at_most=10) == 0
        assert await store.count_live_sessions(NOW) == 0

    async def test_a_sound_store_passes_its_check_and_is_not_changed_by_it(
        self, store: ConformingStore
    ) -> None:
        await store.check()
        await store.check()
        assert await store.purge(NOW, at_most=10) == 0

    async def test_a_session_is_kept_until_its_absolute_end(self, store: ConformingStore) -> None:
        """Idle or ended, it is still needed to tell a replay from garbage."""
        ada = an_account()
        ended, idle = a_session(ada, 1), a_session(ada, 2)
        await given(store, ada)
        await given_session(store, ended)
        await given_session(store, idle)
        await alone(store, lambda unit: unit.sessions.end(ended.id, EndReason.REVOKED, now=NOW))
        assert await store.purge(NOW + DAY - 1, at_most=10) == 0
        assert await find_session(store, idle) == idle
        assert await store.purge(NOW + DAY, at_most=10) == 2
        assert await store.reading.sessions.find(idle.id) is None

    async def test_links_and_keys_and_windows_go_at_their_end(self, store: ConformingStore) -> None:
        async with store.transaction() as unit:
            await unit.links.insert(Link(b"l" * 32, Purpose.SETUP, None, NOW, NOW + HOUR))
            key = StoredKey("old", "EdDSA", b"sealed", NOW, NOW, NOW + HOUR)
            await unit.keys.insert(key)
            await unit.keys.insert(replace(key, kid="signing", retires_at=None))
        await store.limits.hit("k", Allowance(1, HOUR), now=NOW)
        assert await store.purge(NOW + HOUR - 1, at_most=10) == 0
        assert await store.purge(NOW + HOUR, at_most=10) == 3
        assert [key.kid for key in await store.reading.keys.list_keys()] == ["signing"]

    async def test_failures_on_an_account_stay_those_on_unknown_addresses_go_after_a_day(
        self, store: ConformingStore
    ) -> None:
        """A hundred in a row disable a password, however long they take; addresses are endless."""
        for key in ("account:u-ada", "address:0123"):
            await store.lockouts.begin(key, POLICY, now=NOW)
        assert await store.purge(NOW + DAY - 1, at_most=10) == 0
        assert await store.purge(NOW + DAY, at_most=10) == 1
        assert (await store.lockouts.begin("account:u-ada", POLICY, now=NOW + DAY)).consecutive == 2
        assert (await store.lockouts.begin("address:0123", POLICY, now=NOW + DAY)).consecutive == 1

    async def test_a_piece_is_bounded(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)
        for number in range(5):
            await given_session(store, a_session(ada, number))
            await store.limits.hit(f"k{number}", Allowance(1, HOUR), now=NOW)
        removed = [await store.purge(NOW + DAY, at_most=4) for _ in range(4)]
        assert removed == [4, 4, 2, 0]

    async def test_two_who_clean_up_at_once_remove_everything_once(
        self, store: ConformingStore
    ) -> None:
        ada = an_account()
        await given(store, ada)
        for number in range(6):
            await given_session(store, a_session(ada, number))
        removed, raised = await at_once(*(store.purge(NOW + DAY, at_most=4) for _ in range(3)))
        assert raised == []
        assert sum(removed) == 6

    async def test_live_sessions_are_counted(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)
        for number in range(3):
            await given_session(store, a_session(ada, number, at=NOW + number))
        await alone(
            store, lambda u: u.sessions.end(a_session(ada, 2).id, EndReason.REVOKED, now=NOW)
        )
        assert await store.count_live_sessions(NOW) == 2
        assert await store.count_live_sessions(NOW + HOUR) == 1
        assert await store.count_live_sessions(NOW + HOUR + 1) == 0
