"""Nodes in everyday life: they sleep, are replaced, share the work, and meet a newer schema."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from email import message_from_bytes
from time import perf_counter

import asyncpg
import httpx2
import pytest

from tests.driving import PASSWORD, Holder
from tests.nodes.cluster import Clients, Cluster, Node, a_cluster
from tests.proof.processes import clients_of_every_worker
from watchword.adapters.sql.migrate import NEWEST

BOUND = 0.25  # seconds


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("life")
    settings = {"WATCHWORD_REVOCATION_BOUND": "250ms", "WATCHWORD_LIMIT_MAIL_CLIENT": "off"}
    with a_cluster(folder, url, **settings) as cluster:
        cluster.start()
        cluster.start()
        yield cluster


@pytest.fixture
async def nodes(cluster: Cluster) -> AsyncIterator[tuple[Node, Node]]:
    one, other = cluster.nodes[:2]
    yield await one.ready(), await other.ready()
    one.wake()


def kid_of(token: str) -> str:
    header = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(header + "=="))["kid"])


class TestANodeThatSlept:
    async def test_s15_refuses_on_waking_what_was_ended_meanwhile(
        self, nodes: tuple[Node, Node], clients: Clients
    ) -> None:
        """The news lie unread in its socket, and the request before them may be read first."""
        one, other = nodes
        for _ in range(5):
            holder = await clients.sign_in(other)
            there = await clients.elsewhere(holder, one)
            for _ in range(3):
                assert (await there.get("/profile")).status_code == 200
            one.pause()
            paused = perf_counter()
            assert (await holder.post("/auth/logout-all")).status_code == 200
            first = asyncio.create_task(there.get("/profile"))
            left = paused + 1.2 * BOUND - perf_counter()
            done, _ = await asyncio.wait([first], timeout=max(left, 0))
            assert not done
            one.wake()
            assert (await first).status_code == 401


class TestKeys:
    async def test_x08_rotate_under_load_on_both_and_refuse_nobody(
        self, nodes: tuple[Node, Node], clients: Clients
    ) -> None:
        """Each token is used at once at the node that has not signed it."""
        statuses: Counter[int] = Counter()
        kids: set[str] = set()
        is_over = False

        async def go_on(node: Node, other: Node) -> None:
            holder = await clients.sign_in(node)
            there = await clients.elsewhere(holder, other)
            while not is_over:
                statuses[(await holder.refresh()).status_code] += 1
                there.access = holder.access
                kids.add(kid_of(holder.access))
                statuses[(await there.get("/profile")).status_code] += 1

        async def rotate() -> None:
            nonlocal is_over
            for _ in range(2):
                fresh = (await nodes[0].serving.command("keys", "rotate")).split()[0]
                async with asyncio.timeout(10):
                    while fresh not in kids:  # noqa: ASYNC110  clients ask without pause
                        await asyncio.sleep(0.01)
            is_over = True

        both = (nodes, nodes[::-1])
        await asyncio.gather(*(go_on(*pair) for pair in both * 2), rotate())
        assert set(statuses) == {200}
        assert len(kids) == 3


class TestLetters:
    async def test_of_two_nodes_go_out_once(
        self, nodes: tuple[Node, Node], cluster: Cluster, clients: Clients
    ) -> None:
        senders = [await clients.of(node) for node in nodes]
        addresses = [f"p{number}@example.com" for number in range(10)]
        for number, address in enumerate(addresses):
            body = {"email": address, "password": PASSWORD}
            answer = await senders[number % 2].post("/auth/register", json=body)
            assert answer.status_code == 201, answer.text
        for number in range(30):
            body = {"email": addresses[number % 10]}
            answer = await senders[number % 2].post("/auth/forgot-password", json=body)
            assert answer.is_success, answer.text
        connection = await asyncpg.connect(cluster.url)
        async with asyncio.timeout(30):
            while await connection.fetchval("SELECT count(*) FROM letters"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await connection.close()
        files = [file for node in cluster.nodes for file in node.serving.mails()]
        sent = Counter(message_from_bytes(file.read_bytes())["To"] for file in files)
        assert sent == dict.fromkeys(addresses, 3)


class TestARollingRestart:
    async def test_x09_refuses_nobody_who_is_sent_to_the_other_node(
        self, nodes: tuple[Node, Node], cluster: Cluster, clients: Clients
    ) -> None:
        """A third goes in peace under load. Whoever was not answered asks elsewhere, with what they
        have.
        """
        third = await cluster.start().ready()
        holders = [await clients.sign_in(third) for _ in range(4)]
        statuses: Counter[int] = Counter()
        busy = asyncio.Event()

        async def go_on(holder: Holder, node: Node) -> None:
            with suppress(httpx2.TransportError):
                while True:
                    statuses[(await holder.refresh()).status_code] += 1
                    if statuses[200] > 40:
                        busy.set()
            there = await clients.elsewhere(holder, node)
            for _ in range(20):
                statuses[(await there.refresh()).status_code] += 1
                statuses[(await there.get("/profile")).status_code] += 1

        async def leave() -> None:
            await busy.wait()
            await third.serving.stop()

        going = [go_on(holder, nodes[number % 2]) for number, holder in enumerate(holders)]
        await asyncio.gather(*going, leave())
        assert set(statuses) == {200}


class TestANewerSchema:
    async def test_lets_the_running_go_on_and_no_older_one_start(
        self, nodes: tuple[Node, Node], cluster: Cluster, clients: Clients
    ) -> None:
        """As a newer version leaves it: more tables, more columns, each with a default."""
        holder = await clients.sign_in(nodes[0])
        there = await clients.elsewhere(holder, nodes[1])
        connection = await asyncpg.connect(cluster.url)
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in tables:
            await connection.execute(f"ALTER TABLE {table} ADD COLUMN more BIGINT DEFAULT 0")
        await connection.execute("CREATE TABLE newer (id TEXT PRIMARY KEY)")
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert (await there.refresh()).status_code == 200
        holder.access = there.access
        assert (await holder.get("/sessions")).status_code == 200
        fresh = await clients.sign_in(nodes[1])
        assert (await holder.post("/auth/logout-all")).status_code == 200
        assert (await fresh.get("/profile")).status_code == 401
        body = {"email": "late@example.com", "password": PASSWORD}
        assert (await there.client.post("/auth/register", json=body)).status_code == 201
        late = cluster.start()
        with pytest.raises(AssertionError, match=f"schema 9999, this version knows {NEWEST}"):
            await late.ready()
        await connection.execute("UPDATE alembic_version SET version_num = $1", NEWEST)
        await connection.close()


class TestWorkers:
    async def test_s15_of_one_machine_are_nodes_of_their_own(
        self, cluster: Cluster, nodes: tuple[Node, Node]
    ) -> None:
        both = await cluster.start(workers=2).ready()
        async with AsyncExitStack() as stack:
            found = await clients_of_every_worker(both.address, 2, each=2, stack=stack)
            (one, *_), (other, *_) = found.values()
            body = {"email": "root@example.com", "password": PASSWORD, "transport": "body"}
            for _ in range(5):
                holder = Holder(one, (await one.post("/auth/login", json=body)).json())
                headers = holder.headers()
                for _ in range(3):
                    assert (await other.get("/profile", headers=headers)).status_code == 200
                assert (await holder.post("/auth/logout-all")).status_code == 200
                answered = perf_counter()
                assert (await one.get("/profile", headers=headers)).status_code == 401
                while (await other.get("/profile", headers=headers)).status_code == 200:
                    assert perf_counter() < answered + BOUND
        connection = await asyncpg.connect(cluster.url)
        assert await connection.fetchval("SELECT count(*) FROM nodes WHERE is_leaving = 0") == 4
        await both.serving.stop()
        assert await connection.fetchval("SELECT count(*) FROM nodes WHERE is_leaving = 0") == 2
        await connection.close()
