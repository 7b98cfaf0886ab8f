import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.adapters.sql.postgres.conftest import Stopwatch, node
from tests.servers.postgres import Server
from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.migrate import NEWEST, SchemaTooNew
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.migration import current_revision, migrate
from watchword.domain.time import HOUR
from watchword.ports import Change, Topic
from watchword.testing.conformance.ground import HASH, NOW, an_account, rotated

REVISIONS = [f"{number:04}" for number in range(1, int(NEWEST))]
_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
def new_url(postgres_server: Server) -> Iterator[str]:
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def new(new_url: str) -> Address:
    return Address.parse(new_url)


_CHANGE = "INSERT INTO changes (topic, subject) VALUES ('session', 's-gone')"
_CHANGE_WITH_TIME = "INSERT INTO changes (topic, subject, at) VALUES ('session', 's-gone', $1)"


class TestAMigration:
    async def test_fills_an_empty_database_once(self, new: Address) -> None:
        assert await current_revision(new) is None
        assert await migrate(new)
        assert await current_revision(new) == NEWEST
        assert not await migrate(new)

    async def test_by_several_nodes_at_once_is_done_by_one(self, new: Address) -> None:
        done = await asyncio.gather(*(migrate(new) for _ in range(4)))
        assert sorted(done) == [False, False, False, True]
        assert await current_revision(new) == NEWEST

    async def test_of_a_newer_schema_is_refused_by_name(self, new: Address, new_url: str) -> None:
        await migrate(new)
        connection = await asyncpg.connect(new_url)
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(SchemaTooNew, match=f"schema 9999, this version knows {NEWEST}"):
            await migrate(new)
        await connection.close()

    async def test_that_fails_leaves_everything_as_it_was(self, new: Address, new_url: str) -> None:
        connection = await asyncpg.connect(new_url)
        await connection.execute("CREATE TABLE limits (something TEXT)")
        with pytest.raises(StoreFailed, match='"limits" already exists'):
            await migrate(new)
        assert await connection.fetchval(_TABLES) == 1
        assert await current_revision(new) is None
        await connection.close()

    async def test_of_no_database_is_explained(self, postgres_server: Server) -> None:
        nowhere = Address.parse(postgres_server.database_url("watchword_nowhere"))
        with pytest.raises(StoreFailed, match="no such database"):
            await migrate(nowhere)

    @pytest.mark.parametrize("revision", REVISIONS)
    async def test_from_each_version_signs_nobody_out(
        self, new: Address, new_url: str, stopwatch: Stopwatch, revision: str
    ) -> None:
        assert await migrate(new, to=revision)
        at = [NOW] if revision >= "0008" else []
        connection = await asyncpg.connect(new_url)
        await connection.execute(
            "INSERT INTO users VALUES ('u-ada', 'Ada@example.com', 'ada@example.com', 'Ada',"
            " 'user', 'active', 1, 0, $1, $2)",
            HASH,
            NOW,
        )
        await connection.execute(
            "INSERT INTO sessions SELECT 's-' || n, 'u-ada', 'body', 5, 1, 'salt'::bytea,"
            " $1::bigint, $1, $1, $2::bigint, $1 + $2, $1 + 2 * $2, $1, 'pwd', '192.0.2.1',"
            " 'Agent/1.0', 1, NULL, NULL FROM generate_series(1, 100) n",
            NOW,
            HOUR,
        )
        await connection.execute(_CHANGE_WITH_TIME if at else _CHANGE, *at)
        await connection.execute(
            "INSERT INTO audit_events (at, type, request_id, ip, user_agent, details)"
            " VALUES ($1, 'signed_out', '', '', '', '{}')",
            NOW,
        )
        await connection.close()
        assert await migrate(new)
        store = node(new, stopwatch, 1)
        [told] = await store.feed.list_since(NOW, after=0, at_most=9)
        assert (told.change, told.at) == (Change(Topic.SESSION, "s-gone"), NOW)
        found = await store.reading.sessions.find("s-100")
        assert found is not None
        assert found.account == an_account()
        assert await store.count_live_sessions(NOW) == 100
        assert await rotated(store, found.session, 5, now=NOW + 1)
        await store.close()
