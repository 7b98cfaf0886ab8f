"""The database fails, or the way to it: what clients see, what holds, and that it goes on. How soon
it does is measured by `scripts/endure_faults.py`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.kinds import OF_THE_NETWORK, OF_THE_SERVER
from tests.faults.stage import OnPostgres, Scene, Told, endure, two_nodes
from tests.servers.postgres import Server

pytestmark = pytest.mark.no_cover  # a crowd repeats what others reach
SECONDS, AFTER = 1.5, 2.0


@pytest.fixture
async def scene(tmp_path: Path, postgres_url: str, postgres_server: Server) -> AsyncIterator[Scene]:
    async with two_nodes(tmp_path, OnPostgres(postgres_url, postgres_server)) as running:
        yield running


def require_promises(told: Told) -> None:
    assert told.ledger.faults == []
    assert told.ledger.registered
    assert told.ledger.ended


@pytest.mark.parametrize("what", OF_THE_NETWORK)
async def test_x09_s15_a_network_that_fails_is_a_503_and_nothing_worse(
    scene: Scene, what: str
) -> None:
    require_promises(await endure(scene, OF_THE_NETWORK[what], SECONDS, after=AFTER))


@pytest.mark.parametrize("what", OF_THE_SERVER)
async def test_x09_s15_a_server_that_fails_is_a_503_and_nothing_worse(
    scene: Scene, postgres_server: Server, what: str
) -> None:
    if postgres_server.folder is None:
        pytest.skip("The server is not ours to stop.")
    require_promises(await endure(scene, OF_THE_SERVER[what], SECONDS, after=AFTER))
