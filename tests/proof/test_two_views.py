"""What one process acknowledged, every other process on the file knows on its very next request."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, require_counters_in_the_database, serving
from tests.kept import rows
from tests.proof.stage import UNLIMITED, later, session_row, two_hearing
from watchword.crypto.secret import Secret
from watchword.domain.errors import Unavailable
from watchword.domain.time import DAY, HOUR, MINUTE, SECOND
from watchword.ports import RequestTrace

pytestmark = pytest.mark.every_store(moving=True)
Both = tuple[Server, Server]
NEW_PHRASE = "a quite different phrase"
TTL = 5 * MINUTE
OLD, NEW = Secret(b"the former secret of the service"), Secret(b"the secret that is to replace it")


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    async with two_hearing(tmp_path, **UNLIMITED) as running:
        yield running


def elsewhere(holder: Holder, server: Server) -> Holder:
    """The same person with the same tokens and cookies, whose requests reach another process."""
    client = server.client()
    client.cookies.update(holder.client.cookies)
    there = Holder(client, dict(holder.answer))
    there.access, there.refresh_token = holder.access, holder.refresh_token
    return there


async def known_there(
    both: Both, email: str = "ada@example.com", *, transport: str = "body"
) -> tuple[Holder, Holder]:
    """Somebody signed in here, whom the other process has let in and remembers."""
    here, there = both
    holder = await here.sign_in(email, transport=transport)
    other = elsewhere(holder, there)
    assert (await other.get("/profile")).status_code == 200
    return holder, other


async def as_admin(both: Both) -> Holder:
    await both[0].register_admin()
    return await both[0].sign_in("root@example.com")


Act = Callable[[Holder, Holder, str], Coroutine[Any, Any, httpx2.Response]]


async def end_one(own: Holder, _: Holder, session_id: str) -> httpx2.Response:
    return await own.request("DELETE", f"/sessions/{session_id}")


async def end_others(own: Holder, _: Holder, session_id: str) -> httpx2.Response:
    return await own.request("DELETE", "/sessions")


async def sign_out_everywhere(own: Holder, _: Holder, session_id: str) -> httpx2.Response:
    return await own.post("/auth/logout-all")


async def change_password(own: Holder, _: Holder, session_id: str) -> httpx2.Response:
    body = {"currentPassword": PASSWORD, "newPassword": NEW_PHRASE}
    return await own.post("/auth/change-password", json=body)


async def end_as_admin(own: Holder, admin: Holder, session_id: str) -> httpx2.Response:
    return await admin.request("DELETE", f"/users/{own.answer['user']['id']}/sessions")


async def disable(own: Holder, admin: Holder, session_id: str) -> httpx2.Response:
    path = f"/users/{own.answer['user']['id']}/status"
    return await admin.request("PUT", path, json={"status": "disabled"})


async def delete(own: Holder, admin: Holder, session_id: str) -> httpx2.Response:
    return await admin.request("DELETE", f"/users/{own.answer['user']['id']}")


ACTS: tuple[Act, ...] = (
    end_one,
    end_others,
    sign_out_everywhere,
    change_password,
    end_as_admin,
    disable,
    delete,
)


class TestWhatEndsHere:
    @pytest.mark.parametrize("transport", ["body", "session"])
    @pytest.mark.parametrize("act", ACTS)
    async def test_s15_is_refused_there_on_the_very_next_request(
        self, both: Both, act: Act, transport: str
    ) -> None:
        admin = await as_admin(both)
        await both[0].register()
        own = await both[0].sign_in()
        holder, other = await known_there(both, transport=transport)
        assert (await act(own, admin, holder.session_id)).status_code == 200
        for _ in range(2):
            answer = await other.get("/profile")
            assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_REVOKED")
        if transport == "body":
            assert (await other.refresh()).status_code == 401

    async def test_s15_by_signing_out_is_refused_there(self, both: Both) -> None:
        await both[0].register()
        holder, other = await known_there(both, transport="session")
        assert (await holder.post("/auth/logout")).status_code == 200
        assert (await other.get("/profile")).status_code == 401

    async def test_s15_by_a_replay_is_refused_there(self, both: Both) -> None:
        await both[0].register()
        holder, other = await known_there(both)
        used = holder.refresh_token
        assert (await holder.refresh()).status_code == 200
        both[0].clock.advance(10 * SECOND)
        assert (await holder.refresh(used)).json()["code"] == "TOKEN_REUSED"
        assert (await other.get("/profile")).json()["code"] == "SESSION_REVOKED"

    async def test_s15_by_too_many_sessions_is_refused_there(self, tmp_path: Path) -> None:
        async with two_hearing(tmp_path, max_sessions=1, **UNLIMITED) as both:
            await both[0].register()
            _, other = await known_there(both)
            await both[0].sign_in()
            assert (await other.get("/profile")).json()["code"] == "SESSION_REVOKED"

    async def test_s15_stays_refused_after_both_were_started_anew(self, tmp_path: Path) -> None:
        async with two_hearing(tmp_path, **UNLIMITED) as both:
            await both[0].register()
            holder, _ = await known_there(both)
            kept, _ = await known_there(both)
            assert (await holder.post("/auth/logout")).status_code == 200
        async with two_hearing(tmp_path, **UNLIMITED) as again:
            for server in again:
                assert (await elsewhere(holder, server).get("/profile")).status_code == 401
                assert (await elsewhere(holder, server).refresh()).status_code == 401
                assert (await elsewhere(kept, server).get("/profile")).status_code == 200

    async def test_s15_while_it_is_used_there_without_pause_is_accepted_no_more(
        self, both: Both
    ) -> None:
        """Whatever was sent after the acknowledgement is refused: a node on a server needs a moment
        for that, which `scripts/prove_interleavings.py` looks at.
        """
        _ = both[1].sqlite
        await both[0].register()
        holder, other = await known_there(both)
        statuses: list[int] = []
        acknowledged = 10**9

        async def hammer() -> None:
            while len(statuses) < acknowledged + 100:
                begun = len(statuses)
                statuses.append(0)
                statuses[begun] = (await other.get("/profile")).status_code
                await asyncio.sleep(0)

        async def end() -> None:
            nonlocal acknowledged
            while len(statuses) < 100:  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert (await holder.post("/auth/logout")).status_code == 200
            acknowledged = len(statuses)

        await asyncio.gather(*(hammer() for _ in range(8)), end())
        assert set(statuses[:100]) == {200}
        assert set(statuses[acknowledged:]) == {401}


class TestWhatChangesHere:
    async def test_a03_a_role_holds_there_on_the_very_next_request(self, both: Both) -> None:
        admin = await as_admin(both)
        person = await both[0].register()
        _, other = await known_there(both)
        for role, status in (("admin", 200), ("user", 403), ("admin", 200)):
            path = f"/users/{person.user['id']}/role"
            assert (await admin.request("PUT", path, json={"role": role})).status_code == 200
            assert (await other.get("/users")).status_code == status
            assert (await other.get("/profile")).json()["user"]["role"] == role

    async def test_a_name_is_seen_there(self, both: Both) -> None:
        await both[0].register()
        holder, other = await known_there(both)
        await holder.request("PATCH", "/profile", json={"name": "Ada"})
        assert (await other.get("/profile")).json()["user"]["name"] == "Ada"

    async def test_s01_a_new_proof_leaves_the_former_tokens_dead_there(self, both: Both) -> None:
        await both[0].register()
        for transport, told in (("body", "TOKEN_EXPIRED"), ("session", "SESSION_REVOKED")):
            holder, other = await known_there(both, transport=transport)
            fresh = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
            assert fresh.status_code == 200
            assert (await other.get("/profile")).json()["code"] == told
            now = elsewhere(holder, both[1])
            now.access = fresh.json().get("accessToken")
            assert (await now.get("/profile")).status_code == 200

    async def test_a_person_who_registers_here_is_known_there(self, both: Both) -> None:
        here, there = both
        await here.register()
        assert (await (await there.sign_in()).get("/profile")).status_code == 200

    async def test_a_disabled_account_that_is_enabled_can_sign_in_there(self, both: Both) -> None:
        admin = await as_admin(both)
        person = await both[0].register()
        path = f"/users/{person.user['id']}/status"
        for status in ("disabled", "active"):
            await admin.request("PUT", path, json={"status": status})
        assert (await (await both[1].sign_in()).get("/profile")).status_code == 200

    async def test_b05_failures_here_lock_the_account_there(self, tmp_path: Path) -> None:
        async with two_hearing(tmp_path, limit_auth=None, limit_sign_in=None) as (here, there):
            await here.register()
            wrong = {"email": "ada@example.com", "password": "a guess of a phrase"}
            for server in (here, there, here, there, here):
                answer = await server.client().post("/auth/login", json=wrong)
                assert answer.status_code == 401
            right = wrong | {"password": PASSWORD}
            for server in (here, there):
                answer = await server.client().post("/auth/login", json=right)
                assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_ATTEMPTS")

    async def test_b05_failures_are_counted_still_after_a_restart(self, tmp_path: Path) -> None:
        wrong = {"email": "ada@example.com", "password": "a guess of a phrase"}
        off: dict[str, Any] = {"limit_auth": None, "limit_sign_in": None}
        async with serving(tmp_path, **off) as server:
            await server.register()
            for _ in range(5):
                await server.client().post("/auth/login", json=wrong)
            require_counters_in_the_database(server.core)
            path = server.core.settings.database
            (row,) = rows(path, "SELECT * FROM lockouts")
            assert (row["locks"], row["consecutive"]) == (1, 5)
        async with serving(tmp_path, seed=1, **off) as server:
            right = wrong | {"password": PASSWORD}
            assert (await server.client().post("/auth/login", json=right)).status_code == 429


class TestIdleTime:
    """Two processes that each see a part of what a session does."""

    IDLE = 14 * DAY

    async def test_s13_uses_here_keep_it_alive_there(self, both: Both) -> None:
        await both[0].register()
        holder, other = await known_there(both, transport="session")
        for _ in range(5):
            both[0].clock.advance(5 * DAY)
            assert (await holder.get("/profile")).status_code == 200
            await both[0].core.services.standings.flush()
        assert (await other.get("/profile")).status_code == 200

    async def test_s13_uses_there_are_not_overwritten_by_older_ones_here(self, both: Both) -> None:
        here, there = both
        await here.register()
        holder, other = await known_there(both, transport="session")
        here.clock.advance(HOUR)
        assert (await holder.get("/profile")).status_code == 200
        here.clock.advance(HOUR)
        assert (await other.get("/profile")).status_code == 200
        await there.core.services.standings.flush()
        await here.core.services.standings.flush()
        assert session_row(here, holder.session_id)["last_seen_at"] == here.clock.now()

    async def test_s13_that_has_run_out_has_run_out_everywhere(self, both: Both) -> None:
        await both[0].register()
        holder, other = await known_there(both, transport="session")
        both[0].clock.advance(self.IDLE - 1)
        assert (await other.get("/profile")).status_code == 200
        await both[1].core.services.standings.flush()
        both[0].clock.advance(self.IDLE)
        for someone in (holder, other):
            assert (await someone.get("/profile")).json()["code"] == "SESSION_EXPIRED"

    async def test_s13_of_a_use_that_was_not_written_down_yet_is_the_same_once_it_is(
        self, both: Both
    ) -> None:
        """At its very end the process that saw the use says so, and the other one believes it."""
        await both[0].register()
        holder, other = await known_there(both, transport="session")
        both[0].clock.advance(MINUTE)
        assert (await holder.get("/profile")).status_code == 200
        both[0].clock.advance(self.IDLE - 1)
        assert (await holder.get("/profile")).status_code == 200
        assert (await other.get("/profile")).status_code == 200


class TestSigningKeys:
    async def rotate(self, server: Server) -> str:
        return await server.core.services.keyring.rotate(RequestTrace())

    async def test_x08_a_new_one_here_is_accepted_there_at_once(self, both: Both) -> None:
        await both[0].register()
        await known_there(both)
        for times in (1, 2):  # after the second, it has not been published there ahead
            for _ in range(times):
                await self.rotate(both[0])
            await known_there(both)

    async def test_x08_a_new_one_here_refuses_nothing_there(self, both: Both) -> None:
        await both[0].register()
        _, known = await known_there(both)
        unseen = elsewhere(await both[0].sign_in(), both[1])
        for _ in range(3):
            await self.rotate(both[0])
        both[0].clock.advance(TTL - 1)
        for holder in (known, unseen):
            assert (await holder.get("/profile")).status_code == 200

    async def test_x08_a_former_one_is_refused_everywhere_after_its_end(self, both: Both) -> None:
        kids = [await self.jwks(server) for server in both]
        assert kids[0] == kids[1]
        await self.rotate(both[0])
        former = kids[0] - {await self.rotate(both[0])}
        both[0].clock.advance(TTL + MINUTE)
        for server in both:
            assert not former & await self.jwks(server)

    async def jwks(self, server: Server) -> set[str]:
        await server.core.housekeeper.hear()
        answer = await server.client().get("/.well-known/jwks.json")
        return {key["kid"] for key in answer.json()["keys"]}

    async def test_x08_rotated_under_load_refuse_nobody(self, both: Both) -> None:
        here, _ = both
        await here.register()
        holders = [await here.sign_in() for _ in range(4)]
        statuses: list[int] = []

        async def use(holder: Holder, server: Server) -> None:
            there = elsewhere(holder, server)
            for number in range(40):
                statuses.append((await there.get("/profile")).status_code)
                if number % 10 == 9:
                    statuses.append((await there.refresh()).status_code)

        async def turn() -> None:
            for number in range(8):
                await later(20, self.rotate(both[number % 2]))

        await asyncio.gather(
            *(use(holder, both[number % 2]) for number, holder in enumerate(holders)), turn()
        )
        assert set(statuses) == {200}


class TestTheSecret:
    """WATCHWORD_SECRET=new,former while it is replaced."""

    async def test_replaced_in_two_steps_signs_nobody_out(self, tmp_path: Path) -> None:
        async with serving(tmp_path, secret=(OLD,), **UNLIMITED) as server:
            await server.register()
            held = [await server.sign_in(transport=t) for t in ("body", "cookie", "session")]
        async with serving(tmp_path, secret=(NEW, OLD), seed=1, **UNLIMITED) as server:
            held = [elsewhere(holder, server) for holder in held]
            for holder in held:
                assert (await holder.get("/profile")).status_code == 200
            body, cookie, session = held
            assert (await body.refresh()).status_code == 200
            fresh = await cookie.post("/auth/refresh", json={})
            assert fresh.status_code == 200
            cookie.access = fresh.json()["accessToken"]
            proof = await session.post("/auth/reauthenticate", json={"password": PASSWORD})
            assert proof.status_code == 200
        async with serving(tmp_path, secret=(NEW,), seed=2, **UNLIMITED) as server:
            for holder in (body, cookie, session):
                assert (await elsewhere(holder, server).get("/profile")).status_code == 200
            assert (await elsewhere(body, server).refresh()).status_code == 200

    async def test_replaced_in_one_step_does_not_start_and_says_why(self, tmp_path: Path) -> None:
        async with serving(tmp_path, secret=(OLD,), **UNLIMITED) as server:
            await server.register()
            holder = await server.sign_in()
        with pytest.raises(Unavailable, match="WATCHWORD_SECRET=new,former"):
            await self.start(tmp_path)
        left = {thread.name for thread in threading.enumerate()}
        assert not {name for name in left if name.startswith(("watchword", "hashing"))}
        async with serving(tmp_path, secret=(OLD,), seed=1, **UNLIMITED) as server:
            assert (await elsewhere(holder, server).refresh()).status_code == 200

    async def start(self, folder: Path) -> None:
        async with serving(folder, secret=(NEW,), **UNLIMITED):
            raise AssertionError
