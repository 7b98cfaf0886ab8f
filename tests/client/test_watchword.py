"""The guard and a real Watchword, on real connections: what is ended there is refused here."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from uvicorn.server import Server as UvicornServer

from tests.client.network import OurTime, Relay
from tests.client.service import (
    ADMITTED,
    EXPIRED,
    INVALID,
    REVOKED,
    TOKEN,
    UNAVAILABLE,
    Watched,
)
from tests.driving import ORIGIN, PASSWORD, Holder, Server, serving
from watchword.cli.protocol import Connection, ServerConfig
from watchword.client.guard import Options
from watchword.crypto.secret import Secret
from watchword.domain.sessions import EndReason
from watchword.domain.time import SECOND
from watchword.ports import RequestTrace

NEW_PASSWORD = "marble otter lantern quay"
OFF: dict[str, Any] = dict.fromkeys(("limit_auth", "limit_sign_in", "lockout_policy"))


class Quiet(UvicornServer):
    """Leaves the signals to the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(server: Server, port: int = 0) -> AsyncIterator[tuple[int, Quiet]]:
    with socket.create_server(("127.0.0.1", port)) as listener:
        config = ServerConfig(
            server.app, http=Connection, lifespan="off", log_config=None, proxy_headers=False
        )
        running = Quiet(config)
        task = asyncio.create_task(running.serve([listener]))
        try:
            yield listener.getsockname()[1], running
        finally:
            running.should_exit = True
            await task


class House:
    """A Watchword, a guard that follows it, and what lies between."""

    def __init__(self, server: Server, service: Watched, relay: Relay, time: OurTime) -> None:
        self.server = server
        self.service = service
        self.relay = relay
        self.time = time

    async def enter(self, email: str = "ada@example.com") -> Holder:
        await self.server.register(email)
        holder = await self.server.sign_in(email)
        assert await self.service.verdict(holder.access) == ADMITTED
        return holder

    async def refreshed(self, holder: Holder) -> tuple[int, str | None]:
        self.server.clock.advance(2 * SECOND)
        assert (await holder.refresh()).status_code == 200
        return await self.service.verdict(holder.access)


@asynccontextmanager
async def a_house(folder: Path, **options: Any) -> AsyncIterator[House]:
    tokens = (Secret(b"another-token-of-the-services-while-rotating"), Secret(TOKEN.encode()))
    async with (
        serving(folder, service_tokens=tokens, **OFF) as server,
        listening(server) as (port, _),
    ):
        relay = Relay(port)
        between = await asyncio.start_server(relay.carry, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{between.sockets[0].getsockname()[1]}"
        time = OurTime(server.clock.now)
        chosen = {"bound": 30_000, "address": address, "time": time, **options}
        service = Watched(ORIGIN, Options(**chosen))
        async with service.guard.running():
            await service.hears_a_beat()
            try:
                yield House(server, service, relay, time)
            finally:
                relay.flows.set()
        await service.client.aclose()
        between.close()
        relay.cut()
        await between.wait_closed()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path) as one:
        yield one


class TestWhatIsEndedThereIsRefusedHere:
    async def test_a_sign_out(self, house: House) -> None:
        ada = await house.enter()
        await ada.post("/auth/logout", json={"refreshToken": ada.refresh_token})
        await house.service.hears_of("session", ada.session_id)
        assert await house.service.verdict(ada.access) == REVOKED

    async def test_a_sign_out_everywhere(self, house: House) -> None:
        ada, again = await house.enter(), await house.server.sign_in()
        assert await house.service.verdict(again.access) == ADMITTED
        await ada.post("/auth/logout-all")
        for holder in (ada, again):
            await house.service.hears_of("session", holder.session_id)
            assert await house.service.verdict(holder.access) == REVOKED

    async def test_all_sessions_but_this_one(self, house: House) -> None:
        ada, again = await house.enter(), await house.server.sign_in()
        await ada.request("DELETE", "/sessions")
        await house.service.hears_of("session", again.session_id)
        assert await house.service.verdict(again.access) == REVOKED
        assert await house.service.verdict(ada.access) == ADMITTED

    async def test_a_change_of_role_is_in_force_with_the_refreshed_token(
        self, house: House
    ) -> None:
        await house.server.register_admin()
        root, ada = await house.server.sign_in("root@example.com"), await house.enter()
        user = ada.answer["user"]["id"]
        assert (await root.request("PUT", f"/users/{user}/role", json={"role": "admin"})).is_success
        await house.service.hears_of("user", user)
        assert await house.service.verdict(ada.access) == EXPIRED
        assert await house.refreshed(ada) == ADMITTED
        assert (await house.service.ask(ada.access)).json()["role"] == "admin"

    async def test_an_account_that_is_disabled_or_deleted(self, house: House) -> None:
        await house.server.register_admin()
        root = await house.server.sign_in("root@example.com")
        ada, bob = await house.enter(), await house.enter("bob@example.com")
        of_ada, of_bob = (f"/users/{holder.answer['user']['id']}" for holder in (ada, bob))
        off = {"status": "disabled"}
        assert (await root.request("PUT", f"{of_ada}/status", json=off)).is_success
        assert (await root.request("DELETE", of_bob)).is_success
        for holder in (ada, bob):
            await house.service.hears_of("session", holder.session_id)
            assert await house.service.verdict(holder.access) == REVOKED
            assert (await holder.refresh()).status_code == 401

    async def test_a_change_of_password_ends_the_others_and_renews_this_one(
        self, house: House
    ) -> None:
        ada, other = await house.enter(), await house.server.sign_in()
        words = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
        assert (await ada.post("/auth/change-password", json=words)).is_success
        await house.service.hears_of("session", other.session_id)
        await house.service.hears_of("user", ada.answer["user"]["id"])
        assert await house.service.verdict(other.access) == REVOKED
        assert await house.service.verdict(ada.access) == EXPIRED
        assert await house.refreshed(ada) == ADMITTED

    async def test_an_earlier_proof_of_who_one_is(self, house: House) -> None:
        ada = await house.enter()
        answer = await ada.post("/auth/reauthenticate", json={"password": PASSWORD})
        await house.service.hears_of("session", ada.session_id)
        assert await house.service.verdict(ada.access) == EXPIRED
        assert await house.service.verdict(answer.json()["accessToken"]) == ADMITTED

    async def test_what_another_process_on_the_same_file_ends(
        self, house: House, tmp_path: Path
    ) -> None:
        ada = await house.enter()
        async with serving(tmp_path, clock=house.server.clock, seed=1) as other:
            async with other.core.store.transaction() as unit:
                now = house.server.clock.now()
                await unit.sessions.end(ada.session_id, EndReason.REVOKED, now=now)
            await house.service.hears_of("session", ada.session_id)
        assert await house.service.verdict(ada.access) == REVOKED

    async def test_what_was_ended_before_the_guard_was_there(self, house: House) -> None:
        ada = await house.enter()
        await ada.post("/auth/logout")
        late = Watched(
            ORIGIN,
            Options(
                address=f"http://127.0.0.1:{house.relay.port}", time=OurTime(house.server.clock.now)
            ),
        )
        async with late.guard.running():
            assert await late.verdict(ada.access) == REVOKED
        await late.client.aclose()

    async def test_a_new_signing_key_is_taken_up_at_once(self, house: House) -> None:
        ada = await house.enter()
        await house.server.core.services.keyring.rotate(RequestTrace())
        assert (await ada.refresh()).status_code == 200
        assert await house.service.verdict(ada.access) == ADMITTED


class TestTheConnection:
    async def test_that_was_cut_is_taken_up_and_nothing_is_missed(self, house: House) -> None:
        ada = await house.enter()
        house.relay.cut()
        await ada.post("/auth/logout")
        await house.service.hears_of("session", ada.session_id)
        assert await house.service.verdict(ada.access) == REVOKED

    async def test_that_is_silent_ends_the_lease_until_there_is_a_new_one(
        self, house: House
    ) -> None:
        ada = await house.enter()
        house.relay.flows.clear()
        house.time.ahead += 30
        assert await house.service.verdict(ada.access) == UNAVAILABLE
        await ada.post("/auth/logout")
        house.relay.cut()
        house.relay.flows.set()
        await house.service.until(lambda: house.service.guard._follower.has_lease)
        assert await house.service.verdict(ada.access) == REVOKED

    async def test_to_a_server_that_ends_is_ended_in_good_order_and_found_again(
        self, tmp_path: Path
    ) -> None:
        async with a_house(tmp_path, bound=60_000) as house:
            ada = await house.enter()
            async with listening(house.server) as (port, running):
                house.relay.port = port
                house.relay.cut()
                await house.service.hears_a_beat()
                running.should_exit = True
                while running.server_state.connections:  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0)
            await ada.post("/auth/logout")
            async with listening(house.server, port):
                await house.service.hears_of("session", ada.session_id)
                assert await house.service.verdict(ada.access) == REVOKED

    async def test_that_is_open_does_not_hold_up_the_end_of_the_server(self, house: House) -> None:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with (
            listening(house.server) as (port, running),
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
            client.stream("GET", "/auth/revocations", headers=headers) as answer,
        ):
            pieces = answer.aiter_text()
            said = await anext(pieces)
            running.should_exit = True
            async for piece in pieces:  # its end is a whole one, or this raises
                said += piece
        assert said.startswith("event: hello")
        assert said.endswith("\n\n")


class TestAttacks:
    async def test_a_session_that_ended_is_refused_in_a_thousand_concurrent_requests(
        self, house: House
    ) -> None:
        ada = await house.enter()
        await ada.post("/auth/logout")
        await house.service.hears_of("session", ada.session_id)
        answers = [house.service.verdict(ada.access) for _ in range(1_000)]
        assert set(await asyncio.gather(*answers)) == {REVOKED}

    async def test_j10_other_tokens_of_ours_open_nothing(self, house: House) -> None:
        ada = await house.enter()
        for text in (ada.refresh_token, TOKEN, str(uuid.UUID(int=1))):
            assert await house.service.verdict(text) == INVALID

    async def test_j11_a_token_for_another_service_opens_nothing(
        self, house: House, tmp_path: Path
    ) -> None:
        ada = await house.enter()
        address = f"http://127.0.0.1:{house.relay.port}"
        options = Options(address=address, time=OurTime(house.server.clock.now))
        for other in (Watched(ORIGIN, options, audience="https://other.example"),
                      Watched("https://other.example", options)):  # fmt: skip
            async with other.guard.running():
                assert await other.verdict(ada.access) == INVALID
            await other.client.aclose()
