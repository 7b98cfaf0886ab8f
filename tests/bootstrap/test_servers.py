"""Two nodes over one PostgreSQL and one Redis, as the settings name them, over HTTP."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.servers import postgres
from tests.servers import redis as redis_servers
from watchword.bootstrap import Application
from watchword.settings import Settings

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}
BOB = {**ADA, "email": "bob@example.com"}
WRONG = {**ADA, "password": "incorrect horse battery staple"}
SECRET = "a secret that both of the nodes have been given"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres.running() as server, server.database() as url:
        yield url


@pytest.fixture
def counters(tmp_path: Path) -> Iterator[redis_servers.RedisServer]:
    with redis_servers.running(tmp_path) as server:
        yield server


@asynccontextmanager
async def node(
    folder: Path, database: str, redis: str, **more: str
) -> AsyncIterator[httpx2.AsyncClient]:
    environment = {"DATABASE_URL": database, "REDIS_URL": redis, "SECRET": SECRET, **more}
    settings = Settings.load(
        {f"WATCHWORD_{name}": text for name, text in environment.items()}, directory=folder
    )
    app = Application(settings)
    async with (
        app.running(),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="http://localhost:8000"
        ) as client,
    ):
        yield client


class TestTwoNodes:
    async def test_count_and_revoke_together_and_say_what_is_missing(
        self, tmp_path: Path, database: str, counters: redis_servers.RedisServer
    ) -> None:
        redis = f"redis://127.0.0.1:{counters.port}/0"
        async with node(tmp_path, database, redis) as one, node(tmp_path, database, redis) as two:
            assert (await one.post("/auth/register", json=ADA)).status_code == 201
            body = {**ADA, "transport": "body"}
            token = (await two.post("/auth/login", json=body)).json()["accessToken"]
            bearer = {"Authorization": f"Bearer {token}"}
            for client in (one, two):
                assert (await client.get("/profile", headers=bearer)).status_code == 200
            assert (await one.post("/auth/logout-all", headers=bearer)).status_code == 200
            assert (await one.get("/profile", headers=bearer)).status_code == 401
            while (await two.get("/profile", headers=bearer)).status_code == 200:
                pass  # within the bound, which the tests of the store hold

            answers = [
                (await client.post("/auth/login", json=WRONG)).status_code
                for client in (one, two, one, two, one, two)
            ]
            assert answers == [401, 401, 401, 401, 401, 429]  # together, not each for itself

            ready = (await one.get("/health/ready")).json()
            assert set(ready["checks"]) == {"database", "redis"}
            counters.kill()
            answer = await two.get("/health/ready")
            assert answer.status_code == 503
            assert answer.json()["checks"]["redis"]["status"] != "ok"
            assert (await two.post("/auth/login", json=ADA)).status_code == 503

    async def test_share_sessions_that_move_in_redis_and_sign_out_whom_it_forgets(
        self, tmp_path: Path, database: str, counters: redis_servers.RedisServer
    ) -> None:
        place = (tmp_path, database, counters.url)
        async with (
            node(*place, SESSION_STORE="redis") as one,
            node(*place, SESSION_STORE="redis") as two,
        ):
            assert (await one.post("/auth/register", json=BOB)).status_code == 201
            held = (await one.post("/auth/login", json={**BOB, "transport": "body"})).json()
            for client in (two, one, two):
                token = {"refreshToken": held["refreshToken"]}
                answer = await client.post("/auth/refresh", json=token)
                assert answer.status_code == 200, answer.text
                held = answer.json()
            token = {"refreshToken": held["refreshToken"]}
            assert (await one.post("/auth/logout", json=token)).status_code == 200
            assert (await two.post("/auth/refresh", json=token)).status_code == 401

            held = (await one.post("/auth/login", json={**BOB, "transport": "body"})).json()
            token = {"refreshToken": held["refreshToken"]}
            counters.kill()
            counters.start()
            while (await one.get("/health/ready")).status_code != 200:
                pass  # its connections find the new one
            while (await two.get("/health/ready")).status_code != 200:
                pass
            for client in (one, two):
                assert (await client.post("/auth/refresh", json=token)).status_code == 401
            assert (await two.post("/auth/login", json=BOB)).status_code == 200
            counters.kill()
            for path, body in (("/auth/refresh", token), ("/auth/login", BOB)):
                answer = await two.post(path, json=body)
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0

    async def test_s15_hear_of_each_other_by_redis_and_go_on_without_it(
        self, tmp_path: Path, database: str, counters: redis_servers.RedisServer
    ) -> None:
        redis = f"redis://127.0.0.1:{counters.port}/0"
        more = {"REVOCATION_MESSAGES": "redis", "REVOCATION_BOUND": "1s"}
        carol = {**ADA, "email": "carol@example.com"}
        coming = {**carol, "transport": "body"}
        async with (
            node(tmp_path, database, redis, **more) as one,
            node(tmp_path, database, redis, **more) as two,
        ):
            assert (await one.post("/auth/register", json=carol)).status_code == 201
            tokens = [
                (await two.post("/auth/login", json=coming)).json()["accessToken"] for _ in range(2)
            ]
            for token in tokens:
                bearer = {"Authorization": f"Bearer {token}"}
                for client in (one, two):
                    assert (await client.get("/profile", headers=bearer)).status_code == 200
                assert (await one.post("/auth/logout", headers=bearer)).status_code < 300
                assert (await one.get("/profile", headers=bearer)).status_code == 401
                while (await two.get("/profile", headers=bearer)).status_code == 200:
                    pass  # within the bound, which the tests of the store hold
                counters.kill()
