"""A guard and two nodes over one PostgreSQL, each a process of its own: whichever it follows, it
hears what was ended on the other, and one that dies takes nothing with it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.client.network import OurTime, Relay
from tests.client.service import ADMITTED, REVOKED, TOKEN, UNAVAILABLE, Watched
from tests.driving import ORIGIN, PASSWORD, Holder
from tests.proof.processes import Serving, a_client, a_server
from tests.servers import postgres
from watchword.client.guard import Options
from watchword.client.machine import MachineTime

BOUND = 60  # seconds, so that no lease runs out because the machine is slow


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres.running() as server, server.database() as url:
        yield url


class Nodes:
    """People sign in and out at ``here``; the guard follows ``there``."""

    def __init__(self, here: str, there: tuple[Serving, str], service: Watched) -> None:
        self.here = here
        self.there, self.there_address = there
        self.service = service

    async def enter(self, client: httpx2.AsyncClient, name: str) -> Holder:
        ada = {"email": f"{name}@example.com", "password": PASSWORD}
        assert (await client.post("/auth/register", json=ada)).status_code == 201
        answer = await client.post("/auth/login", json={**ada, "transport": "body"})
        holder = Holder(client, answer.json())
        assert await self.service.verdict(holder.access) == ADMITTED
        return holder


@asynccontextmanager
async def nodes(folder: Path, database: str, relay: Relay, time: OurTime) -> AsyncIterator[Nodes]:
    settings: dict[str, Any] = {
        "WATCHWORD_DATABASE_URL": database,
        "WATCHWORD_SECRET": "a secret that both of the nodes have been given",
        "WATCHWORD_SERVICE_TOKENS": TOKEN,
        "WATCHWORD_PUBLIC_URL": ORIGIN,
    }
    for name in ("here", "there"):
        (folder / name).mkdir()
    async with AsyncExitStack() as stack:
        _, here = await stack.enter_async_context(a_server(folder / "here", **settings))
        there = Serving(folder / "there", **settings)
        stack.callback(there.kill)
        address = await there.ready()
        relay.port = port_of(address)
        between = await asyncio.start_server(relay.carry, "127.0.0.1", 0)
        way = f"http://127.0.0.1:{between.sockets[0].getsockname()[1]}"
        service = Watched(ORIGIN, Options(address=way, bound=BOUND * 1_000, time=time))
        try:
            async with service.guard.running():
                await service.hears_a_beat()
                yield Nodes(here, (there, address), service)
        finally:
            await service.client.aclose()
            between.close()
            relay.cut()
            await between.wait_closed()


def port_of(address: str) -> int:
    port = urlsplit(address).port
    assert port is not None
    return port


class TestTwoNodes:
    async def test_who_is_signed_out_at_one_is_refused_by_who_follows_the_other_also_after_a_kill(
        self, tmp_path: Path, database: str
    ) -> None:
        relay, time = Relay(0), OurTime(MachineTime().now)
        async with (
            nodes(tmp_path, database, relay, time) as two,
            a_client(two.here) as client,
        ):
            service = two.service
            ada, bob, eve = [await two.enter(client, name) for name in ("ada", "bob", "eve")]
            await ada.post("/auth/logout")
            await service.hears_of("session", ada.session_id)
            assert await service.verdict(ada.access) == REVOKED
            last = service.revocations[-1].seq

            two.there.kill()
            relay.asked.clear()
            await bob.post("/auth/logout")
            time.ahead += BOUND
            for holder in (ada, bob, eve):
                assert await service.verdict(holder.access) == UNAVAILABLE

            relay.port = port_of(two.here)
            await service.until(lambda: service.guard._follower.has_lease)
            assert f"last-event-id: {last}\r\n".encode() in b"".join(relay.asked).lower()
            assert await service.verdict(ada.access) == REVOKED
            assert await service.verdict(bob.access) == REVOKED
            assert await service.verdict(eve.access) == ADMITTED
