"""The gauge of sessions, where there are many."""

import asyncpg

from watchword.adapters.sql.postgres.estimates import count_live_sessions
from watchword.adapters.sql.postgres.store import PostgresStore
from watchword.domain.time import DAY, HOUR
from watchword.testing.conformance.ground import NOW, an_account, given

_SESSIONS = """
INSERT INTO sessions (id, user_id, transport, generation, proof, salt, rotated_at, created_at,
    last_seen_at, idle_ttl, idle_expires_at, expires_at, authenticated_at, amr, ip, user_agent,
    remembered,
    ended_at)
SELECT 's-' || n, 'u-ada', 'body', 1, 1, 'salt'::bytea, $1::bigint, $1, $1, $2::bigint, $1 + $2,
    $1 + $3::bigint, $1, 'pwd', '192.0.2.1', 'Agent/1.0', 1, CASE WHEN n % 2 = 0 THEN $1 END
FROM generate_series(1, 4000) n
"""


class TestTheCountOfLiveSessions:
    async def test_is_exact_for_a_few_and_expected_for_many(
        self, store: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        await given(store, an_account())
        await outsider.execute(_SESSIONS, NOW, HOUR, DAY)
        await outsider.execute("ANALYZE sessions")
        assert await store.count_live_sessions(NOW) == 2_000
        assert await store.count_live_sessions(NOW + HOUR) == 0
        expected = await count_live_sessions(store._searches, NOW, few=1_000)
        assert 1_500 < expected < 2_500

    async def test_is_never_less_than_what_was_counted(
        self, store: PostgresStore, outsider: asyncpg.Connection
    ) -> None:
        """Before the server has any statistics, or with old ones."""
        await given(store, an_account())
        await outsider.execute("ANALYZE sessions")
        await outsider.execute(_SESSIONS, NOW, HOUR, DAY)
        assert await count_live_sessions(store._searches, NOW, few=1_000) >= 1_000
