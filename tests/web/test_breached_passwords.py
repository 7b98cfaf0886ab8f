"""A breached password as a client sees it, with a server of the range protocol behind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.breaches.server import RangeServer, digest_of, http, listing, range_server
from tests.driving import PASSWORD, Server, serving
from tests.web.contract import fields_of, refused
from watchword.ports import RequestTrace

STOLEN = "a phrase that was stolen elsewhere"
NEW = {"email": "new@example.com", "password": STOLEN}


@pytest.fixture
async def source() -> AsyncIterator[RangeServer]:
    async with range_server(listing(STOLEN)) as source:
        yield source


@pytest.fixture
async def server(source: RangeServer, tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, breach_url=source.url) as running:
        yield running


async def test_registering_with_one_is_refused_with_the_reason(server: Server) -> None:
    problem = refused(
        await server.client().post("/auth/register", json=NEW), 422, "PASSWORD_BLOCKED"
    )
    assert fields_of(problem) == ["password"]
    assert "data breach" in problem["detail"]


async def test_changing_to_one_is_refused_with_the_reason(server: Server) -> None:
    await server.register()
    holder = await server.sign_in()
    body = {"currentPassword": PASSWORD, "newPassword": STOLEN}
    problem = refused(
        await holder.post("/auth/change-password", json=body), 422, "PASSWORD_BLOCKED"
    )
    assert fields_of(problem) == ["newPassword"]


async def test_setting_up_with_one_is_refused_and_a_guess_asks_nobody(
    server: Server, source: RangeServer
) -> None:
    client = server.client()
    answer = await client.post("/auth/setup", json={"token": "guessed", **NEW})
    assert answer.json()["code"] == "INVALID_OR_EXPIRED_LINK"
    assert source.requests == []
    token = await server.core.services.setup.make_link(RequestTrace())
    answer = await client.post("/auth/setup", json={"token": token, **NEW})
    assert fields_of(refused(answer, 422, "PASSWORD_BLOCKED")) == ["password"]
    assert len(source.requests) == 1


async def test_e03_one_is_refused_alike_whether_or_not_the_address_is_taken(
    server: Server, source: RangeServer
) -> None:
    await server.register()
    client = server.client()
    told = []
    for email in ("ada@example.com", "new@example.com"):
        source.requests.clear()
        answer = await client.post("/auth/register", json={**NEW, "email": email})
        told.append((answer.status_code, answer.json()["detail"], len(source.requests)))
    assert told[0] == told[1] == (422, told[0][1], 1)


async def test_x05_a_source_that_is_broken_keeps_nobody_out_and_tells_nothing(
    server: Server, source: RangeServer
) -> None:
    source.answer = lambda _: http(b"", status="500 Internal Server Error")
    answer = await server.client().post("/auth/register", json=NEW)
    assert answer.status_code == 201
    (line,) = [fields for event, fields in server.log.events if event == "breach_check_unanswered"]
    assert line == {"setting": "WATCHWORD_BREACH_URL", "reason": "The answer has the status 500."}
    assert digest_of(STOLEN)[:5] not in str(server.log.events)
    figures = (await server.client("127.0.0.1").get("/metrics")).text
    assert 'watchword_breach_checks_total{outcome="unanswered"} 1.0' in figures


async def test_signing_in_asks_nobody(server: Server, source: RangeServer) -> None:
    await server.register()
    source.requests.clear()
    await server.sign_in()
    assert source.requests == []
