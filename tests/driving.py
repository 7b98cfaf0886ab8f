"""Watchword driven over HTTP in process: a real application on a real database, a fake clock."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kept import moving_sessions, named_database
from tests.opening import Lines, TellingHousekeeper, empty_database, open_cheaply
from watchword.adapters.sql.sqlite.store import SqliteStore
from watchword.bootstrap import Application, Core
from watchword.settings import Settings
from watchword.testing import FakeClock

PASSWORD = "correct horse battery staple"
ORIGIN = "http://localhost:8000"


@dataclass(frozen=True)
class Received:
    """A mail as it lies in the folder."""

    to: str
    subject: str
    text: str
    html: str

    @property
    def link(self) -> str:
        (link,) = re.findall(r"http\S+#token=\S+", self.text)
        return str(link)

    @property
    def token(self) -> str:
        return self.link.partition("#token=")[2]


@dataclass
class Person:
    """Somebody with an account; ``user`` as the wire shows it."""

    email: str
    user: dict[str, Any]


class Server:
    """One running application. ``client()`` is a new browser or program, with cookies of its own;
    it sends JSON and no Origin, as programs do."""

    def __init__(self, app: Application, clock: FakeClock, log: Lines) -> None:
        self.app = app
        self.clock = clock
        self.log = log
        self.before_requests: list[Callable[[httpx2.Request], Awaitable[None]]] = []
        self._clients: list[httpx2.AsyncClient] = []
        self._read: set[Path] = set()

    @property
    def core(self) -> Core:
        return self.app.core

    @property
    def sqlite(self) -> SqliteStore:
        """For tests that look behind the ports: of other stores they say nothing."""
        return sqlite_of(self.core)

    def client(self, ip: str = "198.51.100.7", **headers: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.app, client=(ip, 40_000))
        client = httpx2.AsyncClient(
            transport=transport,
            base_url=self.core.settings.public_url,
            headers=headers,
            event_hooks={"request": self.before_requests},
        )
        self._clients.append(client)
        return client

    async def register(self, email: str = "ada@example.com", password: str = PASSWORD) -> Person:
        answer = await self.client("192.0.2.1").post(
            "/auth/register", json={"email": email, "password": password}
        )
        assert answer.status_code == 201, answer.text
        return Person(email, answer.json()["user"])

    async def register_admin(self, email: str = "root@example.com") -> Person:
        from watchword.ports import RequestTrace

        account = await self.core.services.registration.make_admin(email, PASSWORD, RequestTrace())
        return Person(email, {"id": account.id, "email": email, "role": "admin"})

    async def sign_in(
        self, email: str = "ada@example.com", *, transport: str = "body", **more: Any
    ) -> "Holder":
        client = self.client(more.pop("ip", "198.51.100.7"))
        answer = await client.post(
            "/auth/login",
            json={"email": email, "password": PASSWORD, "transport": transport, **more},
        )
        assert answer.status_code == 200, answer.text
        return Holder(client, answer.json())

    async def mails(self) -> list[Received]:
        """Send what is due; everything that was sent since the last time."""
        while await self.core.sender.correspondence.send_due(at_most=100):
            pass
        folder = self.core.settings.data_dir / "mail"
        files = sorted(set(folder.glob("*.eml")) - self._read)
        self._read.update(files)
        return [_received(file.read_bytes()) for file in files]

    async def mail(self) -> Received:
        """The one mail that was sent since the last time."""
        (mail,) = await self.mails()
        return mail

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


class Holder:
    """A signed-in client: its answer at sign-in, and requests with its access token."""

    def __init__(self, client: httpx2.AsyncClient, answer: dict[str, Any]) -> None:
        self.client = client
        self.answer = answer
        self.access: Any = answer.get("accessToken")
        self.refresh_token: Any = answer.get("refreshToken")

    @property
    def session_id(self) -> str:
        return str(self.answer["session"]["id"])

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"} if self.access else {}

    async def request(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {**self.headers(), **more.pop("headers", {})}
        if method not in {"GET", "HEAD"} and "json" not in more and "content" not in more:
            headers.setdefault("Content-Type", "application/json")
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any) -> httpx2.Response:
        return await self.request("GET", path, **more)

    async def post(self, path: str, **more: Any) -> httpx2.Response:
        return await self.request("POST", path, **more)

    async def refresh(self, token: str | None = None) -> httpx2.Response:
        """Present ``token``, by default the newest held; keep what a success brings."""
        answer = await self.client.post(
            "/auth/refresh", json={"refreshToken": token or self.refresh_token}
        )
        if answer.status_code == 200:
            self.access = answer.json()["accessToken"]
            self.refresh_token = answer.json()["refreshToken"]
        return answer


def sqlite_of(core: Core) -> SqliteStore:
    if not isinstance(core.store, SqliteStore):
        pytest.skip("It looks into SQLite itself.")
    return core.store


def require_counters_in_the_database(core: Core) -> None:
    """For tests that look at them there."""
    if core.stores.counters is not None:
        pytest.skip("Another product counts.")


def _received(raw: bytes) -> Received:
    message = message_from_bytes(raw, policy=policy.default)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return Received(message["To"], message["Subject"], text.get_content(), html.get_content())


@asynccontextmanager
async def serving(
    folder: Path, *, clock: FakeClock | None = None, seed: int = 0, **settings: Any
) -> AsyncIterator[Server]:
    """A server on the database of ``folder``; limits and lockout are on unless said otherwise.
    Another one on the same folder needs another ``seed``.
    """
    clock, log = clock or FakeClock(), Lines()
    settings["database_url"] = named_database(folder) or settings.get("database_url")
    settings |= moving_sessions(folder)
    chosen = Settings(data_dir=folder, **settings)
    path = chosen.database
    if isinstance(path, Path) and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(empty_database())
    app = Application(chosen, open_with=partial(open_cheaply, clock=clock, log=log, seed=seed))
    async with app.running():
        server = Server(app, clock, log)
        housekeeper = app.core.housekeeper
        assert isinstance(housekeeper, TellingHousekeeper)
        await housekeeper.has_done_all.wait()
        try:
            yield server
        finally:
            await server.close()
