"""Refresh repeated, raced and replayed: rows as well as answers (attacks R01 to R12)."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.driving import Holder, Server, serving
from tests.proof.stage import (
    UNLIMITED,
    events,
    later,
    present,
    require_out,
    require_turns,
    session_row,
    until_it_waits,
)
from watchword.domain.time import MINUTE, SECOND

pytestmark = pytest.mark.every_store(moving=True)
GRACE = 10 * SECOND


def code(answer: httpx2.Response) -> str:
    return str(answer.json().get("code", answer.status_code))


def set_cookies(answer: httpx2.Response) -> list[str]:
    return answer.headers.get_list("set-cookie")


def require_no_cookie_cleared(answer: httpx2.Response) -> None:
    """Attack R05: what a losing answer clears is the winner's cookie."""
    assert "clear-site-data" not in answer.headers
    for cookie in set_cookies(answer):
        assert "Max-Age=0" not in cookie
        assert "refreshToken=;" not in cookie


@pytest.fixture
async def holder(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


class TestFiftyAtOnce:
    async def test_r02_rotate_one_row_once_and_share_one_successor(
        self, server: Server, holder: Holder
    ) -> None:
        token = holder.refresh_token
        answers = await asyncio.gather(*(present(holder.client, token) for _ in range(50)))
        assert [answer.status_code for answer in answers] == [200] * 50
        successors = {answer.json()["refreshToken"] for answer in answers}
        assert len(successors) == 1
        row = session_row(server, holder.session_id)
        assert (row["generation"], row["ended_at"]) == (2, None)
        assert events(server, "session.token_reused") == []
        for answer in answers:
            holder.access = answer.json()["accessToken"]
            assert (await holder.get("/profile")).status_code == 200
        assert (await present(holder.client, successors.pop())).status_code == 200

    async def test_r02_again_and_again_lose_nobody(self, server: Server, holder: Holder) -> None:
        token = holder.refresh_token
        for generation in range(2, 22):
            answers = await asyncio.gather(*(present(holder.client, token) for _ in range(10)))
            (token,) = {answer.json()["refreshToken"] for answer in answers}
            assert session_row(server, holder.session_id)["generation"] == generation
            server.clock.advance(SECOND)

    async def test_r02_r05_by_cookie_clear_none(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in(transport="cookie")
        cookie = holder.client.cookies["refreshToken"]
        fresh = [server.client() for _ in range(50)]
        for client in fresh:
            client.cookies.set("refreshToken", cookie)
        answers = await asyncio.gather(*(present(client) for client in fresh))
        assert [answer.status_code for answer in answers] == [200] * 50
        assert {tuple(set_cookies(answer)) for answer in answers} == {
            tuple(set_cookies(answers[0]))
        }
        for answer in answers:
            assert "refreshToken" not in answer.json()
            require_no_cookie_cleared(answer)
        assert session_row(server, holder.session_id)["generation"] == 2

    async def test_r02_on_two_processes_rotate_once(self, both: tuple[Server, Server]) -> None:
        one, other = both
        await one.register()
        holder = await one.sign_in()
        clients = [server.client() for _ in range(25) for server in both]
        answers = await asyncio.gather(
            *(present(client, holder.refresh_token) for client in clients)
        )
        assert [answer.status_code for answer in answers] == [200] * 50
        assert len({answer.json()["refreshToken"] for answer in answers}) == 1
        row = session_row(other, holder.session_id)
        assert (row["generation"], row["ended_at"]) == (2, None)

    async def test_r02_with_a_clock_that_moves_between_them_lose_nobody(
        self, server: Server, holder: Holder
    ) -> None:
        async def at(moment: int) -> httpx2.Response:
            await later(moment % 5, asyncio.sleep(0))
            server.clock.advance(moment % 3)
            return await present(server.client(), holder.refresh_token)

        answers = await asyncio.gather(*(at(moment) for moment in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert session_row(server, holder.session_id)["generation"] == 2

    @pytest.mark.parametrize(("steps", "apart"), [(1, SECOND), (2, 1), (3, 1), (8, 1)])
    async def test_r02_that_were_overtaken_while_they_waited_are_no_replay(
        self, both: tuple[Server, Server], steps: int, apart: int
    ) -> None:
        """The winner has its answer and may go on at once, while the loser, in another process,
        has looked at the clock and waits for its turn.
        """
        one, other = both
        require_turns(other)
        await one.register()
        holder = await one.sign_in()
        async with one.core.store.transaction() as unit:
            await unit.sessions.touch([(holder.session_id, one.clock.now() + 1)])
            waiting = asyncio.create_task(present(other.client(), holder.refresh_token))
            await until_it_waits(other)
            for generation in range(1, 1 + steps):
                one.clock.advance(apart)
                await unit.sessions.rotate(holder.session_id, generation, now=one.clock.now())
        answer = await waiting
        assert answer.status_code == 200, answer.text
        row = session_row(one, holder.session_id)
        assert (row["generation"], row["ended_at"]) == (1 + steps, None)
        again = await present(other.client(), answer.json()["refreshToken"])
        assert again.status_code == 200  # what the loser got is not dead already

    async def test_r04_that_came_after_their_successor_are_replays_however_soon(
        self, both: tuple[Server, Server]
    ) -> None:
        one, other = both
        await one.register()
        holder = await one.sign_in()
        stolen = holder.refresh_token
        for _ in range(2):
            await holder.refresh()
        answer = await present(other.client(), stolen)
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_REUSED")
        assert session_row(one, holder.session_id)["ended_at"] is not None


class TestALostAnswer:
    async def test_r03_is_given_again_to_the_last_moment_of_the_grace(
        self, server: Server, holder: Holder
    ) -> None:
        lost = (await present(holder.client, holder.refresh_token)).json()
        for wait in (0, SECOND, 8 * SECOND, SECOND - 1):
            server.clock.advance(wait)
            again = await present(holder.client, holder.refresh_token)
            assert again.json()["refreshToken"] == lost["refreshToken"]
        row = session_row(server, holder.session_id)
        assert row["generation"] == 2
        assert server.clock.now() - row["rotated_at"] == GRACE - 1

    async def test_r01_at_the_end_of_the_grace_is_a_replay(
        self, server: Server, holder: Holder
    ) -> None:
        """The window is fixed: the retry just before its end does not make it longer."""
        following = (await present(holder.client, holder.refresh_token)).json()["refreshToken"]
        server.clock.advance(GRACE - 1)
        assert (await present(holder.client, holder.refresh_token)).status_code == 200
        server.clock.advance(1)
        answer = await present(holder.client, holder.refresh_token)
        assert (answer.status_code, code(answer)) == (401, "TOKEN_REUSED")
        require_no_cookie_cleared(answer)
        row = session_row(server, holder.session_id)
        assert (row["ended_reason"], row["ended_at"]) == ("token_reused", server.clock.now())
        (event,) = events(server, "session.token_reused")
        assert event["session"] == holder.session_id
        await require_out(holder, following, holder.refresh_token)

    async def test_r06_whose_commit_failed_costs_no_strike(
        self, server: Server, holder: Holder
    ) -> None:
        """A write of the same commit breaks it: all of it is undone, and said to be."""
        store = server.sqlite

        async def break_the_commit() -> None:
            async with store.transaction():
                store._writer.connection.execute("PRAGMA defer_foreign_keys = ON")
                store._writer.connection.execute(
                    "INSERT INTO devices VALUES ('u-nobody', x'00', 0, 0, NULL)"
                )

        answers = await asyncio.gather(
            present(holder.client, holder.refresh_token),
            break_the_commit(),
            return_exceptions=True,
        )
        assert isinstance(answers[0], httpx2.Response)
        assert (answers[0].status_code, code(answers[0])) == (503, "UNAVAILABLE")
        assert session_row(server, holder.session_id)["generation"] == 1
        assert (await present(holder.client, holder.refresh_token)).status_code == 200
        assert session_row(server, holder.session_id)["generation"] == 2
        assert events(server, "session.token_reused") == []


class TestAReplay:
    async def test_r04_of_an_older_generation_within_the_grace_ends_the_session(
        self, server: Server, holder: Holder
    ) -> None:
        first = holder.refresh_token
        for _ in range(2):
            assert (await holder.refresh()).status_code == 200
        answer = await present(server.client(), first)
        assert (answer.status_code, code(answer)) == (401, "TOKEN_REUSED")
        await require_out(holder, first, holder.refresh_token)
        assert session_row(server, holder.session_id)["ended_reason"] == "token_reused"

    async def test_r11_thief_and_owner_who_take_turns_are_both_out_within_one_step(
        self, server: Server, holder: Holder
    ) -> None:
        """Neither can tell which of them it is; both must sign in again, and one cannot."""
        thief = Holder(server.client(), dict(holder.answer))
        assert (await thief.refresh()).status_code == 200
        server.clock.advance(MINUTE)
        assert code(await holder.refresh()) == "TOKEN_REUSED"
        assert session_row(server, holder.session_id)["ended_reason"] == "token_reused"
        await require_out(thief, thief.refresh_token)
        await require_out(holder, holder.refresh_token)

    async def test_r12_leaves_no_descendant_that_lives(
        self, server: Server, holder: Holder
    ) -> None:
        family = [holder.refresh_token]
        for _ in range(5):
            await holder.refresh()
            family.append(holder.refresh_token)
        answers = await asyncio.gather(
            *(present(server.client(), token) for token in [family[0], *family])
        )
        assert {answer.status_code for answer in answers[:1]} == {401}
        newest = [a.json()["refreshToken"] for a in answers if a.status_code == 200]
        await require_out(holder, *family, *newest)
        assert len(events(server, "session.token_reused")) == 1

    async def test_r01_of_fifty_at_once_is_one_replay(self, server: Server, holder: Holder) -> None:
        token = holder.refresh_token
        await holder.refresh()
        server.clock.advance(GRACE)
        answers = await asyncio.gather(*(present(server.client(), token) for _ in range(50)))
        codes = [code(answer) for answer in answers]
        assert codes.count("TOKEN_REUSED") == 1
        assert codes.count("SESSION_REVOKED") == 49
        assert len(events(server, "session.token_reused")) == 1

    async def test_without_a_grace_an_immediate_repeat_is_one(self, tmp_path: Any) -> None:
        async with serving(tmp_path, refresh_grace=0, **UNLIMITED) as server:
            await server.register()
            holder = await server.sign_in()
            token = holder.refresh_token
            assert (await holder.refresh()).status_code == 200
            assert code(await present(server.client(), token)) == "TOKEN_REUSED"
            await require_out(holder, holder.refresh_token)


class TestALosingAnswer:
    """Attack R05: whatever the reason, the cookie is the winner's by now."""

    @pytest.fixture
    async def tab(self, server: Server) -> Holder:
        await server.register()
        return await server.sign_in(transport="cookie")

    @pytest.mark.parametrize("why", ["replayed", "ended", "expired", "garbage", "deleted"])
    async def test_r05_clears_no_cookie(self, server: Server, tab: Holder, why: str) -> None:
        stale = server.client()
        stale.cookies.set("refreshToken", tab.client.cookies["refreshToken"])
        assert (await present(tab.client)).status_code == 200
        if why == "replayed":
            server.clock.advance(GRACE)
        elif why == "ended":
            await tab.post("/auth/logout")
        elif why == "expired":
            server.clock.advance(31 * 24 * 60 * MINUTE)
        elif why == "deleted":
            await tab.request("DELETE", f"/users/{tab.answer['user']['id']}")
        else:
            stale.cookies.set("refreshToken", "wwr_garbage")
        answer = await present(stale)
        assert answer.status_code == 401
        assert set_cookies(answer) == []
        require_no_cookie_cleared(answer)

    async def test_r05_of_two_tabs_that_race_leaves_the_browser_signed_in(
        self, server: Server, tab: Holder
    ) -> None:
        """One jar: whichever answer comes last, what is in it goes on."""
        for _ in range(10):
            answers = await asyncio.gather(present(tab.client), present(tab.client))
            assert [answer.status_code for answer in answers] == [200, 200]
            server.clock.advance(MINUTE)
        assert session_row(server, tab.session_id)["generation"] == 11

    async def test_a_token_sent_both_ways_uses_up_neither(
        self, server: Server, tab: Holder
    ) -> None:
        other = await server.sign_in()
        answer = await present(tab.client, other.refresh_token)
        assert answer.status_code == 400
        assert session_row(server, tab.session_id)["generation"] == 1
        assert session_row(server, other.session_id)["generation"] == 1


class TestTheAbsoluteEnd:
    async def test_r10_stands_from_the_sign_in_on(self, tmp_path: Any) -> None:
        lifetime = 90 * MINUTE
        limits = {"session_absolute_ttl": lifetime, "session_idle_ttl": lifetime, **UNLIMITED}
        async with serving(tmp_path, **limits) as server:
            await server.register()
            holder = await server.sign_in()
            ends = session_row(server, holder.session_id)["expires_at"]
            assert ends == server.clock.now() + lifetime
            for _ in range(89):
                server.clock.advance(MINUTE)
                assert (await holder.refresh()).status_code == 200
            server.clock.set(ends - 1)
            assert (await holder.refresh()).status_code == 200
            server.clock.set(ends)
            answer = await holder.refresh()
            assert (answer.status_code, code(answer)) == (401, "SESSION_EXPIRED")
            row = session_row(server, holder.session_id)
            assert (row["expires_at"], row["generation"]) == (ends, 91)
