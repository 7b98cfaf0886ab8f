"""kill -9 under load: what was acknowledged is there when the server comes back (attack X09)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder
from tests.kept import rows
from tests.proof.processes import Serving, a_client
from watchword.testing import SeededRandomness

SESSIONS, VICTIMS = 6, 25


@dataclass
class Ledger:
    """What the server has said yes to. ``asked`` is what it was asked and has not answered."""

    registered: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)
    revoked: dict[str, Holder] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    acknowledged: int = 0


class Load:
    """Clients that ask without pause until the server is gone, and note every answer."""

    def __init__(self, address: str, stack: AsyncExitStack, ledger: Ledger) -> None:
        self.address = address
        self.stack = stack
        self.ledger = ledger

    async def client(self) -> httpx2.AsyncClient:
        return await self.stack.enter_async_context(a_client(self.address))

    async def sign_in(self, email: str) -> Holder:
        client = await self.client()
        body = {"email": email, "password": PASSWORD, "transport": "body"}
        answer = await client.post("/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        return Holder(client, answer.json())

    async def until_it_is_gone(self, ask: Callable[[int], Awaitable[None]]) -> None:
        number = 0
        with suppress(httpx2.TransportError):
            while True:
                await ask(number)
                self.ledger.acknowledged += 1
                number += 1

    async def register(self, who: str) -> None:
        client = await self.client()

        async def ask(number: int) -> None:
            email = f"{who}{number}@example.com"
            body = {"email": email, "password": PASSWORD}
            answer = await client.post("/auth/register", json=body)
            assert answer.status_code == 201, answer.text
            self.ledger.registered.add(email)

        await self.until_it_is_gone(ask)

    async def refresh(self, holder: Holder) -> None:
        async def ask(_: int) -> None:
            answer = await holder.refresh()
            assert answer.status_code == 200, answer.text
            self.ledger.tokens[holder.session_id] = holder.refresh_token

        self.ledger.tokens[holder.session_id] = holder.refresh_token
        await self.until_it_is_gone(ask)

    async def revoke(self, own: Holder, victims: list[Holder]) -> None:
        async def ask(_: int) -> None:
            victim = victims.pop()
            answer = await own.request("DELETE", f"/sessions/{victim.session_id}")
            assert answer.status_code == 200, answer.text
            self.ledger.revoked[victim.session_id] = victim
            if not victims:
                raise httpx2.TransportError("nobody is left")

        await self.until_it_is_gone(ask)

    async def change_roles(self, admin: Holder, user_ids: list[str]) -> None:
        async def ask(number: int) -> None:
            user_id = user_ids[number % len(user_ids)]
            role = "admin" if number // len(user_ids) % 2 == 0 else "user"
            self.ledger.asked[user_id] = role
            path = f"/users/{user_id}/role"
            answer = await admin.request("PUT", path, json={"role": role})
            assert answer.status_code == 200, answer.text
            self.ledger.roles[user_id] = self.ledger.asked.pop(user_id)

        await self.until_it_is_gone(ask)


async def prepare(load: Load, who: str) -> tuple[Holder, list[Holder], list[Holder], list[str]]:
    """An administrator, sessions to refresh, sessions to end, and users to promote."""
    admin = await load.sign_in("root@example.com")
    people: list[str] = []
    client = await load.client()
    for number in range(3):
        email = f"{who}{number}@example.com"
        body = {"email": email, "password": PASSWORD}
        answer = await client.post("/auth/register", json=body)
        people.append(answer.json()["user"]["id"])
    signed_in = await asyncio.gather(
        *(load.sign_in(f"{who}0@example.com") for _ in range(SESSIONS + VICTIMS))
    )
    return admin, signed_in[:SESSIONS], signed_in[SESSIONS:], people


async def kill_after(server: Serving, ledger: Ledger, count: int) -> None:
    while ledger.acknowledged < count:  # noqa: ASYNC110  the moment is a number of answers
        await asyncio.sleep(0)
    server.kill()


async def require_kept(address: str, ledger: Ledger, database: Path) -> None:
    found = {row["email_key"] for row in rows(database, "SELECT email_key FROM users")}
    assert ledger.registered <= found
    async with AsyncExitStack() as stack:
        load = Load(address, stack, ledger)
        client = await load.client()
        for token in ledger.tokens.values():
            answer = await client.post("/auth/refresh", json={"refreshToken": token})
            assert answer.status_code == 200, answer.text
        for victim in ledger.revoked.values():
            await require_refused(client, victim)
        for email in sorted(ledger.registered)[:2]:
            await load.sign_in(email)
        admin = await load.sign_in("root@example.com")
        for user_id, role in ledger.roles.items():
            answer = await admin.get(f"/users/{user_id}")
            assert answer.json()["user"]["role"] in {role, ledger.asked.get(user_id)}


async def require_refused(client: httpx2.AsyncClient, victim: Holder) -> None:
    answer = await client.get("/profile", headers=victim.headers())
    assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_REVOKED")
    body = {"refreshToken": victim.refresh_token}
    answer = await client.post("/auth/refresh", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "SESSION_REVOKED")


@pytest.mark.parametrize(("workers", "rounds"), [(1, 2), (2, 1)])
async def test_x09_kill_9_during_load_loses_nothing_that_was_acknowledged(
    tmp_path: Path, workers: int, rounds: int
) -> None:
    chance = SeededRandomness(workers)
    database = tmp_path / "watchword-data" / "watchword.db"
    settings: dict[str, Any] = {"workers": workers, "WATCHWORD_REFRESH_GRACE": "60s"}
    server = Serving(tmp_path, **settings)
    try:
        address = await server.ready()
        for number in range(rounds):
            ledger = Ledger()
            async with AsyncExitStack() as stack:
                load = Load(address, stack, ledger)
                admin, holders, victims, people = await prepare(load, f"person{number}-")
                sessions = rows(database, "SELECT id FROM sessions")
                count = 50 + chance.bytes(1)[0]
                await asyncio.gather(
                    load.register(f"new{number}-"),
                    *(load.refresh(holder) for holder in holders),
                    load.revoke(holders[0], victims),
                    load.change_roles(admin, people),
                    kill_after(server, ledger, count),
                )
            assert ledger.acknowledged >= count
            assert ledger.revoked
            assert ledger.roles
            server = Serving(tmp_path, **settings)
            address = await server.ready()
            assert rows(database, "SELECT id FROM sessions") == sessions
            await require_kept(address, ledger, database)
    finally:
        server.kill()
