"""Several nodes over one database; each file starts the nodes that it needs once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.nodes.cluster import Clients
from tests.servers.postgres import Server
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.migration import migrate


@pytest.fixture(scope="module")
def url(postgres_server: Server) -> Iterator[str]:
    """Of a database for one file of tests, migrated."""
    with postgres_server.database() as url:
        with asyncio.Runner() as runner:
            runner.run(migrate(Address.parse(url)))
        yield url


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    async with AsyncExitStack() as stack:
        yield Clients(stack)
