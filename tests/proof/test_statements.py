"""What a request asks of the database; one statement more must be a decision."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import httpx2
import pytest

from tests.driving import Holder, Server, serving
from watchword.domain.time import MINUTE
from watchword.ports import Allowance

LOOK = ["PRAGMA data_version"]  # at a counter in shared memory: no page of the file is read
HIT = "INSERT INTO limits"
ROTATION = "UPDATE sessions SET"
CATCH_UP = [*LOOK, "SELECT seq, topic,"]
FIND = "SELECT u.id, u.email,"
GARBAGE = [
    "x",
    "wwr_x.1.AAAA",
    "wws_x.1.AAAA",
    "eyJhbGciOiJub25lIn0.e30.AAAA",
    "a.b.c",
    "A" * 200,
    "A" * 10_000,
]


class Asked:
    """Every statement that the server runs, in order, by its first words."""

    def __init__(self, server: Server) -> None:
        self.statements: list[str] = []
        self._server = server
        store = server.sqlite
        store._reader.set_trace_callback(self._note)
        store._writer.connection.set_trace_callback(self._note)

    def _note(self, sql: str) -> None:
        words = sql.split()
        is_pragma = words[0] in {"PRAGMA", "BEGIN"}
        self.statements.append(" ".join(words[:2] if is_pragma else [w for w in words if w][:3]))

    async def by(
        self, request: Awaitable[httpx2.Response], status: int = 200, *, news: bool = False
    ) -> list[str]:
        """What was asked for one request. With ``news`` there are changes it has not heard of."""
        await self._settle()
        if not news:
            self._server.core.services.standings.catch_up()
            await asyncio.sleep(0)
        self.statements.clear()
        answer = await request
        assert answer.status_code == status, answer.text
        await self._settle()
        return list(self.statements)

    async def _settle(self) -> None:
        """Counters are committed a little after their answer."""
        await asyncio.sleep(0)
        while self._server.sqlite._writer._state.value != "idle":  # noqa: ASYNC110
            await asyncio.sleep(0)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    generous = Allowance(1_000, MINUTE)
    async with serving(tmp_path, limit_auth=generous, limit_sign_in=generous) as running:
        yield running


@pytest.fixture
async def holder(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


@pytest.fixture
async def asked(server: Server, holder: Holder) -> Asked:
    return Asked(server)


class TestAProtectedRequest:
    @pytest.mark.parametrize("transport", ["body", "session"])
    async def test_looks_whether_something_changed_and_asks_nothing_else(
        self, server: Server, asked: Asked, transport: str
    ) -> None:
        holder = await server.sign_in(transport=transport)
        await holder.get("/profile")
        for _ in range(3):
            assert await asked.by(holder.get("/profile")) == LOOK
            assert await asked.by(holder.get("/auth/verify"), 204) == LOOK

    async def test_of_many_at_once_looks_once_for_all_of_a_turn(
        self, holder: Holder, asked: Asked
    ) -> None:
        await asked.by(holder.get("/profile"))
        asked.statements.clear()
        answers = await asyncio.gather(*(holder.get("/profile") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert set(asked.statements) == set(LOOK)
        assert len(asked.statements) < 50

    async def test_reads_a_session_once_when_it_is_new_here(
        self, server: Server, asked: Asked
    ) -> None:
        holder = await server.sign_in()
        assert await asked.by(holder.get("/profile")) == [*LOOK, FIND]
        assert await asked.by(holder.get("/profile")) == LOOK

    async def test_after_somebody_elses_change_reads_the_news_and_no_session(
        self, server: Server, holder: Holder, asked: Asked
    ) -> None:
        await holder.get("/profile")
        await server.register("bob@example.com")
        bob = await server.sign_in("bob@example.com")
        await bob.post("/auth/logout")
        assert await asked.by(holder.get("/profile"), news=True) == CATCH_UP
        assert await asked.by(holder.get("/profile"), news=True) == LOOK

    async def test_that_is_refused_reads_the_session_that_ended(
        self, holder: Holder, asked: Asked
    ) -> None:
        await holder.get("/profile")
        await holder.post("/auth/logout")
        await asked.by(holder.get("/profile"), 401)
        assert await asked.by(holder.get("/profile"), 401) == [*LOOK, FIND]


class TestARefresh:
    async def test_is_one_hit_and_one_update_in_one_commit(
        self, holder: Holder, asked: Asked
    ) -> None:
        await holder.refresh()
        await holder.get("/profile")
        for _ in range(3):
            asked_for = await asked.by(holder.refresh())
            expected = ["BEGIN IMMEDIATE", HIT, ROTATION, "COMMIT", *CATCH_UP]
            assert asked_for == expected

    async def test_that_repeats_a_lost_answer_reads_the_session_besides(
        self, holder: Holder, asked: Asked
    ) -> None:
        token = holder.refresh_token
        await holder.refresh()
        await holder.get("/profile")
        asked_for = await asked.by(holder.refresh(token))
        look = ["SAVEPOINT turn", FIND, "RELEASE turn"]
        assert asked_for == ["BEGIN IMMEDIATE", HIT, ROTATION, *look, "COMMIT", *CATCH_UP]


class TestGarbage:
    """It is refused by what it is: nobody can make the database work with it."""

    @pytest.mark.parametrize("garbage", GARBAGE)
    async def test_as_an_access_token_asks_nothing(
        self, server: Server, asked: Asked, garbage: str
    ) -> None:
        client = server.client(Authorization=f"Bearer {garbage}")
        assert await asked.by(client.get("/profile"), 401) == []

    async def test_as_a_token_that_was_tampered_with_asks_nothing(
        self, holder: Holder, server: Server, asked: Asked
    ) -> None:
        header, claims, signature = str(holder.access).split(".")
        swapped = claims[:-2] + ("AA" if claims[-2:] != "AA" else "BB")
        for forged in (f"{header}.{swapped}.{signature}", f"{header}.{claims}.{signature[::-1]}"):
            client = server.client(Authorization=f"Bearer {forged}")
            assert await asked.by(client.get("/profile"), 401) == []

    @pytest.mark.parametrize("garbage", GARBAGE)
    async def test_as_a_session_cookie_asks_nothing(
        self, server: Server, asked: Asked, garbage: str
    ) -> None:
        client = server.client(Cookie=f"session={garbage}")
        assert await asked.by(client.get("/profile"), 401) == []

    @pytest.mark.parametrize("garbage", GARBAGE[:-1])
    async def test_as_a_refresh_token_is_counted_and_asks_nothing_else(
        self, server: Server, asked: Asked, garbage: str
    ) -> None:
        sent = server.client().post("/auth/refresh", json={"refreshToken": garbage})
        asked_for = await asked.by(sent, 401)
        assert asked_for == ["BEGIN IMMEDIATE", HIT, "COMMIT"]

    async def test_j06_of_keys_that_nobody_knows_asks_for_news_and_reads_nothing(
        self, holder: Holder, server: Server, asked: Asked
    ) -> None:
        _, _, rest = str(holder.access).partition(".")
        for number in range(20):
            name = f'{{"alg":"EdDSA","kid":"unknown{number}","typ":"at+jwt"}}'
            forged = urlsafe_b64encode(name.encode()).decode().rstrip("=")
            client = server.client(Authorization=f"Bearer {forged}.{rest}")
            assert await asked.by(client.get("/profile"), 401) == LOOK
