"""Clocks that jump, and clocks that differ: nobody is let in who is out, few are troubled (X07)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import Holder, Server, serving
from tests.proof.stage import UNLIMITED, events, let_hear, present, session_row
from watchword.domain.time import HOUR, MINUTE, SECOND
from watchword.testing import FakeClock
from watchword.testing.fakes import START

pytestmark = pytest.mark.every_store
JUMPS = [HOUR, -HOUR]
TRANSPORTS = ("body", "body", "session", "session")


async def everybody(server: Server) -> list[Holder]:
    """Signed in for a while, each by another transport or twice by the same."""
    await server.register()
    holders = [await server.sign_in(transport=transport) for transport in TRANSPORTS]
    server.clock.advance(MINUTE)
    for holder in holders:
        assert (await holder.get("/profile")).status_code == 200
    return holders


async def go_on(holder: Holder) -> int:
    """As a client does: when the access token is refused, it refreshes and asks again."""
    answer = await holder.get("/profile")
    if answer.status_code == 401 and holder.refresh_token is not None:
        assert (await holder.refresh()).status_code == 200
        answer = await holder.get("/profile")
    return answer.status_code


class TestAClockThatJumps:
    @pytest.mark.parametrize("jump", JUMPS)
    async def test_x07_signs_nobody_out(self, server: Server, jump: int) -> None:
        holders = await everybody(server)
        for span in (jump, MINUTE, -jump, MINUTE):
            server.clock.advance(span)
            for holder in holders:
                assert await go_on(holder) == 200
        for holder in holders:
            assert session_row(server, holder.session_id)["ended_at"] is None

    @pytest.mark.parametrize("jump", JUMPS)
    async def test_x07_lets_nobody_in_who_was_signed_out(self, server: Server, jump: int) -> None:
        holders = await everybody(server)
        for holder in holders:
            refresh = {"refreshToken": holder.refresh_token} if holder.refresh_token else {}
            assert (await holder.post("/auth/logout", json=refresh)).status_code == 200
        for span in (jump, MINUTE, -jump, -jump):
            server.clock.advance(span)
            for holder in holders:
                assert (await holder.get("/profile")).status_code == 401
                token = holder.refresh_token or "wwr_none"
                assert (await present(server.client(), token)).status_code == 401

    async def test_x07_accepts_no_token_that_has_expired_by_it(self, server: Server) -> None:
        (holder, *_) = await everybody(server)
        server.clock.advance(HOUR)
        assert (await holder.get("/profile")).json()["code"] == "TOKEN_EXPIRED"

    @pytest.mark.parametrize("jump", [-1, -5 * SECOND, 5 * SECOND])
    async def test_x07_a_little_makes_no_replay_of_a_retry(self, server: Server, jump: int) -> None:
        (holder, *_) = await everybody(server)
        token = holder.refresh_token
        assert (await holder.refresh()).status_code == 200
        server.clock.advance(jump)
        assert (await holder.refresh(token)).status_code == 200
        assert events(server, "session.token_reused") == []


class TestClocksThatDiffer:
    @pytest.fixture(params=[5 * SECOND, -5 * SECOND, HOUR, -HOUR])
    async def apart(
        self, tmp_path: Path, request: pytest.FixtureRequest
    ) -> AsyncIterator[tuple[Server, Server]]:
        async with (
            serving(tmp_path, clock=FakeClock(START), **UNLIMITED) as one,
            serving(tmp_path, clock=FakeClock(START + request.param), seed=1, **UNLIMITED) as other,
        ):
            for server in (one, other):
                let_hear(server)
            yield one, other

    async def test_x07_sign_nobody_out_who_is_served_by_both(
        self, apart: tuple[Server, Server]
    ) -> None:
        one, other = apart
        await one.register()
        holder = await one.sign_in()
        here = holder.client
        for _ in range(5):
            for client in (other.client(), here):
                holder.client = client
                assert (await holder.refresh()).status_code == 200
            for server in apart:
                server.clock.advance(MINUTE)
        assert session_row(one, holder.session_id)["ended_at"] is None

    async def test_x07_hold_a_sign_out_at_once_on_both(self, apart: tuple[Server, Server]) -> None:
        one, other = apart
        await one.register()
        holder = await one.sign_in(transport="session")
        elsewhere = other.client()
        elsewhere.cookies.update(holder.client.cookies)
        assert (await elsewhere.get("/profile")).status_code == 200
        assert (await holder.post("/auth/logout")).status_code == 200
        for client in (holder.client, elsewhere):
            assert (await client.get("/profile")).status_code == 401
