"""What a session says of how its person has shown who they are, for every way in and every proof.

One table: the methods (RFC 8176) that the access token, the profile and the audit event tell, and
the moment from which the proof is fresh (ASVS 6.8.4, 7.5.1, 10.3.4).
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import Written, change_rows, events, refused
from tests.web.mailed import OPEN, mail_to
from tests.web.passkeys import add, an_authenticator, post_assertion, request_options
from tests.web.second_factor import EMAIL, Phone, complete, login, somebody
from watchword.crypto import base64url
from watchword.domain.time import MINUTE
from watchword.ports import RequestTrace
from watchword.testing.authenticator import HONEST, Behaviour

UNVERIFIED = Behaviour(user_verified=False)
SYNCED = Behaviour(backup_eligible=True, backed_up=True)

Enter = Callable[[Server, str], Awaitable[httpx2.Response]]
"""The answer of a sign-in in a transport; the client that made it is the answer's own."""


TRANSPORTS = pytest.mark.parametrize("transport", ["body", "cookie", "session"])


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, **OPEN) as running:
        yield running


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Server]:
    """Its access tokens outlive the proof that they were given for."""
    async with serving(tmp_path, **OPEN, access_token_ttl=15 * MINUTE) as running:
        yield running


async def by_password(server: Server, transport: str) -> httpx2.Response:
    await server.register(EMAIL)
    return await login(server, transport=transport)


async def by_password_and_code(server: Server, transport: str) -> httpx2.Response:
    phone, _ = await somebody(server)
    return await login(server, transport=transport, mfaCode=phone.next_code())


async def half(server: Server, transport: str) -> tuple[Phone, str]:
    phone, _ = await somebody(server)
    answer = await login(server, transport=transport)
    return phone, answer.json()["mfaToken"]


async def by_password_then_code(server: Server, transport: str) -> httpx2.Response:
    phone, token = await half(server, transport)
    return await complete(server, token, code=phone.next_code())


async def by_password_then_recovery_code(server: Server, transport: str) -> httpx2.Response:
    phone, token = await half(server, transport)
    return await complete(server, token, recoveryCode=phone.recovery_codes[0])


async def trusted_browser(server: Server) -> tuple[Phone, httpx2.AsyncClient]:
    phone, _ = await somebody(server)
    browser, code = server.client(), phone.next_code()
    answer = await login(server, client=browser, transport="cookie", mfaCode=code, trustDevice=True)
    assert answer.status_code == 200, answer.text
    return phone, browser


async def mailed_link(server: Server) -> tuple[httpx2.AsyncClient, str]:
    """To an address that was confirmed before, so that the account keeps its password."""
    await change_rows(server, "UPDATE users SET email_verified = 1")
    browser = server.client()
    await browser.post("/auth/magic-link", json={"email": EMAIL})
    return browser, (await mail_to(server, EMAIL)).token


async def by_mail(server: Server, transport: str) -> httpx2.Response:
    await server.register(EMAIL)
    browser, token = await mailed_link(server)
    body = {"token": token, "transport": transport}
    return await browser.post("/auth/magic-link/complete", json=body)


async def by_mail_then_code(server: Server, transport: str) -> httpx2.Response:
    phone, _ = await somebody(server)
    browser, token = await mailed_link(server)
    body = {"token": token, "transport": transport}
    answer = await browser.post("/auth/magic-link/complete", json=body)
    return await complete(server, answer.json()["mfaToken"], code=phone.next_code())


def by_passkey(behaviour: Behaviour) -> Enter:
    async def enter(server: Server, transport: str) -> httpx2.Response:
        await server.register(EMAIL)
        key = an_authenticator()
        await add(await server.sign_in(EMAIL), key, behaviour)
        assertion = key.get(await request_options(server), behaviour)
        return await post_assertion(server, assertion, transport=transport)

    return enter


async def by_set_up(server: Server, transport: str) -> httpx2.Response:
    token = await server.core.services.setup.make_link(RequestTrace())
    body = {"token": token, "email": EMAIL, "password": PASSWORD, "transport": transport}
    return await server.client().post("/auth/setup", json=body)


WAYS: dict[str, tuple[Enter, list[str]]] = {
    "a password": (by_password, ["pwd"]),
    "a password with a code": (by_password_and_code, ["pwd", "otp", "mfa"]),
    "a password, then a code": (by_password_then_code, ["pwd", "otp", "mfa"]),
    "a password, then a recovery code": (
        by_password_then_recovery_code,
        ["pwd", "otp", "mfa"],
    ),
    "a mail": (by_mail, ["email"]),
    "a mail, then a code": (by_mail_then_code, ["email", "otp"]),
    "a security key": (by_passkey(HONEST), ["hwk", "user", "mfa"]),
    "a security key, touched alone": (by_passkey(UNVERIFIED), ["hwk", "user"]),
    "a synced passkey": (by_passkey(SYNCED), ["swk", "user", "mfa"]),
    "the set-up link": (by_set_up, ["pwd"]),
}
BY_EVERY_WAY = pytest.mark.parametrize("way", WAYS)


async def entered(server: Server, way: str, transport: str) -> Holder:
    answer = await WAYS[way][0](server, transport)
    assert answer.status_code == 200, answer.text
    client = server.client()
    client.cookies.update(answer.cookies)
    return Holder(client, answer.json())


def claims(holder: Holder) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(base64url.decode(holder.access.split(".")[1]))
    return told


async def methods_shown(holder: Holder) -> list[str]:
    shown: list[str] = (await holder.get("/profile")).json()["session"]["amr"]
    return shown


async def guarded(holder: Holder) -> httpx2.Response:
    """A step-up action that every account may take."""
    return await holder.post("/auth/change-email", json={"newEmail": "new@example.org"})


class TestEveryWayIn:
    @TRANSPORTS
    @BY_EVERY_WAY
    async def test_says_what_was_shown(self, way: str, transport: str, server: Server) -> None:
        holder = await entered(server, way, transport)
        methods = WAYS[way][1]
        assert holder.answer["session"]["amr"] == await methods_shown(holder) == methods
        if transport != "session":
            assert claims(holder)["amr"] == methods
        written = [e for e in events(server) if e.type == "session.signed_in"][-1]
        assert (written.session, written.details["amr"]) == (holder.session_id, " ".join(methods))

    @BY_EVERY_WAY
    async def test_is_a_fresh_proof_for_five_minutes(self, way: str, server: Server) -> None:
        holder = await entered(server, way, "session")
        server.clock.advance(5 * MINUTE - 1)
        assert (await guarded(holder)).status_code == 202
        server.clock.advance(1)
        refused(await guarded(holder), 403, "STEP_UP_REQUIRED")

    @BY_EVERY_WAY
    async def test_is_made_neither_fresher_nor_stronger_by_a_refresh(
        self, way: str, server: Server
    ) -> None:
        holder = await entered(server, way, "body")
        server.clock.advance(5 * MINUTE)
        assert (await holder.refresh()).status_code == 200
        assert claims(holder)["amr"] == await methods_shown(holder) == WAYS[way][1]
        refused(await guarded(holder), 403, "STEP_UP_REQUIRED")


async def grow_stale(server: Server, holder: Holder) -> None:
    server.clock.advance(5 * MINUTE)
    refused(await guarded(holder), 403, "STEP_UP_REQUIRED")


class TestAProofInASession:
    async def proven(
        self, server: Server, holder: Holder, methods: list[str], **proof: str
    ) -> None:
        """Fresh after it, with what it has shown besides."""
        answer = await holder.post("/auth/reauthenticate", json=proof)
        assert answer.status_code == 200, answer.text
        holder.access = answer.json().get("accessToken")
        assert answer.json()["session"]["amr"] == await methods_shown(holder) == methods
        assert holder.access is None or claims(holder)["amr"] == methods
        user_id, shown = holder.answer["user"]["id"], {"amr": " ".join(methods)}
        assert events(server)[-1] == Written(
            "session.reauthenticated", user_id, user_id, holder.session_id, shown
        )
        assert (await guarded(holder)).status_code == 202

    @pytest.mark.parametrize(
        ("way", "methods"),
        [
            ("a password", ["pwd"]),
            ("a mail", ["email", "pwd"]),
            ("a mail, then a code", ["email", "otp", "pwd", "mfa"]),
            ("a security key", ["hwk", "user", "mfa", "pwd"]),
            ("a security key, touched alone", ["hwk", "user", "pwd", "mfa"]),
        ],
    )
    @TRANSPORTS
    async def test_by_a_password_adds_it(
        self, way: str, methods: list[str], transport: str, patient: Server
    ) -> None:
        holder = await entered(patient, way, transport)
        await grow_stale(patient, holder)
        await self.proven(patient, holder, methods, password=PASSWORD)

    @pytest.mark.parametrize("transport", ["cookie", "session"])
    async def test_by_a_code_adds_it(self, transport: str, patient: Server) -> None:
        phone, browser = await trusted_browser(patient)
        answer = await login(patient, client=browser, transport=transport)
        holder = Holder(browser, answer.json())
        assert await methods_shown(holder) == ["pwd"]
        await grow_stale(patient, holder)
        await self.proven(patient, holder, ["pwd", "otp", "mfa"], code=phone.code())
