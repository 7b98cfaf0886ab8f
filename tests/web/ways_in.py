"""Every way to sign in, gone from any address: what each has to show is made beforehand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import httpx2

from tests.driving import PASSWORD, Holder
from tests.web.federated import Browser, Scene, link
from tests.web.mailed import ADA, ask_for, mail_to
from tests.web.passkeys import add, an_authenticator, post_assertion, request_options
from tests.web.second_factor import enrol, token_of

Go = Callable[[str], Awaitable[httpx2.Response]]
"""To the door, from this address."""
Prepare = Callable[[Scene, Holder], Awaitable[Go]]


@dataclass(frozen=True)
class WayIn:
    """``refusal`` is its answer to a wrong proof, ``status`` that to a right one."""

    prepare: Prepare
    refusal: tuple[int, str]
    status: int = 200


async def by_password(scene: Scene, _: Holder) -> Go:
    body = {"email": ADA, "password": PASSWORD, "transport": "body"}
    return lambda ip: scene.server.client(ip).post("/auth/login", json=body)


async def by_second_factor(scene: Scene, ada: Holder) -> Go:
    """The first one was shown at home."""
    phone = await enrol(scene.server, ada)
    token = await token_of(scene.server, ip=HOME)

    async def go(ip: str) -> httpx2.Response:
        proof = {"mfaToken": token, "code": phone.next_code()}
        return await scene.server.client(ip).post("/auth/mfa/complete", json=proof)

    return go


async def by_magic_link(scene: Scene, _: Holder) -> Go:
    """To an address that was confirmed: else the first one would take the password away."""
    await ask_for(scene.server, "verify-email/resend")
    body = {"token": (await mail_to(scene.server, ADA)).token}
    await scene.server.client().post("/auth/verify-email", json=body)

    async def go(ip: str) -> httpx2.Response:
        browser = scene.server.client(ip)
        await browser.post("/auth/magic-link", json={"email": ADA})
        token = (await mail_to(scene.server, ADA)).token
        body = {"token": token, "transport": "body"}
        return await browser.post("/auth/magic-link/complete", json=body)

    return go


async def by_passkey(scene: Scene, ada: Holder) -> Go:
    authenticator = an_authenticator()
    await add(ada, authenticator)

    async def go(ip: str) -> httpx2.Response:
        credential = authenticator.get(await request_options(scene.server))
        return await post_assertion(scene.server, credential, ip=ip)

    return go


async def by_provider(scene: Scene, ada: Holder) -> Go:
    scene.become("ada-1", ADA)
    await link(scene, ada)
    return lambda ip: Browser(scene, scene.server.client(ip)).sign_in()


HOME: Final = "81.2.69.142"  # London
WAYS: Final = {
    "password": WayIn(by_password, (401, "INVALID_CREDENTIALS")),
    "second factor": WayIn(by_second_factor, (401, "MFA_INVALID")),
    "magic link": WayIn(by_magic_link, (400, "INVALID_OR_EXPIRED_LINK")),
    "passkey": WayIn(by_passkey, (401, "INVALID_CREDENTIALS")),
    "provider": WayIn(by_provider, (400, "OAUTH_FAILED"), status=303),
}
