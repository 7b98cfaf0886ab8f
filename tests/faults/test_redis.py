"""Redis fails, or the way to it, under two nodes that count there: what clients see, what holds,
and that it goes on. How soon it does is measured by `scripts/endure_faults.py`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.counted import require_counted
from tests.faults.counters import OF_REDIS, OnRedis, redis_servers, told_by
from tests.faults.kinds import OF_THE_NETWORK
from tests.faults.stage import Fault, OnPostgres, Store, Told, endure, two_nodes
from tests.servers.postgres import Server
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.no_cover  # a crowd repeats what others reach
SECONDS, AFTER = 1.5, 2.0
OF_THE_WAY = ("cut", "cut from one node", "unplugged", "swallowed", "answers swallowed")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_servers(folder) as both:
        yield both


async def endured(folder: Path, store: Store, fault: Fault) -> Told:
    async with two_nodes(folder, store) as scene:
        told = await endure(scene, fault, SECONDS, after=AFTER)
    assert told.ledger.faults == []
    assert told.ledger.registered
    assert told.ledger.ended
    return told


@pytest.mark.parametrize("what", OF_THE_WAY)
async def test_b14_x09_a_way_to_redis_that_fails_lets_nobody_in_uncounted_and_goes_on(
    tmp_path: Path, postgres_url: str, servers: tuple[RedisServer, RedisServer], what: str
) -> None:
    fault = OF_THE_NETWORK[what]
    told = await endured(tmp_path, OnRedis(postgres_url, *servers), fault)
    require_counted(told, fault)


@pytest.mark.parametrize("what", OF_REDIS)
async def test_b14_x09_a_redis_that_fails_lets_nobody_in_uncounted_and_goes_on(
    tmp_path: Path, postgres_url: str, servers: tuple[RedisServer, RedisServer], what: str
) -> None:
    fault = OF_REDIS[what]
    told = await endured(tmp_path, OnRedis(postgres_url, *servers), fault)
    require_counted(told, fault)


@pytest.mark.parametrize("what", ["killed", "paused"])
async def test_s15_x09_a_redis_that_fails_while_it_tells_of_revocations_makes_them_slower_alone(
    tmp_path: Path, postgres_url: str, servers: tuple[RedisServer, RedisServer], what: str
) -> None:
    fault = OF_REDIS[what]
    told = await endured(tmp_path, OnRedis(postgres_url, *servers, tells=True), fault)
    require_counted(told, fault)


@pytest.mark.parametrize("what", ["cut from one node", "unplugged from one node"])
async def test_s15_x09_a_node_that_cannot_poll_its_database_lets_nobody_in_by_what_it_remembers(
    tmp_path: Path,
    postgres_url: str,
    postgres_server: Server,
    servers: tuple[RedisServer, RedisServer],
    what: str,
) -> None:
    store = OnPostgres(postgres_url, postgres_server, told_by(servers[0].url))
    await endured(tmp_path, store, OF_THE_NETWORK[what])
