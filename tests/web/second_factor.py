"""People with a second factor: an app that makes codes, and the steps that it takes to have one."""

from dataclasses import dataclass, field
from typing import Any

import httpx2
from pyotp import TOTP

from tests.driving import PASSWORD, Holder, Server
from watchword.domain.time import SECOND

STEP = 30 * SECOND
EMAIL = "ada@example.com"


def clock_seconds(server: Server) -> int:
    return server.clock.now() // SECOND


@dataclass
class Phone:
    """The app of one person, on a phone whose clock is right."""

    server: Server
    secret: str
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, *, steps_ago: int = 0) -> str:
        at = clock_seconds(self.server) - steps_ago * STEP // SECOND
        return TOTP(self.secret).at(at)

    def next_code(self) -> str:
        """One that nobody has used, once the time for it has come."""
        self.server.clock.advance(STEP)
        return self.code()

    def wrong_code(self) -> str:
        """Six digits of no step that is near."""
        near = {self.code(steps_ago=steps) for steps in range(-2, 4)}
        return next(code for code in map("{:06}".format, range(10)) if code not in near)


async def enrol(server: Server, holder: Holder) -> Phone:
    answer = await holder.post("/auth/mfa/enable", json={})
    assert answer.status_code == 200, answer.text
    phone = Phone(server, answer.json()["secret"])
    answer = await holder.post("/auth/mfa/verify", json={"code": phone.code()})
    assert answer.status_code == 200, answer.text
    phone.recovery_codes = answer.json()["recoveryCodes"]
    return phone


async def somebody(server: Server, email: str = EMAIL) -> tuple[Phone, Holder]:
    """An account with a second factor, and the session that turned it on."""
    await server.register(email)
    holder = await server.sign_in(email)
    return await enrol(server, holder), holder


async def login(
    server: Server, email: str = EMAIL, client: httpx2.AsyncClient | None = None, **more: Any
) -> httpx2.Response:
    client = client or server.client(more.pop("ip", "198.51.100.7"))
    body = {"email": email, "password": PASSWORD, "transport": "body", **more}
    return await client.post("/auth/login", json=body)


async def token_of(server: Server, **more: Any) -> str:
    """After the right password, what leads on."""
    answer = await login(server, **more)
    assert answer.status_code == 401, answer.text
    return str(answer.json()["mfaToken"])


async def complete(server: Server, token: str, **proof: Any) -> httpx2.Response:
    return await server.client().post("/auth/mfa/complete", json={"mfaToken": token, **proof})
