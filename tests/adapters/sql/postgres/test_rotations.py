"""Refreshes that come together: one statement, one winner for each token, and nobody held up."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.adapters.sql.postgres.conftest import generation_of, until_waiting
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.sessions import EndReason, Rotation, Session, Step
from watchword.ports import Unit
from watchword.testing.conformance.ground import (
    NOW,
    alone,
    rotated,
)


class TestRotationsThatComeTogether:
    async def test_are_one_round_trip(
        self, store: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        # The driver asks once on each connection what a list is.
        await asyncio.gather(*(rotated(store, each, now=NOW + 1) for each in sessions[:2]))
        sent: list[str] = []
        connection: Any = await store._pool.acquire()
        connection.add_query_logger(lambda record: sent.append(record.query))
        store._pool.release(connection)
        won = await asyncio.gather(*(rotated(store, each, now=NOW + 1) for each in sessions[2:]))
        await asyncio.sleep(0)  # the driver tells of it in the next turn
        assert all(won)
        assert len(sent) == 1, sent
        assert [await generation_of(store, each) for each in sessions] == [2] * 20

    async def test_slide_each_to_its_own_moment(
        self, store: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        await asyncio.gather(
            *(rotated(store, each, now=NOW + after) for after, each in enumerate(sessions, 1))
        )
        for after, each in enumerate(sessions, 1):
            standing = await store.reading.sessions.find(each.id)
            assert standing is not None
            assert standing.session.rotated_at == NOW + after
            assert standing.session.last_seen_at == NOW + after
            assert standing.session.idle_expires_at == NOW + after + each.idle_ttl
            assert standing.session.rotated_before == (NOW,)

    async def test_of_one_token_have_one_winner(
        self, store: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        other_people = [rotated(store, each, now=NOW + 1) for each in sessions[1:]]
        tabs = [rotated(store, sessions[0], now=NOW + 1) for _ in range(5)]
        won = await asyncio.gather(*tabs, *other_people)
        assert won == [True, *[False] * 4, *[True] * 19]
        assert await generation_of(store, sessions[0]) == 2

    async def test_revive_none_that_has_ended(
        self, store: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        ended = sessions[3]
        await alone(store, lambda u: u.sessions.end(ended.id, EndReason.SIGNED_OUT, now=NOW))
        late = NOW + ended.idle_ttl
        idle = asyncio.gather(*(rotated(store, each, now=late) for each in sessions[10:]))
        used = asyncio.gather(*(rotated(store, each, now=NOW + 1) for each in sessions[:10]))
        assert await idle == [False] * 10
        assert await used == [each is not ended for each in sessions[:10]]

    async def test_do_not_wait_for_one_that_somebody_has_to_himself(
        self, store: PostgresStore, sessions: Sequence[Session], outsider: Any
    ) -> None:
        """As whoever was stopped in the middle of a transaction has."""
        held, *others = sessions
        holding = outsider.transaction()
        await holding.start()
        await outsider.execute("SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE", held.id)
        waiting = asyncio.create_task(rotated(store, held, now=NOW + 1))
        assert all(await asyncio.gather(*(rotated(store, each, now=NOW + 1) for each in others)))
        assert not waiting.done()
        await holding.rollback()
        assert await waiting

    @pytest.mark.usefixtures("patient")
    async def test_x01_do_not_wait_for_two_that_came_alone_and_found_theirs_held(
        self,
        store: PostgresStore,
        sessions: Sequence[Session],
        outsider: Any,
    ) -> None:
        """As many as may be under way at once, and none in company, which would skip it."""
        held, others = sessions[:2], sessions[2:]
        async with outsider.transaction():
            await outsider.execute(
                "SELECT 1 FROM sessions WHERE id = ANY ($1::text[]) FOR UPDATE",
                [session.id for session in held],
            )
            waiting = []
            for session in held:
                waiting.append(asyncio.create_task(rotated(store, session, now=NOW + 1)))
                await until_waiting(outsider, len(waiting))
            async with asyncio.timeout(20):
                won = [rotated(store, session, now=NOW + 1) for session in others]
                assert all(await asyncio.gather(*won))
            assert not any(task.done() for task in waiting)
        assert all(await asyncio.gather(*waiting))

    async def test_of_one_session_on_two_nodes_never_wait_for_each_other(
        self, store: PostgresStore, other: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        async def refreshes(node: PostgresStore, order: Sequence[Session]) -> list[Step]:
            return await asyncio.gather(
                *(node.rotate(each.id, 1, repeated, now=NOW + 1) for each in order)
            )

        one, two = await asyncio.gather(
            refreshes(store, sessions), refreshes(other, sessions[::-1])
        )
        verdicts = [
            {first.verdict, second.verdict} for first, second in zip(one, two[::-1], strict=True)
        ]
        assert verdicts == [{Rotation.CURRENT, Rotation.REPEATED}] * 20


async def repeated(_: Unit) -> Step:
    return Step(Rotation.REPEATED, 2)


class TestANameThatPostgresTakesNot:
    async def test_fails_nobody_elses_rotation(
        self, store: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        won = await asyncio.gather(
            rotated(store, sessions[0], now=NOW + 1),
            store.rotate("s-\0", 1, repeated, now=NOW + 1),
            rotated(store, sessions[1], now=NOW + 1),
        )
        assert tuple(won) == (True, Step(Rotation.REPEATED, 2), True)
