"""Passkeys over the wire: a browser and the authenticator in it, honest unless told to lie."""

from typing import Any

import httpx2

from tests.driving import ORIGIN, Holder, Server
from tests.web.contract import accepted
from watchword.testing.authenticator import HONEST, Behaviour, SoftwareAuthenticator

SIGNED_IN = (
    *("message", "user", "session", "accessToken", "tokenType", "expiresIn", "refreshToken"),
)


def an_authenticator(seed: int = 1, **more: Any) -> SoftwareAuthenticator:
    return SoftwareAuthenticator(ORIGIN, seed=seed, **more)


async def creation_options(holder: Holder) -> dict[str, Any]:
    answer = await holder.post("/auth/passkeys/register/options")
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = answer.json()
    return options


async def try_to_add(
    holder: Holder,
    authenticator: SoftwareAuthenticator,
    behaviour: Behaviour = HONEST,
    **more: Any,
) -> httpx2.Response:
    credential = authenticator.create(await creation_options(holder), behaviour)
    return await holder.post("/auth/passkeys/register", json={"credential": credential, **more})


async def add(
    holder: Holder,
    authenticator: SoftwareAuthenticator,
    behaviour: Behaviour = HONEST,
    **more: Any,
) -> dict[str, Any]:
    """The passkey, as the wire shows it."""
    answer = await try_to_add(holder, authenticator, behaviour, **more)
    passkey: dict[str, Any] = accepted(answer, 201, "message", "passkey")["passkey"]
    return passkey


async def request_options(server: Server, **body: Any) -> dict[str, Any]:
    answer = await server.client().post("/auth/passkeys/login/options", json=body)
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = answer.json()
    return options


async def post_assertion(
    server: Server, credential: object, *, ip: str = "198.51.100.7", **more: Any
) -> httpx2.Response:
    body = {"credential": credential, "transport": "body", **more}
    return await server.client(ip).post("/auth/passkeys/login", json=body)


async def try_to_sign_in(
    server: Server,
    authenticator: SoftwareAuthenticator,
    behaviour: Behaviour = HONEST,
    **more: Any,
) -> httpx2.Response:
    options = await request_options(server)
    return await post_assertion(server, authenticator.get(options, behaviour), **more)


async def sign_in(
    server: Server,
    authenticator: SoftwareAuthenticator,
    behaviour: Behaviour = HONEST,
    **more: Any,
) -> Holder:
    answer = await try_to_sign_in(server, authenticator, behaviour, **more)
    return Holder(server.client(), accepted(answer, 200, *SIGNED_IN))
