"""What is under way while something ends: whichever comes first, what was acknowledged holds."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server
from tests.kept import rows
from tests.proof.stage import events, later, present, require_out, session_row, turn_of

pytestmark = pytest.mark.every_store(moving=True)
# By how many turns of the event loop the refresh comes first, or the other does: a refresh takes
# fewer than these, so every overlap occurs.
OFFSETS = range(-12, 13)


Act = Callable[[Holder, Holder], Coroutine[Any, Any, httpx2.Response]]


async def sign_out(holder: Holder, _: Holder) -> httpx2.Response:
    return await holder.client.post("/auth/logout", json={"refreshToken": holder.refresh_token})


async def sign_out_everywhere(holder: Holder, _: Holder) -> httpx2.Response:
    return await holder.post("/auth/logout-all")


async def end_it(holder: Holder, _: Holder) -> httpx2.Response:
    return await holder.request("DELETE", f"/sessions/{holder.session_id}")


async def delete_account(holder: Holder, _: Holder) -> httpx2.Response:
    return await holder.request("DELETE", f"/users/{holder.answer['user']['id']}")


async def disable(holder: Holder, admin: Holder) -> httpx2.Response:
    path = f"/users/{holder.answer['user']['id']}/status"
    return await admin.request("PUT", path, json={"status": "disabled"})


async def promote(holder: Holder, admin: Holder) -> httpx2.Response:
    path = f"/users/{holder.answer['user']['id']}/role"
    return await admin.request("PUT", path, json={"role": "admin"})


@pytest.fixture
async def admin(server: Server) -> Holder:
    await server.register_admin()
    return await server.sign_in("root@example.com")


async def signed_in_anew(server: Server, number: int) -> Holder:
    await server.register(f"u{number}@example.com")
    return await server.sign_in(f"u{number}@example.com")


class TestARefreshInFlight:
    """Attack R09: whichever comes first, what was acknowledged holds."""

    @pytest.mark.parametrize(
        "act", [sign_out, sign_out_everywhere, end_it, delete_account, disable]
    )
    async def test_r09_revives_nothing_that_was_ended_meanwhile(
        self, server: Server, admin: Holder, act: Act
    ) -> None:
        answered: set[int] = set()
        turn = turn_of(server)
        for turns in OFFSETS:
            holder = await signed_in_anew(server, turns)
            first = holder.refresh_token
            ended, refreshed = await asyncio.gather(
                later(max(0, turns), act(holder, admin), turn),
                later(max(0, -turns), present(server.client(), first), turn),
            )
            assert ended.status_code == 200, ended.text
            answered.add(refreshed.status_code)
            tokens = [first]
            if refreshed.status_code == 200:
                tokens.append(refreshed.json()["refreshToken"])
                given = Holder(server.client(), refreshed.json())
                await require_out(given, *tokens)
            await require_out(holder, *tokens)
            left = rows(
                server.core.settings.database,
                "SELECT * FROM sessions WHERE id = :id AND ended_at IS NULL",
                id=holder.session_id,
            )
            assert left == []
        assert answered == {200, 401}
        assert events(server, "session.token_reused") == []

    async def test_r09_of_another_session_does_not_outlive_a_new_password(
        self, server: Server
    ) -> None:
        answered: set[int] = set()
        for turns in range(-12, 40, 3):
            holder = await signed_in_anew(server, turns)
            other = await server.sign_in(f"u{turns}@example.com")
            changing = holder.post(
                "/auth/change-password",
                json={"currentPassword": PASSWORD, "newPassword": "a quite different phrase"},
            )
            changed, refreshed = await asyncio.gather(
                later(max(0, -turns), changing),
                later(max(0, turns), present(server.client(), other.refresh_token)),
            )
            assert changed.status_code == 200, changed.text
            answered.add(refreshed.status_code)
            tokens = [other.refresh_token]
            if refreshed.status_code == 200:
                tokens.append(refreshed.json()["refreshToken"])
                other.access = refreshed.json()["accessToken"]
            await require_out(other, *tokens)
            assert session_row(server, other.session_id)["ended_reason"] == "password_changed"
            assert (await holder.refresh()).status_code == 200
        assert 200 in answered

    async def test_r09_goes_on_with_the_new_role(self, server: Server, admin: Holder) -> None:
        for turns in OFFSETS:
            holder = await signed_in_anew(server, turns)
            changed, refreshed = await asyncio.gather(
                later(max(0, turns), promote(holder, admin)),
                later(max(0, -turns), holder.refresh()),
            )
            assert (changed.status_code, refreshed.status_code) == (200, 200)
            profile = await holder.get("/profile")
            assert profile.json()["user"]["role"] == "admin"
            assert (await holder.get("/users")).status_code == 200

    async def test_r09_meets_a_new_proof_and_both_hold(self, server: Server) -> None:
        for turns in range(-12, 40, 4):
            holder = await signed_in_anew(server, turns)
            proving = holder.post("/auth/reauthenticate", json={"password": PASSWORD})
            proven, refreshed = await asyncio.gather(
                later(max(0, -turns), proving),
                later(max(0, turns), present(server.client(), holder.refresh_token)),
            )
            assert (proven.status_code, refreshed.status_code) == (200, 200)
            row = session_row(server, holder.session_id)
            assert (row["generation"], row["proof"], row["ended_at"]) == (2, 2, None)
            holder.access = proven.json()["accessToken"]
            assert (await holder.get("/profile")).status_code == 200
            holder.refresh_token = refreshed.json()["refreshToken"]
            assert (await holder.refresh()).status_code == 200
            assert (await holder.get("/profile")).status_code == 200


class TestASignInInFlight:
    """Its password was right when it was looked at; what holds is what is so when it ends."""

    @pytest.mark.parametrize("moment", range(8))
    async def test_a07_opens_nothing_for_an_account_that_is_disabled(
        self, server: Server, admin: Holder, moment: int
    ) -> None:
        holder = await signed_in_anew(server, moment)
        signing_in = [
            asyncio.create_task(later(turns, log_in(server, moment))) for turns in range(0, 24, 2)
        ]
        disabled = await later(3 * moment, disable(holder, admin))
        assert disabled.status_code == 200
        answers = await asyncio.gather(*signing_in)
        assert {code for code, _ in answers} <= {200, 403}
        for _, opened in answers:
            if opened is not None:
                await require_out(opened, opened.refresh_token)
        assert live_sessions(server, holder) == []

    @pytest.mark.parametrize("moment", range(8))
    async def test_r09_opens_nothing_by_a_password_that_is_changed(
        self, server: Server, moment: int
    ) -> None:
        holder = await signed_in_anew(server, moment)
        signing_in = [
            asyncio.create_task(later(turns, log_in(server, moment))) for turns in range(0, 24, 2)
        ]
        body = {"currentPassword": PASSWORD, "newPassword": "a quite different phrase"}
        changed = await later(3 * moment, holder.post("/auth/change-password", json=body))
        assert changed.status_code == 200
        answers = await asyncio.gather(*signing_in)
        assert {code for code, _ in answers} <= {200, 401}
        for _, opened in answers:
            if opened is not None:
                await require_out(opened, opened.refresh_token)
        assert live_sessions(server, holder) == [holder.session_id]


async def log_in(server: Server, number: int) -> tuple[int, Holder | None]:
    client = server.client()
    body = {"email": f"u{number}@example.com", "password": PASSWORD, "transport": "body"}
    answer = await client.post("/auth/login", json=body)
    opened = Holder(client, answer.json()) if answer.status_code == 200 else None
    return answer.status_code, opened


def live_sessions(server: Server, holder: Holder) -> list[str]:
    live = "SELECT id FROM sessions WHERE user_id = :user AND ended_at IS NULL"
    found = rows(server.core.settings.database, live, user=holder.answer["user"]["id"])
    return [row["id"] for row in found]
