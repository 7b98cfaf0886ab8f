"""Watchword inside another ASGI application, and the ways in which it is started and stopped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD
from tests.opening import Lines, open_cheaply
from tests.web.contract import refused
from watchword.bootstrap import Application, Core
from watchword.bootstrap.application import Receive, Scope, Send
from watchword.domain.errors import Unavailable
from watchword.domain.time import MINUTE
from watchword.settings import Settings
from watchword.testing import FakeClock

ADA = {"email": "ada@example.com", "password": PASSWORD}


class Opening:
    """Opens cores, counts them, and fails as often as it is told to first."""

    def __init__(self, failures: int = 0) -> None:
        self.cores: list[Core] = []
        self._failures = failures
        self._open = partial(open_cheaply, clock=FakeClock(), log=Lines())

    async def __call__(self, settings: Settings) -> Core:
        if self._failures:
            self._failures -= 1
            raise Unavailable("The disk is full: make room.")
        self.cores.append(await self._open(settings, seed=len(self.cores)))
        return self.cores[-1]


@pytest.fixture
def opening() -> Opening:
    return Opening()


@pytest.fixture
async def watchword(tmp_path: Path, opening: Opening) -> AsyncIterator[Application]:
    """Not started yet."""
    app = Application(Settings(data_dir=tmp_path), open_with=opening)
    yield app
    await app.stop()


class Host:
    """An application of somebody else: its own pages, and ``mounted`` below a prefix.

    ``is_stripped``: the way of older servers, where the path leaves the prefix out.
    """

    def __init__(self, mounted: Application, prefix: str, *, is_stripped: bool = False) -> None:
        self._mounted = mounted
        self._prefix = prefix
        self._is_stripped = is_stripped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(self._prefix + "/"):
            below = path.removeprefix(self._prefix) if self._is_stripped else path
            await self._mounted({**scope, "root_path": self._prefix, "path": below}, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the host's own page"})


def browser(app: Any) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app)
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000")


class TestMounted:
    @pytest.mark.parametrize(
        ("prefix", "is_stripped"),
        [("/id", False), ("/id", True), ("/auth", False), ("/profile", False)],
    )
    async def test_it_serves_below_its_prefix_and_leaves_the_rest_alone(
        self, prefix: str, is_stripped: bool, watchword: Application
    ) -> None:
        host = Host(watchword, prefix, is_stripped=is_stripped)
        async with browser(host) as client:
            assert (await client.get("/health")).text == "the host's own page"
            assert (await client.post(f"{prefix}/auth/register", json=ADA)).status_code == 201
            login = {**ADA, "transport": "body"}
            answer = await client.post(f"{prefix}/auth/login", json=login)
            headers = {"Authorization": f"Bearer {answer.json()['accessToken']}"}
            profile = await client.get(f"{prefix}/profile", headers=headers)
            assert profile.json()["user"]["email"] == ADA["email"]
            refused(await client.get(f"{prefix}/nowhere"), 404, "NOT_FOUND")

    async def test_its_cookies_come_back_to_it(self, watchword: Application) -> None:
        async with browser(Host(watchword, "/id")) as client:
            await client.post("/id/auth/register", json=ADA)
            await client.post("/id/auth/login", json=ADA)
            assert (await client.post("/id/auth/refresh", json={})).status_code == 200

    async def test_it_is_started_by_its_first_request_and_not_by_the_hosts_own(
        self, watchword: Application, opening: Opening
    ) -> None:
        async with browser(Host(watchword, "/id")) as client:
            await client.get("/")
            assert opening.cores == []
            assert (await client.get("/id/health")).status_code == 200
            assert opening.cores == [watchword.core]

    async def test_first_requests_at_once_start_it_once(
        self, watchword: Application, opening: Opening
    ) -> None:
        async with browser(Host(watchword, "/id")) as client:
            answers = await asyncio.gather(*(client.get("/id/health") for _ in range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20
        assert len(opening.cores) == 1

    async def test_a_start_that_failed_is_tried_again(self, tmp_path: Path) -> None:
        opening = Opening(failures=1)
        app = Application(Settings(data_dir=tmp_path), open_with=opening)
        async with browser(Host(app, "/id")) as client:
            with pytest.raises(Unavailable, match="The disk is full"):
                await client.get("/id/health")
            assert (await client.get("/id/health")).status_code == 200
        await app.stop()


class TestRunning:
    async def test_it_is_up_inside_and_let_go_of_after(
        self, watchword: Application, opening: Opening
    ) -> None:
        async with watchword.running() as app, browser(app) as client:
            assert app is watchword
            assert len(opening.cores) == 1
            assert (await client.get("/health")).status_code == 200
        with pytest.raises(RuntimeError, match="not been started"):
            _ = watchword.core

    async def test_the_last_uses_are_written_down_at_the_end(self, watchword: Application) -> None:
        async with watchword.running() as app, browser(app) as client:
            await client.post("/auth/register", json=ADA)
            answer = await client.post("/auth/login", json={**ADA, "transport": "session"})
            clock = app.core.services.clock
            assert isinstance(clock, FakeClock)
            now = clock.advance(6 * MINUTE)
            assert (await client.get("/profile")).status_code == 200
        async with watchword.running() as app:
            standing = await app.core.store.reading.sessions.find(answer.json()["session"]["id"])
        assert standing is not None
        assert standing.session.last_seen_at == now

    async def test_what_was_confirmed_is_there_after_another_start(
        self, watchword: Application, opening: Opening
    ) -> None:
        async with browser(watchword) as client:
            async with watchword.running():
                await client.post("/auth/register", json=ADA)
                await client.post("/auth/login", json=ADA)
            async with watchword.running():
                assert (await client.post("/auth/refresh", json={})).status_code == 200
        assert len(opening.cores) == 2

    async def test_to_stop_what_was_never_started_is_nothing(self, tmp_path: Path) -> None:
        await Application(Settings(data_dir=tmp_path)).stop()


async def live(app: Application, *messages: str) -> Sequence[dict[str, Any]]:
    """What a server is told while it goes through these lifespan messages."""
    waiting = [{"type": f"lifespan.{message}"} for message in messages]
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        told.append(message)

    await app({"type": "lifespan", "state": {}}, receive, send)
    return told


class TestTheLifespanOfAServer:
    async def test_starts_and_stops_it(self, watchword: Application, opening: Opening) -> None:
        told = await live(watchword, "startup", "shutdown")
        assert [message["type"] for message in told] == [
            "lifespan.startup.complete",
            "lifespan.shutdown.complete",
        ]
        assert len(opening.cores) == 1

    async def test_says_why_it_cannot_start(self, tmp_path: Path) -> None:
        app = Application(Settings(data_dir=tmp_path), open_with=Opening(failures=1))
        assert await live(app, "startup") == [
            {"type": "lifespan.startup.failed", "message": "The disk is full: make room."}
        ]

    async def test_a_websocket_is_closed(self, watchword: Application) -> None:
        told: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            told.append(message)

        await watchword({"type": "websocket", "path": "/profile"}, receive, send)
        assert [message["type"] for message in told] == ["websocket.close"]
