"""Step-up: every action that the contract guards by a fresh proof, by every kind of session.

Invariant: the table is written by hand from the contract, so that an action which lost its guard is
noticed here, and not only in the route table.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server
from tests.web.contract import refused, rows
from tests.web.federated import Scene as Neighbours
from tests.web.federated import beside, link
from tests.web.mailed import OPEN
from tests.web.passkeys import add, an_authenticator, creation_options
from tests.web.second_factor import Phone, enrol
from watchword.domain.time import MINUTE
from watchword.web.app import ROUTES

ROOT = "root@example.com"
TRANSPORTS = pytest.mark.parametrize("transport", ["body", "cookie", "session"])


class Scene(NamedTuple):
    """Root is signed in, and is not the only administrator. ``own`` is the id of what the act is
    about, ``phone`` the app, where one is on.
    """

    server: Server
    root: Holder
    own: str
    phone: Phone | None


Body = Callable[[Scene], Awaitable[dict[str, Any]]]


class Act(NamedTuple):
    route: str
    status: int
    body: Body
    has_app: bool = False
    about: str = "user"


async def nothing(_: Scene) -> dict[str, Any]:
    return {}


async def new_address(_: Scene) -> dict[str, Any]:
    return {"newEmail": "new@example.org"}


async def role(_: Scene) -> dict[str, Any]:
    return {"role": "user"}


async def recovery_code(scene: Scene) -> dict[str, Any]:
    assert scene.phone is not None
    return {"recoveryCode": scene.phone.recovery_codes[0]}


async def credential(scene: Scene) -> dict[str, Any]:
    return {"credential": an_authenticator(2).create(await creation_options(scene.root))}


ACTS = {
    act.route: act
    for act in (
        Act("POST /auth/change-email", 202, new_address),
        Act("POST /auth/mfa/enable", 200, nothing),
        Act("POST /auth/mfa/disable", 200, recovery_code, has_app=True),
        Act("POST /auth/mfa/recovery-codes", 200, nothing, has_app=True),
        Act("POST /auth/passkeys/register/options", 200, nothing),
        Act("POST /auth/passkeys/register", 201, credential),
        Act("DELETE /auth/passkeys/{id}", 200, nothing, about="passkey"),
        Act("POST /auth/{provider}/link", 200, nothing),
        Act("DELETE /auth/identities/{id}", 200, nothing, about="identity"),
        Act("PUT /users/{id}/role", 200, role),
        Act("PUT /users/{id}/{role}", 200, nothing),
        Act("DELETE /users/{id}", 200, nothing),
    )
}
EVERY_ACT = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)


@pytest.fixture
async def neighbours(tmp_path: Path) -> AsyncIterator[Neighbours]:
    """A server, and another identity provider beside it."""
    async with beside(tmp_path, **OPEN) as running:
        yield running


async def stage(neighbours: Neighbours, act: Act, transport: str) -> Scene:
    server = neighbours.server
    root = (await server.register_admin(ROOT)).user
    await server.register_admin("other@example.com")
    holder = await server.sign_in(ROOT, transport=transport)
    phone = await enrol(server, holder) if act.has_app else None
    own = str(root["id"])
    if act.about == "passkey":
        own = (await add(holder, an_authenticator()))["id"]
    if act.about == "identity":
        neighbours.become("root-1", ROOT)
        assert (await link(neighbours, holder)).status_code == 303
        own = (await holder.get("/auth/identities")).json()["identities"][0]["id"]
    return Scene(server, holder, own, phone)


async def ask(scene: Scene, act: Act, body: dict[str, Any]) -> httpx2.Response:
    method, _, path = act.route.partition(" ")
    path = path.replace("{id}", scene.own).replace("{role}", "user").replace("{provider}", "other")
    return await scene.root.request(method, path, **({"json": body} if method != "DELETE" else {}))


async def grow_stale(scene: Scene) -> None:
    scene.server.clock.advance(5 * MINUTE)
    if scene.root.access is not None:
        path, held = "/auth/refresh", scene.root.refresh_token
        answer = await scene.root.client.post(path, json={"refreshToken": held} if held else {})
        assert answer.status_code == 200
        scene.root.access = answer.json()["accessToken"]


def state(server: Server) -> list[list[tuple[Any, ...]]]:
    tables = (
        *("users", "passkeys", "totp", "recovery_codes", "identities"),
        *("links", "letters", "audit_events"),
    )
    return [rows(server, f"SELECT * FROM {table}") for table in tables]


class TestEveryAct:
    def test_that_is_guarded_is_in_the_table(self) -> None:
        guarded = {f"{r.method} {r.path}" for r in ROUTES if r.who.fresh or r.who.fresh_owner}
        assert guarded == set(ACTS)

    @TRANSPORTS
    @EVERY_ACT
    async def test_w09_is_refused_when_the_last_proof_is_old_and_changes_nothing(
        self, act: Act, transport: str, neighbours: Neighbours
    ) -> None:
        scene = await stage(neighbours, act, transport)
        body = await act.body(scene)
        await grow_stale(scene)
        before = state(scene.server)
        refused(await ask(scene, act, body), 403, "STEP_UP_REQUIRED")
        assert state(scene.server) == before

    @TRANSPORTS
    @EVERY_ACT
    async def test_is_open_after_signing_in(
        self, act: Act, transport: str, neighbours: Neighbours
    ) -> None:
        scene = await stage(neighbours, act, transport)
        scene.server.clock.advance(5 * MINUTE - 1)
        body = await act.body(scene)
        answer = await ask(scene, act, body)
        assert answer.status_code == act.status, answer.text

    @TRANSPORTS
    @EVERY_ACT
    async def test_is_open_again_after_a_new_proof(
        self, act: Act, transport: str, neighbours: Neighbours
    ) -> None:
        scene = await stage(neighbours, act, transport)
        await grow_stale(scene)
        answer = await scene.root.post("/auth/reauthenticate", json={"password": PASSWORD})
        scene.root.access = answer.json().get("accessToken")
        answer = await ask(scene, act, await act.body(scene))
        assert answer.status_code == act.status, answer.text

    @EVERY_ACT
    async def test_is_for_nobody_who_is_not_signed_in(
        self, act: Act, neighbours: Neighbours
    ) -> None:
        scene = await stage(neighbours, act, "body")
        body = await act.body(scene)
        stranger = scene._replace(root=Holder(scene.server.client(), {}))
        refused(await ask(stranger, act, body), 401, "TOKEN_MISSING")
