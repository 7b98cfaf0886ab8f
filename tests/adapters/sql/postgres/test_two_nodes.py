"""Two nodes on one database: what one commits holds for the other, whatever they do at once."""

import asyncio

import pytest

from tests.adapters.sql.races import ADA, SESSION, Both, Races
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.sessions import Rotation, Step
from watchword.ports import Unit
from watchword.testing.conformance.ground import NOW, given, given_session, rotated


@pytest.fixture
async def both(store: PostgresStore, other: PostgresStore) -> Both:
    await given(store, ADA)
    await given_session(store, SESSION)
    return store, other


class TestRacesOnPostgres(Races):
    async def test_r02_nobody_moves_a_session_on_while_a_refused_token_is_judged(
        self, both: Both
    ) -> None:
        one, other = both
        order: list[str] = []

        async def move_on() -> None:
            assert await rotated(other, SESSION, now=NOW)
            order.append("moved on")

        async def judge(unit: Unit) -> Step:
            moving = asyncio.create_task(move_on())
            for _ in range(5):  # round trips in which it could get through
                await other.reading.accounts.find(ADA.id)
            standing = await unit.sessions.find(SESSION.id)
            assert standing is not None
            order.append("judged")
            background.append(moving)
            return Step(Rotation.REPEATED, standing.session.generation)

        background: list[asyncio.Task[None]] = []
        assert await one.rotate(SESSION.id, 9, judge, now=NOW) == Step(Rotation.REPEATED, 1)
        await asyncio.gather(*background)
        assert order == ["judged", "moved on"]
