"""What the strict profile promises (docs/configuration.md, "Profiles"), seen over the wire."""

from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.driving import Holder, Server, serving
from tests.web.contract import events, fields_of, refused, rows
from tests.web.mailed import ADA, OPEN, ask_for, mail_to
from tests.web.passkeys import add, an_authenticator, try_to_sign_in
from tests.web.second_factor import Phone
from watchword.domain.time import DAY, HOUR, MINUTE
from watchword.ports import RequestTrace
from watchword.settings import Settings
from watchword.testing.authenticator import Behaviour

SHORT, LONG = "quarry-fern-98", "quarry-fern-980"  # 14 and 15 code points
EMOJI = "🦊🌵🎻🧭🛶🪁🧵🪴🫖🥁🪗🧲🛰️🪐"  # 15 code points


def strict_settings(folder: Path) -> dict[str, Any]:
    """As an operator gets them who writes nothing but the profile."""
    chosen = Settings.load({"WATCHWORD_PROFILE": "strict"}, directory=folder)
    kept = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    return {**{name: value for name, value in kept.items() if name != "data_dir"}, **OPEN}


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, **strict_settings(tmp_path)) as server:
        yield server


async def signed_in(server: Server, transport: str = "body") -> Holder:
    await server.register(ADA, LONG)
    return await server.sign_in(ADA, password=LONG, transport=transport)


async def login(server: Server, client: Any, **more: Any) -> Any:
    body = {"email": ADA, "password": LONG, "transport": "cookie", **more}
    return await client.post("/auth/login", json=body)


async def enrolled(server: Server, holder: Holder) -> Phone:
    secret = (await holder.post("/auth/mfa/enable", json={})).json()["secret"]
    phone = Phone(server, secret)
    answer = await holder.post("/auth/mfa/verify", json={"code": phone.code()})
    phone.recovery_codes = answer.json()["recoveryCodes"]
    return phone


class TestPasswords:
    @pytest.mark.parametrize("password", [LONG, EMOJI])
    async def test_of_fifteen_code_points_are_taken(self, password: str, strict: Server) -> None:
        assert len(password) == 15
        await strict.register(ADA, password)

    async def test_of_fourteen_are_refused_at_every_door(self, strict: Server) -> None:
        client, holder = strict.client(), await signed_in(strict)
        setup = await strict.core.services.setup.make_link(RequestTrace())
        await ask_for(strict, "forgot-password")
        reset = (await mail_to(strict, ADA)).token
        register = {"email": "bob@example.com", "password": SHORT}
        change = {"currentPassword": LONG, "newPassword": SHORT}
        for answer, field in (
            (await client.post("/auth/register", json=register), "password"),
            (await client.post("/auth/setup", json={**register, "token": setup}), "password"),
            (await holder.post("/auth/change-password", json=change), "newPassword"),
            (
                await client.post(
                    "/auth/reset-password", json={"token": reset, "newPassword": SHORT}
                ),
                "newPassword",
            ),
        ):
            assert fields_of(refused(answer, 422, "PASSWORD_TOO_SHORT")) == [field]
        assert (await strict.sign_in(ADA, password=LONG)).access


class TestSessions:
    async def test_have_no_grace(self, strict: Server) -> None:
        """Not even for a retry in the same millisecond."""
        holder = await signed_in(strict)
        first = holder.refresh_token
        await holder.refresh()
        refused(await holder.refresh(first), 401, "TOKEN_REUSED")
        refused(await holder.refresh(), 401, "SESSION_REVOKED")

    @pytest.mark.parametrize("transport", ["body", "session"])
    async def test_end_after_an_hour_of_rest(self, transport: str, strict: Server) -> None:
        holder = await signed_in(strict, transport)
        strict.clock.advance(HOUR)
        answer = await (holder.refresh() if transport == "body" else holder.get("/profile"))
        refused(answer, 401, "SESSION_EXPIRED")

    async def test_end_after_a_day_of_use(self, strict: Server) -> None:
        holder = await signed_in(strict, "session")
        for _ in range(DAY // (HOUR - MINUTE)):
            strict.clock.advance(HOUR - MINUTE)
            assert (await holder.get("/profile")).status_code == 200
        strict.clock.advance(DAY % (HOUR - MINUTE))
        refused(await holder.get("/profile"), 401, "SESSION_EXPIRED")


class TestSignInLinks:
    async def test_p12_are_none_and_nothing_is_mailed(self, strict: Server) -> None:
        await strict.register(ADA, LONG)
        client = strict.client()
        for path, body in (
            ("/auth/magic-link", {"email": ADA}),
            ("/auth/magic-link/complete", {"token": "t"}),
        ):
            answer = await client.post(path, json=body)
            refused(answer, 404, "NOT_FOUND")
            assert "set-cookie" not in answer.headers
        assert await strict.mails() == []

    async def test_of_before_sign_nobody_in(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **OPEN) as before:
            await before.register(ADA, LONG)
            browser = before.client()
            await browser.post("/auth/magic-link", json={"email": ADA})
            body, clock = {"token": (await before.mail()).token}, before.clock
        settings = strict_settings(tmp_path)
        async with serving(tmp_path, clock=clock, seed=1, **settings) as strict:
            client = strict.client()
            client.cookies.update(browser.cookies)
            answer = await client.post("/auth/magic-link/complete", json=body)
            refused(answer, 404, "NOT_FOUND")
            assert rows(strict, "SELECT * FROM sessions") == []


class TestTrustedBrowsers:
    async def test_are_none(self, strict: Server) -> None:
        phone, browser = await enrolled(strict, await signed_in(strict)), strict.client()
        trust = {"mfaCode": phone.next_code(), "trustDevice": True}
        assert (await login(strict, browser, **trust)).status_code == 200
        refused_first = await login(strict, browser)
        assert refused_first.json()["code"] == "MFA_REQUIRED"
        token = refused_first.json()["mfaToken"]
        body = {"mfaToken": token, "code": phone.next_code(), "trustDevice": True}
        assert (await browser.post("/auth/mfa/complete", json=body)).status_code == 200
        assert (await login(strict, browser)).json()["code"] == "MFA_REQUIRED"
        assert [e for e in events(strict) if e.type == "credential.device_trusted"] == []

    async def test_of_before_are_asked_again(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **OPEN) as before:
            phone, browser = await enrolled(before, await signed_in(before)), before.client()
            await login(before, browser, mfaCode=phone.next_code(), trustDevice=True)
            assert (await login(before, browser)).status_code == 200
            clock = before.clock
        settings = strict_settings(tmp_path)
        async with serving(tmp_path, clock=clock, seed=1, **settings) as strict:
            client = strict.client()
            client.cookies.update(browser.cookies)
            assert (await login(strict, client)).json()["code"] == "MFA_REQUIRED"


class TestPasskeys:
    async def test_w03_verify_their_person_also_those_of_before(self, tmp_path: Path) -> None:
        unverified, key = Behaviour(user_verified=False), an_authenticator()
        async with serving(tmp_path, **OPEN) as before:
            await add(await signed_in(before), key, unverified)
            clock = before.clock
        settings = strict_settings(tmp_path)
        async with serving(tmp_path, clock=clock, seed=1, **settings) as strict:
            answer = await try_to_sign_in(strict, key, unverified)
            refused(answer, 401, "INVALID_CREDENTIALS")
            assert (await try_to_sign_in(strict, key)).status_code == 200
