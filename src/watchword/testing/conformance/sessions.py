"""`Sessions`, from the sign-in to the end: a session that has ended never lives again."""

# ruff: noqa: PLR2004  counts read best as numbers

from dataclasses import replace
from functools import partial

import pytest

from watchword.domain.accounts import Status
from watchword.domain.errors import AccountDisabled, InvalidCredentials, SessionLimitReached
from watchword.domain.risk import Visit
from watchword.domain.sessions import EndReason, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, Instant
from watchword.ports import Standing, Unit
from watchword.testing.conformance.ground import (
    HASH,
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


async def _end(session_id: str, at: Instant, unit: Unit) -> bool:
    return await unit.sessions.end(session_id, EndReason.SIGNED_OUT, now=at)


class SessionPromises(Promises):
    async def test_a_session_is_found_as_it_was_opened_with_its_account(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        plain = a_session(ada)
        other = replace(
            a_session(ada, 2, transport=Transport.SESSION),
            amr=("pwd", "otp"),
            remembered=False,
            generation=7,
            proof=3,
        )
        assert await given_session(store, plain) == []
        assert await given_session(store, other) == []
        assert await store.reading.sessions.find(plain.id) == Standing(ada, plain)
        assert await store.reading.sessions.find(other.id) == Standing(ada, other)
        assert await store.reading.sessions.find("s-nowhere") is None

    async def test_nobody_signs_in_to_a_disabled_account(self, store: ConformingStore) -> None:
        ada = an_account(status=Status.DISABLED)
        await given(store, ada)
        for proven in (None, HASH, "another"):
            with pytest.raises(AccountDisabled):
                await self.open_proven(store, proven)
        assert await store.reading.sessions.find(a_session(ada).id) is None

    async def test_nobody_signs_in_to_an_account_that_is_gone(self, store: ConformingStore) -> None:
        with pytest.raises(InvalidCredentials):
            await self.open_proven(store, HASH)

    async def test_r09_a_password_that_was_changed_meanwhile_opens_nothing(
        self, store: ConformingStore
    ) -> None:
        ada = an_account()
        await given(store, ada)
        await alone(
            store, lambda unit: unit.accounts.replace_password(ada.id, "new", instead_of=HASH)
        )
        with pytest.raises(InvalidCredentials):
            await self.open_proven(store, HASH)
        assert await store.reading.sessions.find(a_session(ada).id) is None
        await self.open_proven(store, "new")
        assert await store.reading.sessions.find(a_session(ada).id) is not None

    async def test_an_account_without_a_password_is_not_opened_by_one(
        self, store: ConformingStore
    ) -> None:
        await given(store, replace(an_account(), password_hash=None))
        with pytest.raises(InvalidCredentials):
            await self.open_proven(store, HASH)
        await self.open_proven(store, None)

    async def open_proven(self, store: ConformingStore, proven: str | None) -> None:
        async with store.transaction() as unit:
            await unit.sessions.open(a_session(an_account()), limit=5, evicts=True, proven=proven)

    async def test_the_oldest_sessions_give_way(self, store: ConformingStore) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        opened = [a_session(ada, number, at=NOW + number) for number in range(4)]
        for session in opened:
            assert await given_session(store, session) == []
        await given_session(store, a_session(bob))
        newest = a_session(ada, 9, at=NOW + MINUTE)
        gone = await given_session(store, newest, limit=3)
        assert sorted(gone) == [opened[0].id, opened[1].id]
        live = await store.reading.sessions.list_live(ada.id, NOW + MINUTE)
        assert list(live) == [newest, opened[3], opened[2]]
        evicted = await find_session(store, opened[0])
        assert (evicted.ended_at, evicted.ended_reason) == (NOW + MINUTE, EndReason.EVICTED)
        assert (await find_session(store, a_session(bob))).ended_at is None

    async def test_dead_sessions_take_no_room(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)
        ended, idle, live = (a_session(ada, number) for number in (1, 2, 3))
        for session in (ended, idle, replace(live, idle_expires_at=NOW + DAY)):
            await given_session(store, session)
        await alone(store, lambda unit: unit.sessions.end(ended.id, EndReason.SIGNED_OUT, now=NOW))
        newest = a_session(ada, 4, at=NOW + HOUR)
        assert await given_session(store, newest, limit=2) == []

    async def test_without_eviction_a_sign_in_over_the_limit_changes_nothing(
        self, store: ConformingStore
    ) -> None:
        ada = an_account()
        await given(store, ada)
        await given_session(store, a_session(ada, 1))
        await given_session(store, a_session(ada, 2))
        third = a_session(ada, 3)
        async with store.transaction() as unit:
            with pytest.raises(SessionLimitReached):
                await unit.sessions.open(third, limit=2, evicts=False, proven=HASH)
        live = await store.reading.sessions.list_live(ada.id, NOW)
        assert [session.id for session in live] == [a_session(ada, 2).id, a_session(ada, 1).id]
        assert await store.reading.sessions.find(third.id) is None

    @pytest.mark.parametrize("evicts", [True, False])
    async def test_s12_many_sign_ins_at_once_stay_within_the_limit(
        self, store: ConformingStore, *, evicts: bool
    ) -> None:
        ada = an_account()
        await given(store, ada)

        async def sign_in(number: int) -> int:
            async with store.transaction() as unit:
                session = a_session(ada, number)
                await unit.sessions.open(session, limit=5, evicts=evicts, proven=HASH)
            return len(await store.reading.sessions.list_live(ada.id, NOW))

        live, refused = await at_once(*(sign_in(number) for number in range(20)))
        assert max(live) <= 5
        assert {type(error) for error in refused} == (set() if evicts else {SessionLimitReached})
        assert len(refused) == (0 if evicts else 15)
        assert len(await store.reading.sessions.list_live(ada.id, NOW)) == 5

    async def test_live_sessions_are_listed_newest_first(self, store: ConformingStore) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        sessions = [a_session(ada, number, at=NOW + number * MINUTE) for number in range(3)]
        for session in (*sessions, a_session(bob, 9)):
            await given_session(store, session)
        assert list(await store.reading.sessions.list_live(ada.id, NOW)) == sessions[::-1]
        at_the_end_of_the_first = NOW + HOUR
        live = await store.reading.sessions.list_live(ada.id, at_the_end_of_the_first)
        assert list(live) == sessions[:0:-1]
        assert await store.reading.sessions.list_live("u-nobody", NOW) == []

    async def test_visits_are_of_live_and_ended_sessions_newest_first(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        for number in range(5):
            session = a_session(ada, number, at=NOW + number)
            origin = replace(session.origin, ip=f"192.0.2.{number}")
            await given_session(store, replace(session, origin=origin))
        await given_session(store, a_session(bob, 9, at=NOW + 9))
        for number, at in ((4, NOW + 6), (1, NOW + 7), (0, NOW + 5)):
            gone = a_session(ada, number).id
            await alone(store, partial(_end, gone, at))
        visits = [Visit(f"192.0.2.{number}", NOW + number) for number in range(5)]
        reading = store.reading.sessions
        assert list(await reading.list_visits(ada.id, at_most=9)) == visits[::-1]
        # Of those that have ended the last to end come first, whenever they began.
        assert list(await reading.list_visits(ada.id, at_most=2)) == [visits[4], visits[3]]
        assert list(await reading.list_visits("u-nobody", at_most=9)) == []
        async with store.transaction() as unit:
            await unit.sessions.open(
                a_session(ada, 7, at=NOW + 8), limit=9, evicts=True, proven=None
            )
            (newest,) = await unit.sessions.list_visits(ada.id, at_most=1)
        assert newest.at == NOW + 8

    async def test_a_session_ends_once(self, store: ConformingStore) -> None:
        ada = an_account()
        session = a_session(ada)
        await given(store, ada)
        await given_session(store, session)
        async with store.transaction() as unit:
            assert await unit.sessions.end(session.id, EndReason.SIGNED_OUT, now=NOW + 1)
            assert not await unit.sessions.end(session.id, EndReason.REUSED, now=NOW + 2)
            assert not await unit.sessions.end("s-nowhere", EndReason.REUSED, now=NOW + 2)
        ended = replace(session, ended_at=NOW + 1, ended_reason=EndReason.SIGNED_OUT)
        assert await find_session(store, session) == ended

    async def test_of_many_ends_at_once_one_is_the_first(self, store: ConformingStore) -> None:
        ada = an_account()
        await given(store, ada)
        await given_session(store, a_session(ada))

        async def end() -> bool:
            async with store.transaction() as unit:
                return await unit.sessions.end(a_session(ada).id, EndReason.REVOKED, now=NOW)

        returned, raised = await at_once(*(end() for _ in range(20)))
        assert raised == []
        assert returned.count(True) == 1

    async def test_all_sessions_of_one_user_end_save_the_kept_one(
        self, store: ConformingStore
    ) -> None:
        ada, bob = an_account(), an_account("bob")
        await given(store, ada, bob)
        for session in (*(a_session(ada, number) for number in range(4)), a_session(bob)):
            await given_session(store, session)
        kept = a_session(ada, 2)
        async with store.transaction() as unit:
            end_all = unit.sessions.end_all
            assert await end_all(ada.id, EndReason.REVOKED, now=NOW, keep=kept.id) == 3
            assert await end_all(ada.id, EndReason.REVOKED, now=NOW, keep=kept.id) == 0
        assert list(await store.reading.sessions.list_live(ada.id, NOW)) == [kept]
        assert list(await store.reading.sessions.list_live(bob.id, NOW)) == [a_session(bob)]
        assert await alone(store, lambda u: u.sessions.end_all(ada.id, EndReason.REVOKED, now=NOW))
        assert await store.reading.sessions.list_live(ada.id, NOW) == []

    async def test_x07_a_session_past_its_end_is_ended_with_the_others_but_not_counted(
        self, store: ConformingStore
    ) -> None:
        """By another node's clock, or by a use not yet written down, it may be alive still."""
        ada = an_account()
        idle = a_session(ada)
        await given(store, ada)
        await given_session(store, idle)
        async with store.transaction() as unit:
            ended = await unit.sessions.end_all(ada.id, EndReason.DISABLED, now=NOW + HOUR)
        assert ended == 0
        assert not (await find_session(store, idle)).is_alive(NOW)

    async def test_the_reason_of_an_earlier_end_stays(self, store: ConformingStore) -> None:
        ada = an_account()
        session = a_session(ada)
        await given(store, ada)
        await given_session(store, session)
        async with store.transaction() as unit:
            await unit.sessions.end(session.id, EndReason.REUSED, now=NOW)
            await unit.sessions.end_all(ada.id, EndReason.SIGNED_OUT, now=NOW + 1)
        ended = await find_session(store, session)
        assert (ended.ended_at, ended.ended_reason) == (NOW, EndReason.REUSED)
