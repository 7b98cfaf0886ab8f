"""Three nodes behind a real proxy: what one node promises, also while nodes die.

Where a proxy or PostgreSQL is not installed these are left out, and say so; in CI they fail.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.deploy.stage import Running, a_cluster, require
from tests.docs.five_minutes import follow

PASSWORD = "correct horse battery staple"
PEOPLE = 4
TORN = 0


# One of them with Redis, so that nodes die in front of either counter of limits.
@pytest.fixture(scope="module", params=["nginx", "caddy --redis"])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    proxy, *more = request.param.split()
    require(proxy, *(["redis-server"] if more else []))
    with a_cluster(tmp_path_factory.mktemp(proxy), proxy, *more) as running:
        yield running


@dataclass
class Person:
    """Somebody who uses a session without a pause. ``answers`` counts them by status, an answer
    whose node died between its head and its body as `TORN`.
    """

    client: httpx2.AsyncClient
    email: str
    transport: str
    access: str = ""
    refresh_token: str = ""
    answers: Counter[int] = field(default_factory=Counter)
    refreshes: int = 0
    _refreshed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def sign_in(self) -> None:
        account = {"email": self.email, "password": PASSWORD}
        answer = await self.client.post("/auth/register", json=account)
        assert answer.status_code == 201, answer.text
        answer = await self.client.post(
            "/auth/login", json={**account, "transport": self.transport}
        )
        assert answer.status_code == 200, answer.text
        self._keep(answer.json())

    async def use(self) -> None:
        """Whatever comes: who they are, then new tokens. What is torn is asked for again, as a
        client does: with the same tokens.
        """
        try:
            for _ in range(5):
                bearer = {"Authorization": f"Bearer {self.access}"}
                answer = await self.client.get("/profile", headers=bearer)
                self.answers[answer.status_code] += 1
            answer = await self._refresh()
        except httpx2.RemoteProtocolError:
            self.answers[TORN] += 1
            return
        self.answers[answer.status_code] += 1
        if answer.status_code == 200:
            self._keep(answer.json())
            async with self._refreshed:
                self.refreshes += 1
                self._refreshed.notify_all()

    async def has_refreshed(self, times: int) -> None:
        async with self._refreshed, asyncio.timeout(60):
            await self._refreshed.wait_for(lambda: self.refreshes >= times)

    async def _refresh(self) -> httpx2.Response:
        if self.transport == "body":
            token = {"refreshToken": self.refresh_token}
            return await self.client.post("/auth/refresh", json=token)
        origin = {"Origin": str(self.client.base_url).rstrip("/")}
        return await self.client.post("/auth/refresh", headers=origin)

    def _keep(self, content: dict[str, Any]) -> None:
        self.access = content["accessToken"]
        self.refresh_token = content.get("refreshToken", "")


async def people_of(cluster: Running, stack: AsyncExitStack, transport: str) -> list[Person]:
    people = []
    for number in range(PEOPLE):
        client = httpx2.AsyncClient(base_url=cluster.url, timeout=60, trust_env=False)
        await stack.enter_async_context(client)
        person = Person(client, f"{transport}{number}@example.com", transport)
        await person.sign_in()
        people.append(person)
    return people


async def use_while_nodes_die(cluster: Running, people: list[Person]) -> None:
    """Each node in turn is killed while everybody is at it, and comes back."""
    is_over = asyncio.Event()

    async def go_on(person: Person) -> None:
        while not is_over.is_set():
            await person.use()

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(go_on(person))
        for name in cluster.nodes:
            before = [person.refreshes for person in people]
            cluster.kill(name)
            await asyncio.to_thread(cluster.wait_until_back, name)
            for person, was in zip(people, before, strict=True):
                await person.has_refreshed(was + 3)
        is_over.set()


class TestTheCluster:
    def test_takes_the_walk_through_of_the_readme(self, cluster: Running, tmp_path: Path) -> None:
        follow(cluster.url, tmp_path)

    @pytest.mark.parametrize("transport", ["body", "cookie"])
    async def test_loses_each_node_in_turn_and_nobody_is_signed_out(
        self, cluster: Running, transport: str
    ) -> None:
        async with AsyncExitStack() as stack:
            people = await people_of(cluster, stack, transport)
            await use_while_nodes_die(cluster, people)
            # What a node had in hand when it died is lost with it, unless the proxy may ask again;
            # a client asks again with what it has. Nobody is told to sign in.
            for person in people:
                await person.use()
                lost = person.answers[502] + person.answers[TORN]
                assert lost <= len(cluster.nodes), (person.answers, cluster.told)
                assert person.answers.keys() <= {200, 502, TORN}, (person.answers, cluster.told)

    def test_shows_its_figures_to_nobody_outside(self, cluster: Running) -> None:
        assert httpx2.get(f"{cluster.url}/metrics").status_code == 404
