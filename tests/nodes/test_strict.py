"""WATCHWORD_REVOCATION=strict: after the answer no node lets anybody in, whatever befalls it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import perf_counter

import pytest

from tests.driving import Holder
from tests.nodes.cluster import Clients, Cluster, Node, a_cluster

BOUND = 1.0  # seconds
A_LITTLE = 0.9
ROUNDS = 25


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("strict")
    with a_cluster(folder, url, WATCHWORD_REVOCATION="strict") as cluster:
        cluster.start()
        cluster.start()
        yield cluster


@pytest.fixture
async def nodes(cluster: Cluster) -> AsyncIterator[tuple[Node, Node]]:
    one, other = cluster.nodes[:2]
    yield await one.ready(), await other.ready()
    other.wake()


async def sign_out(holder: Holder) -> float:
    """How long the answer took, in seconds."""
    started = perf_counter()
    answer = await holder.post("/auth/logout", json={"refreshToken": holder.refresh_token})
    assert answer.status_code == 200, answer.text
    return perf_counter() - started


async def known_at(holder: Holder, node: Node, clients: Clients) -> Holder:
    """It has a picture of the session, and believes in it."""
    there = await clients.elsewhere(holder, node)
    for _ in range(3):
        assert (await there.get("/profile")).status_code == 200
    return there


class TestTwoNodes:
    async def test_s15_none_lets_anybody_in_after_the_answer(
        self, nodes: tuple[Node, Node], clients: Clients
    ) -> None:
        """Requests overlap the sign-out at the other node; when each began is written down."""
        one, other = nodes
        for _ in range(ROUNDS):
            holder = await clients.sign_in(one)
            users = [await known_at(holder, other, clients) for _ in range(3)]
            answered: list[float] = []
            seen: list[tuple[float, int]] = []

            async def use(
                user: Holder,
                answered: list[float] = answered,
                seen: list[tuple[float, int]] = seen,
            ) -> None:
                left = 5
                while left:
                    left -= bool(answered)
                    began = perf_counter()
                    seen.append((began, (await user.get("/profile")).status_code))

            using = asyncio.gather(*map(use, users))
            assert await sign_out(holder) < BOUND / 2
            answered.append(perf_counter())
            await using
            after = [status for began, status in seen if began > answered[0]]
            assert len(after) >= 3 * 4
            assert set(after) == {401}

    async def test_s15_one_that_is_stopped_past_its_lease_refuses_the_first_request_on_waking(
        self, nodes: tuple[Node, Node], clients: Clients
    ) -> None:
        one, other = nodes
        holder = await clients.sign_in(one)
        there = await known_at(holder, other, clients)
        other.pause()
        took = await sign_out(holder)
        assert BOUND * 0.7 < took < BOUND + A_LITTLE
        first = asyncio.create_task(there.get("/profile"))
        await asyncio.sleep(0)
        other.wake()
        assert (await first).status_code == 401

    async def test_s15_one_that_is_stopped_for_less_is_waited_for(
        self, nodes: tuple[Node, Node], clients: Clients
    ) -> None:
        one, other = nodes
        for tenths in (1, 3, 5):
            holder = await clients.sign_in(one)
            there = await known_at(holder, other, clients)
            other.pause()
            leaving = asyncio.create_task(sign_out(holder))
            done, _ = await asyncio.wait([leaving], timeout=tenths / 10 * BOUND)
            assert not done
            other.wake()
            assert await leaving < BOUND + A_LITTLE
            assert (await there.get("/profile")).status_code == 401

    async def test_one_that_leaves_in_peace_is_not_waited_for(
        self, nodes: tuple[Node, Node], cluster: Cluster, clients: Clients
    ) -> None:
        third = await cluster.start().ready()
        holder = await clients.sign_in(nodes[0])
        await known_at(holder, third, clients)
        await third.serving.stop()
        assert await sign_out(holder) < BOUND / 2

    async def test_x09_one_that_is_killed_delays_no_answer_beyond_the_bound_and_soon_none(
        self, nodes: tuple[Node, Node], cluster: Cluster, clients: Clients
    ) -> None:
        third = await cluster.start().ready()
        holder = await clients.sign_in(nodes[0])
        await known_at(holder, third, clients)
        third.serving.kill()
        assert await sign_out(holder) < BOUND + A_LITTLE
        started, took = perf_counter(), BOUND
        while took >= BOUND / 4:
            took = await sign_out(await clients.sign_in(nodes[0]))
            assert took < BOUND + A_LITTLE
            assert perf_counter() - started < 10
