"""Servers as fixtures: one of each for each worker of the tests, an empty database for each test.

What a test's servers keep lies in SQLite. Those marked ``every_store`` run on PostgreSQL as well,
and ``WATCHWORD_TEST_STORE=postgres`` runs whatever can run there on it alone. By ``redis`` the
sessions of SQLite move in Redis, as they also do where the mark says ``moving=True``.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.kept import name_database, name_redis
from tests.servers.postgres import Server, running
from tests.servers.redis import shared
from watchword.adapters.redis import Connections
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.migration import migrate
from watchword.crypto.secret import Secret

SQLITE, POSTGRES, REDIS = "sqlite", "postgres", "redis"
_CHOSEN = os.environ.get("WATCHWORD_TEST_STORE")
_TABLES = """
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("every_store")
    if "keeper" in metafunc.fixturenames and marker is not None and _CHOSEN is None:
        moving = [REDIS] if marker.kwargs.get("moving") else []
        metafunc.parametrize("keeper", [SQLITE, POSTGRES, *moving])


@pytest.fixture
def keeper() -> str:
    """Which store keeps what the test's servers know."""
    return _CHOSEN or SQLITE


@pytest.fixture
def server_url(keeper: str, request: pytest.FixtureRequest) -> str | None:
    """Of the database, if a server keeps it."""
    if keeper != POSTGRES:
        return None
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def moving_url(keeper: str, request: pytest.FixtureRequest) -> str | None:
    """Of the Redis in which sessions move, if they do."""
    if keeper != REDIS:
        return None
    url: str = request.getfixturevalue("redis_url")
    return url


@pytest.fixture
def kept(server_url: str | None, moving_url: str | None, tmp_path: Path) -> None:
    """Servers of the test's folder find what keeps their data."""
    if server_url is not None:
        name_database(tmp_path, server_url)
    if moving_url is not None:
        name_redis(tmp_path, moving_url)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def _migrated(postgres_server: Server) -> Iterator[str]:
    with postgres_server.database() as url:
        with asyncio.Runner() as runner:
            runner.run(migrate(Address.parse(url)))
        yield url


@pytest.fixture
async def postgres_url(_migrated: str) -> AsyncIterator[str]:
    """Of a migrated database. To empty it is a hundred times faster than to make one."""
    yield _migrated
    await empty(_migrated)


async def empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    tables = [row[0] for row in await connection.fetch(_TABLES)]
    await connection.execute(";".join(f"DELETE FROM {table}" for table in tables))
    await connection.close()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    with shared(tmp_path_factory.mktemp("redis"), worker_id) as url:
        yield url


@pytest.fixture
async def redis_url(shared_redis: str) -> str:
    """Of a Redis that is empty."""
    await flush(shared_redis)
    return shared_redis


async def flush(url: str) -> None:
    connections = Connections(Secret(url.encode()))
    await connections.command("FLUSHDB")
    await connections.close()
