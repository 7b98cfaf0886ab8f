"""What the flows that everybody waits for cost: round trips to the server, which are its price."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from watchword.adapters.sql.audit import newest
from watchword.adapters.sql.postgres.driver import Connection
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.sessions import EndReason, Rotation, Step
from watchword.domain.time import MINUTE
from watchword.ports import Allowance, AuditQuery, Unit
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    a_session,
    alone,
    an_account,
    given,
    given_session,
    rotated,
)

ADA = an_account()
SESSION = a_session(ADA)
POLICY = LockoutPolicy(5, MINUTE)
FRAME = 2  # BEGIN and COMMIT


@pytest.fixture
async def sent(store: PostgresStore) -> Sequence[str]:
    """What is sent from here on, on a connection that knows it."""
    await given(store, ADA)
    await given_session(store, SESSION)
    connection: Any = await store._pool.acquire()
    sent: list[str] = []
    connection.add_query_logger(lambda record: sent.append(record.query))
    store._pool.release(connection)
    return sent


async def repeated(_: Unit) -> Step:
    return Step(Rotation.REPEATED, 2)


def opening(unit: Unit) -> Awaitable[object]:
    return unit.sessions.open(a_session(ADA, 2), limit=5, evicts=True, proven=HASH)


BUDGET: dict[str, tuple[Callable[[PostgresStore], Awaitable[object]], int]] = {
    "a refresh": (lambda s: rotated(s, SESSION, now=NOW), 1),
    "a session that was not at hand": (lambda s: s.reading.sessions.find(SESSION.id), 1),
    "a hit": (lambda s: s.limits.hit("k", Allowance(5, MINUTE), now=NOW), 1),
    "an attempt": (lambda s: s.lockouts.begin("account:ada", POLICY, now=NOW), 2 + FRAME),
    "a success": (lambda s: s.lockouts.succeed("account:ada"), 1),
    "a sign-in's session": (lambda s: alone(s, opening), 2 + FRAME),
    "a repeated refresh": (lambda s: s.rotate(SESSION.id, 9, repeated, now=NOW), 4 + FRAME),
    "a sign-out": (
        lambda s: alone(s, lambda u: u.sessions.end(SESSION.id, EndReason.SIGNED_OUT, now=NOW)),
        3 + FRAME,
    ),
    "a look into the outbox": (lambda s: s.reading.outbox.count(due=NOW), 1),
}


class TestARoundTrip:
    @pytest.mark.parametrize("name", BUDGET)
    async def test_is_made_as_often_as_planned(
        self, store: PostgresStore, sent: list[str], name: str
    ) -> None:
        run, budget = BUDGET[name]
        await run(store)
        await asyncio.sleep(0)  # the driver tells of it in the next turn
        assert len(sent) == budget, sent

    async def test_is_not_made_to_ask_for_news(self, store: PostgresStore, sent: list[str]) -> None:
        for _ in range(1_000):
            store.revocations.news()
        assert sent == []

    async def test_is_not_made_to_give_a_connection_back(
        self, store: PostgresStore, sent: list[str]
    ) -> None:
        connection: Connection = await store._pool.acquire()
        store._pool.release(connection)
        assert sent == []
        assert await store._pool.acquire() is connection
        store._pool.release(connection)


# Of an empty table, any of its indexes would do in the order of its numbers.
_MANY_EVENTS = """
INSERT INTO audit_events (at, type, subject, request_id, ip, user_agent, details)
SELECT n, 'signed_in', 'u-' || n, '', '', '', '{}' FROM generate_series(1, 1000) n
"""


class TestASearch:
    @pytest.mark.parametrize(
        ("condition", "index"),
        [
            ("users WHERE email_key = 'k'", "users_email_key_key"),
            ("sessions WHERE user_id = 'u'", "sessions_by_user"),
            ("sessions WHERE expires_at <= 1", "sessions_by_end"),
            ("sessions WHERE ended_at <= 1", "sessions_by_ending"),
            ("links WHERE user_id = 'u'", "links_by_user"),
            ("letters WHERE due_at <= 1", "letters_by_due"),
            ("limits WHERE resets_at <= 1", "limits_by_end"),
            ("lockouts WHERE key >= 'a' AND key < 'b'", "lockouts_pkey"),
            ("audit_events WHERE subject = 'u' ORDER BY seq", "audit_by_subject"),
        ],
    )
    async def test_is_not_of_the_whole_table(
        self, outsider: Any, condition: str, index: str
    ) -> None:
        looking = outsider.transaction()
        await looking.start()
        await outsider.execute("SET LOCAL enable_seqscan = off")  # most tables are empty
        await outsider.execute(_MANY_EVENTS)
        await outsider.execute("ANALYZE audit_events")
        rows = await outsider.fetch(f"EXPLAIN SELECT 1 FROM {condition}")
        await looking.rollback()
        assert index in " ".join(row[0] for row in rows)

    async def test_of_what_concerns_somebody_reads_no_more_than_a_page(self, outsider: Any) -> None:
        sql, _ = newest(AuditQuery(user="u-1"), None)
        looking = outsider.transaction()
        await looking.start()
        await outsider.execute(_MANY_EVENTS.replace("|| n", "|| n % 100"))
        await outsider.execute("ANALYZE audit_events")
        asked = sql.replace(":user", "'u-1'").replace(":limit", "5")
        rows = await outsider.fetch(f"EXPLAIN {asked}")
        await looking.rollback()
        plan = " ".join(row[0] for row in rows)
        assert "Merge Append" in plan
        assert "Index Scan Backward using audit_by_subject" in plan
        assert "Index Scan Backward using audit_by_actor" in plan
