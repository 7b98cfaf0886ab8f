"""Uses of sessions that are written down together: whoever has one of them holds up no other."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.adapters.sql.postgres.conftest import generation_of, until_waiting
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.sessions import EndReason, Session
from watchword.testing.conformance.ground import (
    NOW,
    alone,
    rotated,
)


async def last_seen(store: PostgresStore, session: Session) -> int:
    standing = await store.reading.sessions.find(session.id)
    assert standing is not None
    return standing.session.last_seen_at


class TestUsesThatAreWrittenDownTogether:
    async def test_are_one_round_trip(
        self, store: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        await store.touch([(session.id, NOW + 1) for session in sessions])
        sent: list[str] = []
        connection: Any = await store._pool.acquire()
        connection.add_query_logger(lambda record: sent.append(record.query))
        store._pool.release(connection)
        await store.touch([(session.id, NOW + after) for after, session in enumerate(sessions, 2)])
        await asyncio.sleep(0)  # the driver tells of it in the next turn
        assert len(sent) == 1, sent
        seen = [await last_seen(store, session) for session in sessions]
        assert seen == [NOW + after for after, _ in enumerate(sessions, 2)]

    async def test_revive_none_that_has_ended_and_go_back_for_none(
        self, store: PostgresStore, sessions: Sequence[Session]
    ) -> None:
        ended, ahead, idle, used = sessions[:4]
        await alone(store, lambda u: u.sessions.end(ended.id, EndReason.SIGNED_OUT, now=NOW))
        await store.touch([(ahead.id, NOW + 9)])
        late = NOW + idle.idle_ttl
        uses = [(ended.id, NOW + 5), (ahead.id, NOW + 5), (idle.id, late), (used.id, NOW + 5)]
        await store.touch([*uses, ("s-nowhere", NOW + 5)])
        seen = [await last_seen(store, session) for session in sessions[:4]]
        assert seen == [NOW, NOW + 9, NOW, NOW + 5]

    @pytest.mark.usefixtures("patient")
    async def test_x01_hold_none_while_they_wait_for_one_that_somebody_has_to_himself(
        self,
        store: PostgresStore,
        sessions: Sequence[Session],
        outsider: Any,
    ) -> None:
        """As whoever was stopped in the middle of a transaction has it."""
        held, others = sessions[4], [*sessions[:4], *sessions[5:]]
        async with outsider.transaction():
            await outsider.execute("SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE", held.id)
            uses = [(session.id, NOW + 5) for session in sessions]
            writing = asyncio.create_task(store.touch(uses))
            await until_waiting(outsider, 1)
            assert [await last_seen(store, session) for session in others] == [NOW + 5] * 19
            async with asyncio.timeout(20):
                won = [rotated(store, session, now=NOW + 6) for session in others]
                assert all(await asyncio.gather(*won))
            assert not writing.done()
        await writing
        assert await last_seen(store, held) == NOW + 5
        assert await generation_of(store, held) == 1
