"""Floods, broken disks and wandering clocks: others are served, nothing opens (catalogue X)."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import rows
from tests.web.raw import AS_JSON, Reply, ask, bearer, figure
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.ports import RequestTrace

BUSY = (503, "BUSY")
UNAVAILABLE = (503, "UNAVAILABLE")
OPEN = (200, None)


async def post(
    server: Server, path: str, *headers: tuple[str, str], ip: str = "203.0.113.5", **body: object
) -> Reply:
    content = json.dumps(body).encode()
    return await ask(server, "POST", path, headers=[AS_JSON, *headers], body=content, ip=ip)


async def login(server: Server, email: str = "ada@example.com", *, ip: str) -> Reply:
    credentials = {"email": email, "password": PASSWORD, "transport": "body"}
    return await post(server, "/auth/login", ip=ip, **credentials)


@asynccontextmanager
async def hashing_blocked(server: Server) -> AsyncIterator[None]:
    """Every hashing thread is held until the end of the block."""
    entered, gate = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        entered.release()
        gate.wait()

    pool = server.core.pool
    threads = server.core.settings.hash_threads
    held = [asyncio.ensure_future(pool.run(hold)) for _ in range(threads)]
    for _ in range(threads):
        await asyncio.to_thread(entered.acquire)
    try:
        yield
    finally:
        gate.set()
        await asyncio.gather(*held)


async def queued(server: Server, count: int) -> None:
    while server.core.pool.depth < count:  # noqa: ASYNC110  the pool tells nobody of it
        await asyncio.sleep(0)


class TestHashFloods:
    @pytest.fixture
    async def server(self, tmp_path: Path) -> AsyncIterator[Server]:
        async with serving(
            tmp_path, hash_threads=1, hash_queue=2, hash_deadline=MINUTE, limit_auth=None
        ) as running:
            await running.register()
            yield running

    async def test_x01_past_the_queue_the_answer_is_busy_and_everything_else_goes_on(
        self, server: Server
    ) -> None:
        holder = await server.sign_in()
        browser = await server.sign_in(transport="session")
        async with hashing_blocked(server):
            waiting = [
                asyncio.ensure_future(login(server, f"u{n}@example.com", ip=f"10.0.0.{n}"))
                for n in range(2)
            ]
            await queued(server, 2)
            flood = await asyncio.gather(
                *(login(server, f"v{n}@example.com", ip=f"10.1.0.{n}") for n in range(100))
            )
            assert {answer.verdict for answer in flood} == {BUSY}
            assert {answer.one("retry-after") for answer in flood} == {"60"}
            assert {answer.one("set-cookie") for answer in flood} == {None}
            for path, body in {
                "/auth/register": {"email": "new@example.com", "password": PASSWORD},
                "/auth/reauthenticate": {"password": PASSWORD},
                "/auth/change-password": {"currentPassword": PASSWORD, "newPassword": "n" * 20},
            }.items():
                answer = await post(server, path, bearer(holder.access), **body)
                assert answer.verdict == BUSY, path
            assert (server.core.pool.running, server.core.pool.depth) == (1, 2)
            assert (await holder.get("/profile")).status_code == 200
            assert (await browser.get("/profile")).status_code == 200
            assert (await holder.refresh()).status_code == 200
            for path in ("/health/live", "/health/ready", "/.well-known/jwks.json"):
                assert (await ask(server, "GET", path)).status == 200, path
            assert (await holder.post("/auth/logout")).status_code == 200
        assert {answer.verdict for answer in await asyncio.gather(*waiting)} == {
            (401, "INVALID_CREDENTIALS")
        }
        assert (await login(server, ip="10.2.0.1")).verdict == OPEN
        assert figure(server, "watchword_hashing_refused_total") == 103
        assert rows(server, "SELECT id FROM users WHERE email = 'new@example.com'") == []

    async def test_x01_who_waits_too_long_is_told_so_and_never_hashed_for(
        self, server: Server
    ) -> None:
        async with hashing_blocked(server):
            server.core.pool._deadline = 1
            answer = await login(server, "v@example.com", ip="10.0.0.1")
        assert answer.verdict == BUSY
        assert answer.one("retry-after") == "1"
        assert figure(server, "watchword_hashing_refused_total") == 1

    async def test_x01_a_flood_of_one_client_meets_its_limit_before_the_queue(
        self, server: Server
    ) -> None:
        async with hashing_blocked(server):
            tasks = [
                asyncio.ensure_future(login(server, f"u{n}@example.com", ip="10.0.0.1"))
                for n in range(50)
            ]
            await queued(server, 2)
            while sum(not task.done() for task in tasks) > 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
        verdicts = [answer.verdict for answer in await asyncio.gather(*tasks)]
        assert set(verdicts) == {(429, "RATE_LIMITED"), BUSY, (401, "INVALID_CREDENTIALS")}
        assert verdicts.count((401, "INVALID_CREDENTIALS")) == 2

    async def test_x01_signing_out_and_garbage_never_hash(self, server: Server) -> None:
        holder = await server.sign_in()
        async with hashing_blocked(server):
            for body in ({}, {"refreshToken": "garbage"}):
                assert (await post(server, "/auth/logout", **body)).status == 200
            assert (await post(server, "/auth/login", email="x")).status == 422
            wrong = await post(server, "/auth/setup", token="x", email="x@y.example", password="x")
            assert wrong.status in {400, 422}
            assert (await holder.request("DELETE", "/sessions")).status_code == 200


class TestBrokenStore:
    @asynccontextmanager
    async def read_only(self, server: Server) -> AsyncIterator[None]:
        """As a full disk: what was committed can be read, nothing can be written."""
        connection = server.sqlite._writer.connection
        connection.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            connection.execute("PRAGMA query_only = OFF")

    async def test_x05_nothing_is_confirmed_that_was_not_written(self, server: Server) -> None:
        await server.register_admin()
        admin = await server.sign_in("root@example.com")
        person = await server.register()
        ada = await server.sign_in()
        async with self.read_only(server):
            for method, path, body in (
                ("DELETE", "/sessions", None),
                ("DELETE", f"/users/{person.user['id']}/sessions", None),
                ("PUT", f"/users/{person.user['id']}/status", {"status": "disabled"}),
                ("PUT", f"/users/{person.user['id']}/admin", None),
                ("DELETE", f"/users/{person.user['id']}", None),
                ("PATCH", "/profile", {"name": "R"}),
                ("POST", "/auth/logout", None),
                ("POST", "/auth/logout-all", None),
                ("POST", "/auth/refresh", {"refreshToken": admin.refresh_token}),
                ("POST", "/auth/reauthenticate", {"password": PASSWORD}),
            ):
                content = b"" if body is None else json.dumps(body).encode()
                headers = [AS_JSON, bearer(admin.access)]
                answer = await ask(server, method, path, headers=headers, body=content)
                assert answer.verdict == UNAVAILABLE, path
                assert answer.one("retry-after") == "1"
                assert answer.all("set-cookie") == [], path
            assert (await login(server, ip="10.0.0.1")).verdict == UNAVAILABLE
            assert (await ask(server, "GET", "/health/ready")).status == 503
            assert (await ada.get("/profile")).status_code == 200
        assert (await admin.get("/users")).status_code == 200
        assert (await admin.refresh()).status_code == 200
        assert (await login(server, ip="10.0.0.2")).verdict == OPEN
        assert (await ask(server, "GET", "/health/ready")).status == 200

    async def test_x05_when_it_cannot_be_known_who_was_signed_out_nobody_is_let_in(
        self, server: Server
    ) -> None:
        """ASVS 16.5.3: a picture in memory opens nothing once the store stops answering."""
        await server.register()
        holder = await server.sign_in()
        browser = await server.sign_in(transport="session")
        assert (await holder.get("/profile")).status_code == 200
        server.sqlite._reader.close()
        await asyncio.sleep(0)  # one look serves all requests of one turn of the event loop
        for who in (holder, browser):
            for path in ("/profile", "/auth/verify", "/sessions"):
                answer = await who.get(path)
                assert (answer.status_code, answer.json()["code"]) == UNAVAILABLE, path

    async def test_s15_what_another_process_ends_is_refused_on_the_next_request(
        self, server: Server
    ) -> None:
        await server.register()
        holder = await server.sign_in()
        assert (await holder.get("/profile")).status_code == 200
        async with serving(server.core.settings.data_dir) as other:
            ended = await ask(
                other, "POST", "/auth/logout", headers=[AS_JSON, bearer(holder.access)]
            )
            assert ended.status == 200
        assert (await holder.get("/profile")).json()["code"] == "SESSION_REVOKED"

    async def test_x09_an_end_and_a_used_token_outlive_the_process(self, tmp_path: Path) -> None:
        async with serving(tmp_path) as server:
            await server.register()
            ended, kept = await server.sign_in(), await server.sign_in()
            assert (await ended.post("/auth/logout")).status_code == 200
            first = kept.refresh_token
            assert (await kept.refresh()).status_code == 200
        async with serving(tmp_path) as server:
            dead = await ask(server, "GET", "/profile", headers=[bearer(ended.access)])
            assert dead.verdict == (401, "SESSION_REVOKED")
            alive = await ask(server, "GET", "/profile", headers=[bearer(kept.access)])
            assert alive.status == 200
            again = await post(server, "/auth/refresh", refreshToken=ended.refresh_token)
            assert again.verdict == (401, "SESSION_REVOKED")
            server.clock.advance(10 * SECOND)
            replay = await post(server, "/auth/refresh", refreshToken=first)
            assert replay.verdict == (401, "TOKEN_REUSED")

    async def test_a_database_locked_by_another_program_is_an_answer_not_a_wait_for_ever(
        self, server: Server
    ) -> None:
        await server.register()
        holder = await server.sign_in()
        server.sqlite._writer._lock_wait = 1
        path = server.core.settings.database_path
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            answer = await holder.post("/auth/logout")
            assert (answer.status_code, answer.json()["code"]) == UNAVAILABLE
            assert (await holder.get("/profile")).status_code == 200
        finally:
            other.close()
        assert (await holder.post("/auth/logout")).status_code == 200


class TestClocks:
    @pytest.fixture
    async def ada(self, server: Server) -> Holder:
        await server.register()
        return await server.sign_in()

    async def test_x07_an_hour_forward_ends_access_tokens_and_no_session(
        self, server: Server, ada: Holder
    ) -> None:
        browser = await server.sign_in(transport="session")
        server.clock.advance(HOUR)
        assert (await ada.get("/profile")).json()["code"] == "TOKEN_EXPIRED"
        assert (await browser.get("/profile")).status_code == 200
        assert (await ada.refresh()).status_code == 200
        assert (await ada.get("/profile")).status_code == 200

    async def test_x07_an_hour_back_signs_nobody_out(self, server: Server, ada: Holder) -> None:
        browser = await server.sign_in(transport="session")
        assert (await ada.get("/profile")).status_code == 200
        server.clock.advance(-HOUR)
        assert (await browser.get("/profile")).status_code == 200
        assert (await ada.refresh()).status_code == 200
        assert (await ada.get("/profile")).status_code == 200
        server.clock.advance(HOUR)
        assert (await ada.refresh()).status_code == 200
        assert (await browser.get("/profile")).status_code == 200

    async def test_x07_a_token_of_the_future_is_refused_unless_it_was_seen_before(
        self, server: Server, ada: Holder
    ) -> None:
        server.clock.advance(-HOUR)
        assert (await ada.get("/profile")).json()["code"] == "TOKEN_INVALID"

    async def test_x07_a_step_back_between_a_refresh_and_its_retry_is_no_replay(
        self, server: Server, ada: Holder
    ) -> None:
        first = ada.refresh_token
        await ada.refresh()
        server.clock.advance(-SECOND)
        retry = await post(server, "/auth/refresh", refreshToken=first)
        assert retry.json()["refreshToken"] == ada.refresh_token

    async def test_x07_a_clock_that_stood_back_makes_no_session_longer(
        self, server: Server, ada: Holder
    ) -> None:
        end = server.clock.now() + 30 * DAY
        for _ in range(15):
            server.clock.advance(2 * DAY)
            server.clock.advance(-HOUR)
            assert (await ada.refresh()).status_code == 200
        server.clock.set(end)
        answer = await post(server, "/auth/refresh", refreshToken=ada.refresh_token)
        assert answer.verdict == (401, "SESSION_EXPIRED")

    async def test_x08_rotating_the_keys_under_load_refuses_nobody(
        self, server: Server, ada: Holder
    ) -> None:
        tokens = [ada.access]
        for turn in range(6):
            await server.core.services.keyring.rotate(RequestTrace())
            answers = await asyncio.gather(
                *(
                    ask(server, "GET", "/profile", headers=[bearer(token)], ip=f"10.0.{turn}.1")
                    for token in tokens
                    for _ in range(5)
                )
            )
            assert {answer.status for answer in answers} == {200}
            await ada.refresh()
            tokens.append(ada.access)
        published = (await ask(server, "GET", "/.well-known/jwks.json")).json()["keys"]
        assert len({key["kid"] for key in published}) == len(published) == 8
