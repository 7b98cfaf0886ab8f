"""`Sessions` while they live: generations move on one by one, time slides forward only."""

# ruff: noqa: PLR2004  counts read best as numbers

import asyncio
from dataclasses import replace

import pytest

from watchword.domain.sessions import EndReason, Rotation, Session, Step, Transport
from watchword.domain.time import DAY, HOUR, MINUTE, Instant
from watchword.ports import Unit
from watchword.testing.conformance.ground import (
    NOW,
    Abandoned,
    ConformingStore,
    Promises,
    a_session,
    alone,
    an_account,
    at_once,
    find_session,
    given,
    given_session,
    rotated,
)

LATER = NOW + MINUTE


async def given_one(
    store: ConformingStore, *, transport: Transport = Transport.COOKIE, ends: Instant | None = None
) -> Session:
    ada = an_account()
    session = a_session(ada, transport=transport)
    if ends is not None:
        session = replace(session, expires_at=ends)
    await given(store, ada)
    await given_session(store, session)
    return session


class RotationPromises(Promises):
    async def test_rotation_moves_the_generation_on_and_slides(
        self, store: ConformingStore
    ) -> None:
        session = await given_one(store)
        assert await rotated(store, session)
        moved_on = replace(
            session,
            generation=2,
            rotated_at=LATER,
            rotated_before=(session.rotated_at,),
            last_seen_at=LATER,
            idle_expires_at=LATER + HOUR,
        )
        assert await find_session(store, session) == moved_on

    async def test_r02_a_few_rotations_are_remembered_newest_first(
        self, store: ConformingStore
    ) -> None:
        session = await given_one(store)
        for step in range(1, 12):
            assert await rotated(store, session, step, now=NOW + step)
        found = await find_session(store, session)
        assert found.rotated_at == NOW + 11
        assert found.rotated_before == tuple(NOW + step for step in range(10, 3, -1))

    @pytest.mark.parametrize("generation", [-1, 0, 2, 3])
    async def test_r04_only_the_exact_generation_rotates(
        self, store: ConformingStore, generation: int
    ) -> None:
        session = await given_one(store)
        assert not await rotated(store, session, generation)
        assert await find_session(store, session) == session

    async def test_rotations_that_were_lost_are_made_good_in_one_step(
        self, store: ConformingStore
    ) -> None:
        """From the generation that is held to the one after the newest that was given out."""
        session = await given_one(store)

        async def go_on(held: int, *, now: Instant = LATER) -> bool:
            return await alone(
                store, lambda unit: unit.sessions.rotate(session.id, 7, now=now, held=held)
            )

        assert not await go_on(2)
        assert not await go_on(7)
        assert not await go_on(1, now=NOW + DAY)
        assert await find_session(store, session) == session
        assert await go_on(1)
        assert not await go_on(1)
        found = await find_session(store, session)
        assert (found.generation, found.rotated_at, found.last_seen_at) == (8, LATER, LATER)
        assert await rotated(store, session, 8)

    async def test_r02_of_many_rotations_at_once_one_wins(self, store: ConformingStore) -> None:
        session = await given_one(store)
        returned, raised = await at_once(*(rotated(store, session) for _ in range(50)))
        assert raised == []
        assert returned.count(True) == 1
        assert (await find_session(store, session)).generation == 2

    async def test_what_is_done_instead_of_a_rotation_is_undone_when_it_raises(
        self, store: ConformingStore
    ) -> None:
        session = await given_one(store)

        async def end_and_fail(unit: Unit) -> Step:
            await unit.sessions.end(session.id, EndReason.REUSED, now=LATER)
            raise Abandoned

        async def end(unit: Unit) -> Step:
            await unit.sessions.end(session.id, EndReason.REUSED, now=LATER)
            return Step(Rotation.REUSED, 1)

        with pytest.raises(Abandoned):
            await store.rotate(session.id, 9, end_and_fail, now=LATER)
        assert await find_session(store, session) == session
        assert await store.rotate(session.id, 9, end, now=LATER) == Step(Rotation.REUSED, 1)
        assert (await find_session(store, session)).ended_at == LATER

    async def test_r12_an_ended_session_does_not_rotate(self, store: ConformingStore) -> None:
        session = await given_one(store)
        await alone(store, lambda unit: unit.sessions.end(session.id, EndReason.REUSED, now=NOW))
        ended = await find_session(store, session)
        assert not await rotated(store, session)
        assert await find_session(store, session) == ended

    async def test_r09_whatever_the_order_an_ended_session_stays_ended(
        self, store: ConformingStore
    ) -> None:
        session = await given_one(store)

        async def end() -> None:
            async with store.transaction() as unit:
                await unit.sessions.end(session.id, EndReason.SIGNED_OUT, now=LATER)

        async def touch() -> None:
            async with store.transaction() as unit:
                await unit.sessions.touch([(session.id, LATER + 1)])

        async def reprove() -> None:
            async with store.transaction() as unit:
                await unit.sessions.reprove(session, ("pwd",), now=LATER)

        await asyncio.gather(rotated(store, session), touch(), end(), reprove(), touch())
        await asyncio.gather(rotated(store, session, 2), touch(), reprove())
        assert (await find_session(store, session)).ended_at == LATER

    async def test_r10_idle_and_absolute_end_are_the_first_dead_moments(
        self, store: ConformingStore
    ) -> None:
        session = await given_one(store, ends=NOW + HOUR + 2)
        assert not await rotated(store, session, now=NOW + HOUR)
        assert await rotated(store, session, now=NOW + HOUR - 1)
        assert (await find_session(store, session)).expires_at == NOW + HOUR + 2
        assert not await rotated(store, session, 2, now=NOW + HOUR + 2)
        assert await rotated(store, session, 2, now=NOW + HOUR + 1)

    async def test_x07_rotation_under_a_clock_set_back_does_not_slide_backward(
        self, store: ConformingStore
    ) -> None:
        session = await given_one(store)
        assert await rotated(store, session, now=NOW - HOUR)
        moved_on = replace(
            session, generation=2, rotated_at=NOW - HOUR, rotated_before=(session.rotated_at,)
        )
        assert await find_session(store, session) == moved_on

    async def test_an_unknown_session_does_not_rotate(self, store: ConformingStore) -> None:
        assert not await rotated(store, a_session(an_account()))

    async def test_touching_slides_forward(self, store: ConformingStore) -> None:
        session = await given_one(store)
        await alone(store, lambda unit: unit.sessions.touch([(session.id, LATER), ("s-none", 1)]))
        seen = replace(session, last_seen_at=LATER, idle_expires_at=LATER + HOUR)
        assert await find_session(store, session) == seen

    async def test_touching_needs_nothing_that_is_decided_with_it(
        self, store: ConformingStore
    ) -> None:
        session = await given_one(store)
        await store.touch([("s-none", 1), (session.id, LATER), (session.id, NOW)])
        seen = replace(session, last_seen_at=LATER, idle_expires_at=LATER + HOUR)
        assert await find_session(store, session) == seen

    async def test_a_use_never_makes_a_session_end_sooner(self, store: ConformingStore) -> None:
        lasting = replace(a_session(an_account()), idle_expires_at=NOW + DAY)
        await given(store, an_account())
        await given_session(store, lasting)
        await store.touch([(lasting.id, LATER)])
        assert await rotated(store, lasting, now=LATER + 1)
        found = await find_session(store, lasting)
        assert (found.last_seen_at, found.idle_expires_at) == (LATER + 1, NOW + DAY)

    async def test_touching_never_slides_backward(self, store: ConformingStore) -> None:
        session = await given_one(store)
        async with store.transaction() as unit:
            await unit.sessions.touch([(session.id, LATER), (session.id, NOW + 1)])
            await unit.sessions.touch([(session.id, NOW)])
        assert (await find_session(store, session)).last_seen_at == LATER

    @pytest.mark.parametrize("at", [NOW + HOUR, NOW + HOUR + 1, NOW + DAY])
    async def test_touching_never_wakes_what_was_idle_too_long(
        self, store: ConformingStore, at: Instant
    ) -> None:
        session = await given_one(store)
        await alone(store, lambda unit: unit.sessions.touch([(session.id, at)]))
        assert await find_session(store, session) == session

    async def test_s13_touching_never_moves_the_absolute_end(self, store: ConformingStore) -> None:
        session = await given_one(store, ends=NOW + HOUR // 2)
        await alone(store, lambda unit: unit.sessions.touch([(session.id, LATER)]))
        assert (await find_session(store, session)).expires_at == NOW + HOUR // 2
        await alone(store, lambda unit: unit.sessions.touch([(session.id, NOW + HOUR // 2)]))
        assert (await find_session(store, session)).last_seen_at == LATER

    async def test_touching_never_revives(self, store: ConformingStore) -> None:
        session = await given_one(store)
        await alone(store, lambda unit: unit.sessions.end(session.id, EndReason.REVOKED, now=NOW))
        ended = await find_session(store, session)
        await alone(store, lambda unit: unit.sessions.touch([(session.id, LATER)]))
        assert await find_session(store, session) == ended

    @pytest.mark.parametrize("transport", Transport)
    async def test_a_new_proof_is_fresh_and_moves_a_session_token_on(
        self, store: ConformingStore, transport: Transport
    ) -> None:
        session = await given_one(store, transport=transport)
        is_token = transport is Transport.SESSION
        proven = replace(
            session,
            authenticated_at=LATER,
            amr=("pwd", "otp"),
            proof=2,
            generation=2 if is_token else 1,
            rotated_at=LATER if is_token else NOW,
            last_seen_at=LATER,
            idle_expires_at=LATER + HOUR,
        )
        async with store.transaction() as unit:
            assert await unit.sessions.reprove(session, ("pwd", "otp"), now=LATER) == proven
        assert await find_session(store, session) == proven

    async def test_of_many_proofs_at_once_one_wins(self, store: ConformingStore) -> None:
        session = await given_one(store, transport=Transport.SESSION)

        async def reprove() -> Session | None:
            async with store.transaction() as unit:
                return await unit.sessions.reprove(session, ("pwd",), now=LATER)

        returned, raised = await at_once(*(reprove() for _ in range(20)))
        assert raised == []
        assert len([proven for proven in returned if proven is not None]) == 1
        stored = await find_session(store, session)
        assert (stored.proof, stored.generation) == (2, 2)

    async def test_a_dead_session_takes_no_new_proof(self, store: ConformingStore) -> None:
        session = await given_one(store)
        async with store.transaction() as unit:
            assert await unit.sessions.reprove(session, ("pwd",), now=NOW + HOUR) is None
            await unit.sessions.end(session.id, EndReason.REVOKED, now=NOW)
            assert await unit.sessions.reprove(session, ("pwd",), now=LATER) is None
        assert (await find_session(store, session)).proof == 1
