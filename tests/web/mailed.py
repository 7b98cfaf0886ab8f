"""Links of every kind as their receivers have them: where each is redeemed, by whom, with what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from tests.driving import PASSWORD, Holder, Received, Server

NEW: Final = "marble otter lantern quay"
ADA: Final = "ada@example.com"
KINDS: Final = ("reset", "invitation", "verification", "new address", "magic link")
INVALID: Final = (400, "INVALID_OR_EXPIRED_LINK")
# What would otherwise end an attack before it came to the links.
OPEN: Final[dict[str, Any]] = {
    "limit_auth": None,
    "limit_sign_in": None,
    "limit_mail": None,
    "limit_mail_client": None,
}


@dataclass
class Mailed:
    """A link that was mailed, and the browser that may redeem it."""

    mail: Received
    user_id: str
    client: httpx2.AsyncClient
    path: str
    more: dict[str, str]

    async def redeem(
        self, *, client: httpx2.AsyncClient | None = None, more: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        body = {"token": self.mail.token, **self.more, **(more or {})}
        return await (client or self.client).post(self.path, json=body)


def verdict(answer: httpx2.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


async def mail_to(server: Server, address: str) -> Received:
    """The newest one with a link."""
    mails = [m for m in await server.mails() if m.to == address and "#token=" in m.text]
    return mails[-1]


async def ask_for(server: Server, what: str, email: str = ADA) -> None:
    answer = await server.client().post(f"/auth/{what}", json={"email": email})
    assert answer.status_code == 202, answer.text


async def make(server: Server, kind: str, email: str = ADA) -> Mailed:
    """An account with a link of this kind on its way. Its owner has signed in where that is what
    the link needs.
    """
    client = server.client()
    if kind == "invitation":
        return await _invited(server, email)
    user_id = str((await server.register(email)).user["id"])
    if kind == "reset":
        await ask_for(server, "forgot-password", email)
        path, more = "/auth/reset-password", {"newPassword": NEW}
    elif kind == "verification":
        await ask_for(server, "verify-email/resend", email)
        path, more = "/auth/verify-email", {}
    elif kind == "new address":
        owner, to = await server.sign_in(email), f"new-{email}"
        await owner.post("/auth/change-email", json={"newEmail": to})
        mail = await mail_to(server, to)
        return Mailed(mail, user_id, client, "/auth/verify-email", {})
    else:
        await client.post("/auth/magic-link", json={"email": email})
        path, more = "/auth/magic-link/complete", {"transport": "body"}
    return Mailed(await mail_to(server, email), user_id, client, path, more)


async def _invited(server: Server, email: str) -> Mailed:
    root = await administrator(server)
    answer = await root.post("/users", json={"email": email})
    assert answer.status_code == 201, answer.text
    mail, more = await mail_to(server, email), {"newPassword": NEW}
    user_id = answer.json()["user"]["id"]
    return Mailed(mail, user_id, server.client(), "/auth/reset-password", more)


async def administrator(server: Server) -> Holder:
    """Signed in; made if there is none."""
    if await server.core.services.setup.needs_admin():
        await server.register_admin()
    return await server.sign_in("root@example.com")


async def login(server: Server, email: str, password: str = PASSWORD) -> httpx2.Response:
    body = {"email": email, "password": password, "transport": "body"}
    return await server.client().post("/auth/login", json=body)
