"""`watchword serve --workers 2`: real processes, real connections, a real clock."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from time import perf_counter

import httpx2
import pytest

from tests.driving import PASSWORD, Holder
from tests.proof.processes import Serving, a_client, clients_of_every_worker


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`watchword serve --workers 2`: real processes on a real clock."""
    server = Serving(tmp_path_factory.mktemp("workers"), workers=2)
    try:
        yield server
        asyncio.run(server.stop())
    finally:
        server.kill()


@pytest.fixture
async def workers(service: Serving) -> AsyncIterator[list[list[httpx2.AsyncClient]]]:
    """Connections to each of the two processes, four and more."""
    async with AsyncExitStack() as stack:
        address = await service.ready()
        found = await clients_of_every_worker(address, 2, each=4, stack=stack)
        yield list(found.values())


async def sign_in_at(client: httpx2.AsyncClient, email: str = "root@example.com") -> Holder:
    body = {"email": email, "password": PASSWORD, "transport": "body"}
    answer = await client.post("/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    return Holder(client, answer.json())


def kid_of(token: str) -> str:
    header = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(header + "=="))["kid"])


Workers = list[list[httpx2.AsyncClient]]


class TestRealProcesses:
    async def test_s15_a_revoked_session_is_accepted_by_neither(self, workers: Workers) -> None:
        """Hammered on eight connections to both; the moment of the acknowledgement decides."""
        (one, *hammers), (other, *more) = workers
        admin, holder = await sign_in_at(one), await sign_in_at(other)
        acknowledged: float | None = None
        seen: list[tuple[float, int]] = []

        async def hammer(client: httpx2.AsyncClient) -> None:
            left = 50
            while left:
                left -= acknowledged is not None
                begun = perf_counter()
                answer = await client.get("/profile", headers=holder.headers())
                seen.append((begun, answer.status_code))

        async def end() -> None:
            nonlocal acknowledged
            while len(seen) < 200:  # noqa: ASYNC110
                await asyncio.sleep(0)
            answer = await admin.request("DELETE", f"/sessions/{holder.session_id}")
            assert answer.status_code == 200, answer.text
            acknowledged = perf_counter()

        await asyncio.gather(*(hammer(client) for client in (*hammers, *more)), end())
        assert acknowledged is not None
        after = [status for begun, status in seen if begun > acknowledged]
        assert len(after) >= 300
        assert set(after) == {401}
        assert {status for _, status in seen} == {200, 401}

    async def test_r02_sixty_four_refresh_at_once_without_an_error(self, workers: Workers) -> None:
        """Both processes write to one file: neither may keep the other from it for long."""
        clients = [client for pair in zip(*workers, strict=False) for client in pair]
        holders = [await sign_in_at(clients[number % len(clients)]) for number in range(64)]
        statuses: list[int] = []
        slowest = 0.0

        async def go_on(holder: Holder, client: httpx2.AsyncClient) -> None:
            nonlocal slowest
            holder.client = client
            for _ in range(8):
                begun = perf_counter()
                statuses.append((await holder.refresh()).status_code)
                slowest = max(slowest, perf_counter() - begun)

        async with AsyncExitStack() as stack:
            address = str(clients[0].base_url)
            fresh = [await stack.enter_async_context(a_client(address)) for _ in holders]
            await asyncio.gather(*map(go_on, holders, fresh))
        assert statuses == [200] * (64 * 8)
        assert slowest < 3, slowest  # seconds, as the client sees them, itself on the same cores

    async def test_r02_one_token_at_both_at_once_rotates_once(self, workers: Workers) -> None:
        clients = [client for pair in zip(*workers, strict=False) for client in pair]
        holder = await sign_in_at(clients[0])
        for _ in range(20):
            body = {"refreshToken": holder.refresh_token}
            answers = await asyncio.gather(
                *(client.post("/auth/refresh", json=body) for client in clients)
            )
            assert {answer.status_code for answer in answers} == {200}
            (holder.refresh_token,) = {answer.json()["refreshToken"] for answer in answers}

    async def test_x08_a_new_key_signs_everywhere_soon_and_refuses_nobody(
        self, service: Serving, workers: Workers
    ) -> None:
        """By the operator's command, while both serve; one of them only signs people in."""
        (one, using, *_), (other, *_) = workers
        holder = await sign_in_at(using)
        before = kid_of(holder.access)
        kids: set[str] = set()
        statuses: list[int] = []

        async def use() -> None:
            while kids != {after}:
                answer = await using.get("/profile", headers=holder.headers())
                statuses.append(answer.status_code)
                statuses.append((await holder.refresh()).status_code)

        after = (await service.command("keys", "rotate")).split()[0]
        assert after != before
        begun = perf_counter()
        using_it = asyncio.create_task(use())
        while kids != {after}:
            kids = {kid_of((await sign_in_at(client)).access) for client in (one, other)}
            assert perf_counter() - begun < 10
        await using_it
        assert set(statuses) == {200}
