"""Whatever is good once: of fifty uses at the same time, by two workers on one file, one wins."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server
from tests.proof.stage import UNLIMITED, events, later, two_serving
from tests.web.mailed import NEW, OPEN, make
from tests.web.passkeys import add, an_authenticator, creation_options, request_options
from tests.web.second_factor import EMAIL, Phone, somebody, token_of
from watchword.ports import RequestTrace

pytestmark = pytest.mark.every_store
AT_ONCE = 50


class Scene(NamedTuple):
    one: Server
    other: Server

    def client(self, turn: int) -> httpx2.AsyncClient:
        """The workers take turns."""
        return (self.one, self.other)[turn % 2].client()


Use = Callable[[int], Coroutine[Any, Any, httpx2.Response]]
Prepare = Callable[[Scene], Awaitable[Use]]


def mailed(kind: str) -> Prepare:
    async def prepare(scene: Scene) -> Use:
        link = await make(scene.one, kind)

        async def use(turn: int) -> httpx2.Response:
            client = scene.client(turn)
            client.cookies.update(link.client.cookies)
            return await link.redeem(client=client)

        return use

    return prepare


async def set_up(scene: Scene) -> Use:
    token = await scene.one.core.services.setup.make_link(RequestTrace())

    async def use(turn: int) -> httpx2.Response:
        body = {"token": token, "email": f"root{turn}@example.com", "password": PASSWORD}
        return await scene.client(turn).post("/auth/setup", json={**body, "transport": "body"})

    return use


async def signed_in(
    scene: Scene, holder: Holder, turn: int, path: str, body: Any
) -> httpx2.Response:
    return await scene.client(turn).post(path, json=body, headers=holder.headers())


async def code_at_sign_in(scene: Scene) -> Use:
    phone, _ = await somebody(scene.one)
    body = {"email": EMAIL, "password": PASSWORD, "transport": "body"}
    body["mfaCode"] = phone.next_code()
    return lambda turn: scene.client(turn).post("/auth/login", json=body)


async def code_at_reauthentication(scene: Scene) -> Use:
    phone, holder = await somebody(scene.one)
    body = {"code": phone.next_code()}
    return lambda turn: signed_in(scene, holder, turn, "/auth/reauthenticate", body)


async def code_at_every_door(scene: Scene) -> Use:
    phone, holder = await somebody(scene.one)
    token, code = await token_of(scene.one), phone.next_code()
    login = {"email": EMAIL, "password": PASSWORD, "transport": "body", "mfaCode": code}

    async def use(turn: int) -> httpx2.Response:
        if turn % 3 == 0:
            return await scene.client(turn).post("/auth/login", json=login)
        if turn % 3 == 1:
            body = {"mfaToken": token, "code": code}
            return await scene.client(turn).post("/auth/mfa/complete", json=body)
        return await signed_in(scene, holder, turn, "/auth/reauthenticate", {"code": code})

    return use


async def first_code(scene: Scene) -> Use:
    await scene.one.register(EMAIL)
    holder = await scene.one.sign_in(EMAIL)
    answer = await holder.post("/auth/mfa/enable", json={})
    body = {"code": Phone(scene.one, answer.json()["secret"]).code()}
    return lambda turn: signed_in(scene, holder, turn, "/auth/mfa/verify", body)


async def recovery_code(scene: Scene) -> Use:
    phone, holder = await somebody(scene.one)
    body = {"recoveryCode": phone.recovery_codes[0]}
    return lambda turn: signed_in(scene, holder, turn, "/auth/mfa/disable", body)


async def recovery_code_and_token(scene: Scene) -> Use:
    phone, _ = await somebody(scene.one)
    body = {"mfaToken": await token_of(scene.one), "recoveryCode": phone.recovery_codes[0]}
    return lambda turn: scene.client(turn).post("/auth/mfa/complete", json=body)


async def mfa_token(scene: Scene) -> Use:
    """Every use brings a code that is good."""
    phone, _ = await somebody(scene.one)
    token, codes = await token_of(scene.one), phone.recovery_codes

    async def use(turn: int) -> httpx2.Response:
        body = {"mfaToken": token, "recoveryCode": codes[turn % len(codes)]}
        return await scene.client(turn).post("/auth/mfa/complete", json=body)

    return use


async def registration_challenge(scene: Scene) -> Use:
    await scene.one.register(EMAIL)
    holder = await scene.one.sign_in(EMAIL)
    credential = an_authenticator().create(await creation_options(holder))
    body = {"credential": credential}
    return lambda turn: signed_in(scene, holder, turn, "/auth/passkeys/register", body)


async def sign_in_challenge(scene: Scene) -> Use:
    await scene.one.register(EMAIL)
    authenticator = an_authenticator()
    await add(await scene.one.sign_in(EMAIL), authenticator)
    assertion = authenticator.get(await request_options(scene.one))
    body = {"credential": assertion, "transport": "body"}
    return lambda turn: scene.client(turn).post("/auth/passkeys/login", json=body)


RESET, SIGNED_IN = "credential.password_reset", "session.signed_in"
# What is good once, and the event of which one must be written, whoever is told what.
ONCE: dict[str, tuple[Prepare, str]] = {
    "verification link": (mailed("verification"), "account.email_verified"),
    "reset link": (mailed("reset"), RESET),
    "link to a new address": (mailed("new address"), "account.email_changed"),
    "magic link": (mailed("magic link"), SIGNED_IN),
    "invitation": (mailed("invitation"), RESET),
    "set-up link": (set_up, SIGNED_IN),
    "code at sign-in": (code_at_sign_in, SIGNED_IN),
    "code at re-authentication": (code_at_reauthentication, "session.reauthenticated"),
    "first code of an app": (first_code, "credential.mfa_enabled"),
    "recovery code": (recovery_code, "credential.recovery_code_used"),
    "recovery code and token": (recovery_code_and_token, "credential.recovery_code_used"),
    "half a sign-in": (mfa_token, SIGNED_IN),
    "challenge to register a passkey": (registration_challenge, "credential.passkey_added"),
    "challenge to sign in by a passkey": (sign_in_challenge, SIGNED_IN),
}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Nothing but its use stands between a thing and its second use."""
    settings = {**UNLIMITED, **OPEN, "limit_mfa": None, "max_sessions": 1_000}
    async with two_serving(tmp_path, **settings) as servers:
        yield Scene(*servers)


class TestOfFiftyUsesAtOnce:
    @pytest.mark.parametrize("what", ONCE)
    async def test_p01_b10_b11_w01_one_wins(self, what: str, scene: Scene) -> None:
        prepare, event = ONCE[what]
        use = await prepare(scene)
        before = len(events(scene.one, event))
        answers = await asyncio.gather(*(later(turn % 7, use(turn)) for turn in range(AT_ONCE)))
        told = [answer.status_code for answer in answers]
        won = [status for status in told if status < 300]
        assert len(won) == 1, told
        assert {status for status in told if status >= 300} <= {400, 401, 409, 422}
        assert len(events(scene.one, event)) == before + 1
        assert all(answer.status_code >= 400 for answer in [await use(0), await use(1)])

    async def test_b10_a_code_opens_one_door_of_all(self, scene: Scene) -> None:
        use = await code_at_every_door(scene)
        answers = await asyncio.gather(*(later(turn % 5, use(turn)) for turn in range(AT_ONCE)))
        assert [answer.status_code for answer in answers].count(200) == 1

    async def test_p01_the_password_is_the_winners(self, scene: Scene) -> None:
        """Whoever was told that theirs was set can sign in by it, and nobody else can."""
        link = await make(scene.one, "reset")

        async def use(turn: int) -> int:
            more = {"newPassword": f"{NEW} {turn}"}
            answer = await link.redeem(client=scene.client(turn), more=more)
            return turn if answer.status_code == 200 else -1

        turns = await asyncio.gather(*(later(n % 7, use(n)) for n in range(AT_ONCE)))
        (winner,) = (turn for turn in turns if turn >= 0)
        for turn in {winner, 0, 1, AT_ONCE - 1}:
            body = {"email": EMAIL, "password": f"{NEW} {turn}", "transport": "body"}
            answer = await scene.client(turn).post("/auth/login", json=body)
            assert answer.status_code == (200 if turn == winner else 401)
