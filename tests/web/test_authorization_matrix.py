"""Who may do what: every route, visitor and subject, worked out from the table and written by hand.

The first half asks whether the server does what the route table says; the rule in `expected` is a
second reading of a policy, not the product's own. The second half asks whether the table says what
it should. A new route needs a body in `BODIES` if it reads one, and its place in the second half.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import refused
from watchword.crypto.secret import Secret
from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.federation import OAuthProvider
from watchword.domain.identities import LinkedIdentity
from watchword.domain.roles import EVERYTHING, Permission, Roles
from watchword.domain.sessions import EndReason
from watchword.testing.conformance.passkeys import a_passkey
from watchword.web.answers import Answer
from watchword.web.app import ROUTES
from watchword.web.policies import PUBLIC, Policy
from watchword.web.routing import Route

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
STEP_UP = 5 * 60_000  # the default, and the life of an access token as well
UNKNOWN = "0" * 32
NEW_PASSWORD = "marble otter lantern quay"

# For each permission a role that holds it and nothing else, and one that holds all but it.
ROLES = Roles.of(
    {permission.value: frozenset({permission}) for permission in Permission}
    | {f"not-{permission}": EVERYTHING - {permission} for permission in Permission}
)

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/profile"): {"name": "Ada"},
    ("POST", "/auth/refresh"): {"refreshToken": "{refresh}"},
    ("POST", "/auth/register"): {"email": "{new}", "password": PASSWORD},
    ("POST", "/auth/login"): {"email": "{other}", "password": PASSWORD, "transport": "body"},
    ("POST", "/auth/setup"): {"token": "none", "email": "{new}", "password": PASSWORD},
    ("POST", "/auth/mfa/complete"): {"mfaToken": "none", "code": "123456"},
    ("POST", "/auth/mfa/enable"): {},
    ("POST", "/auth/mfa/verify"): {"code": "123456"},
    ("POST", "/auth/mfa/disable"): {"code": "123456"},
    ("POST", "/auth/mfa/recovery-codes"): {},
    ("POST", "/auth/logout"): {},
    ("POST", "/auth/logout-all"): {},
    ("POST", "/auth/reauthenticate"): {"password": PASSWORD},
    ("POST", "/auth/change-password"): {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD},
    ("POST", "/auth/forgot-password"): {"email": "{other}"},
    ("POST", "/auth/reset-password"): {"token": "none", "newPassword": NEW_PASSWORD},
    ("POST", "/auth/verify-email"): {"token": "none"},
    ("POST", "/auth/verify-email/resend"): {"email": "{other}"},
    ("POST", "/auth/change-email"): {"newEmail": "{new}"},
    ("POST", "/auth/magic-link"): {"email": "{other}"},
    ("POST", "/auth/magic-link/complete"): {"token": "none"},
    ("POST", "/auth/passkeys/register/options"): {},
    ("POST", "/auth/passkeys/register"): {"credential": {}},
    ("POST", "/auth/passkeys/login/options"): {},
    ("POST", "/auth/passkeys/login"): {"credential": {}},
    ("PATCH", "/auth/passkeys/{id}"): {"name": "Phone"},
    ("POST", "/auth/{provider}/link"): {"returnTo": "/account"},
    ("POST", "/users"): {"email": "{new}"},
    ("PUT", "/users/{id}/role"): {"role": "user"},
    ("PUT", "/users/{id}/status"): {"status": "disabled"},
    ("PUT", "/users/{id}/{role}"): {},
}


BY_LINK = {
    "/auth/setup",
    "/auth/reset-password",
    "/auth/verify-email",
    "/auth/magic-link/complete",
}
# What a browser has to answer for, nobody here has.
BY_BROWSER: dict[str, tuple[int, str]] = {
    "/auth/passkeys/register": (422, "VALIDATION_FAILED"),
    "/auth/passkeys/login": (401, "INVALID_CREDENTIALS"),
}
OWNED = {"/sessions/{id}", "/auth/passkeys/{id}", "/auth/identities/{id}"}
# Nobody here has a second factor, or has begun with one.
OF_A_FACTOR = {"/auth/mfa/verify", "/auth/mfa/disable", "/auth/mfa/recovery-codes"}


BY_STATE = "/auth/{provider}/callback"

# One that is asked nothing before people are sent there.
FORGE = OAuthProvider(
    id="forge",
    name="Forge",
    issuer="https://forge.example.com",
    client_id="watchword",
    client_secret=Secret(b"a client secret"),
    authorize_url="https://forge.example.com/authorize",
    token_url="https://forge.example.com/token",
    userinfo_url="https://forge.example.com/user",
)


@dataclass(frozen=True)
class Visitor:
    """Somebody at the door. ``role`` is what they hold now; ``refusal`` is said to a token that
    is not good, whatever it asks for.
    """

    name: str
    role: str = "user"
    is_fresh: bool = True
    transport: str = "body"
    refusal: str | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def stale(self) -> "Visitor":
        return replace(self, name=f"stale {self.name}", is_fresh=False)


NOBODY = Visitor("nobody", refusal="TOKEN_MISSING")
USER = Visitor("user")
BY_COOKIE = Visitor("user by cookie", transport="session")
ADMIN = Visitor("admin", role="admin")
DEMOTED = Visitor("demoted admin")
NOT_GOOD = (
    NOBODY,
    Visitor("garbage", refusal="TOKEN_INVALID"),
    Visitor("expired", refusal="TOKEN_EXPIRED"),
    Visitor("signed out", refusal="SESSION_REVOKED"),
    Visitor("signed out by cookie", refusal="SESSION_REVOKED", transport="session"),
    Visitor("disabled", refusal="SESSION_REVOKED"),
    Visitor("deleted", refusal="SESSION_REVOKED"),
)


def holding(permission: Permission | None) -> tuple[Visitor, ...]:
    """Who holds that alone, and who holds everything else; nobody for no permission."""
    if permission is None:
        return ()
    alone = Visitor("supporter", role=permission.value)
    return alone, alone.stale, Visitor("neighbour", role=f"not-{permission}")


def visitors_of(route: Route) -> tuple[Visitor, ...]:
    """Everybody who may turn up. ``DEMOTED`` was an administrator when they signed in."""
    known = (USER, USER.stale, BY_COOKIE, BY_COOKIE.stale, ADMIN, ADMIN.stale, DEMOTED)
    return (*NOT_GOOD, *known, *holding(route.who.permission))


def subjects_of(path: str) -> tuple[str, ...]:
    return ("own", "other", "unknown") if "{id}" in path else ("-",)


Outcome = tuple[int, str | None]


def expected(route: Route, visitor: Visitor, subject: str) -> Outcome:
    """A status, and a code if it is a refusal."""
    who = route.who
    admitted = (min(route.answers), None)
    if route.path == "/auth/mfa/complete":
        return 401, "TOKEN_INVALID"
    if who.is_public:
        # There is an administrator already, and nobody has a link: these say no to everybody.
        no_link = (400, "INVALID_OR_EXPIRED_LINK")
        if route.path == BY_STATE:
            return 400, "OAUTH_FAILED"
        return no_link if route.path in BY_LINK else BY_BROWSER.get(route.path, admitted)
    if who.is_service:  # whoever they are and whatever they hold, they are no service
        has_bearer = visitor is not NOBODY and visitor.transport == "body"
        return 401, "TOKEN_INVALID" if has_bearer else "TOKEN_MISSING"
    if visitor.refusal is not None:
        return 401, visitor.refusal
    is_own = who.owner and subject == "own"
    if who.permission and not is_own and who.permission not in ROLES.permissions[visitor.role]:
        return 403, "FORBIDDEN"
    if not visitor.is_fresh and (who.fresh or (who.fresh_owner and is_own)):
        return 403, "STEP_UP_REQUIRED"
    if route.path in OF_A_FACTOR:
        return 409, "CONFLICT"
    is_strange = subject == "unknown" or (route.path in OWNED and subject == "other")
    return (404, "NOT_FOUND") if is_strange else BY_BROWSER.get(route.path, admitted)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Stage:
    """A server with an administrator of its own, and people made for one scene each."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._count = 0
        self._hash = ""

    def address(self) -> str:
        self._count += 1
        return f"person{self._count}@example.com"

    async def account(self, role: str) -> tuple[str, str]:
        """A new account: id and address."""
        registration = self.server.core.services.registration
        self._hash = self._hash or await registration.hasher.hash(PASSWORD)
        address = EmailAddress.parse(self.address())
        account = registration.new_account(address, "", role, self._hash)
        async with self.server.core.store.transaction() as unit:
            await unit.accounts.insert(account)
        return account.id, address.text

    async def link(self, user_id: str) -> str:
        """What somebody has elsewhere: its id; none for who is no more."""
        now = self.server.clock.now()
        identity = LinkedIdentity(
            issuer=FORGE.issuer,
            subject=user_id,
            user_id=user_id,
            provider=FORGE.id,
            address="",
            address_proven=True,
            created_at=now,
            last_used_at=now,
        )
        async with self.server.core.store.transaction() as unit:
            if await unit.accounts.find(user_id) is not None:
                await unit.identities.link(identity)
        return identity.id

    async def sign_in(self, email: str, transport: str = "body") -> Holder:
        return await self.server.sign_in(email, transport=transport, ip="127.0.0.1")

    async def passkey(self, user_id: str) -> str:
        """A new one of theirs, by its id."""
        self._count += 1
        passkey = replace(
            a_passkey(), id=f"p{self._count}", user_id=user_id, credential_id=b"%d" % self._count
        )
        async with self.server.core.store.transaction() as unit:
            await unit.passkeys.insert(passkey)
        return passkey.id

    async def enter(self, visitor: Visitor) -> tuple[str, Holder]:
        """The visitor's own id, and what they hold."""
        role = "admin" if visitor is DEMOTED else visitor.role
        user_id, email = await self.account(role)
        holder = await self.sign_in(email, visitor.transport)
        if visitor is DEMOTED:
            async with self.server.core.store.transaction() as unit:
                await unit.accounts.change_role(user_id, visitor.role)
        if visitor.refusal is not None:
            await self._spoil(visitor, user_id, holder)
        if not visitor.is_fresh:
            self.server.clock.advance(STEP_UP)
            if holder.refresh_token:
                assert (await holder.refresh()).status_code == 200
        return user_id, holder

    async def _spoil(self, visitor: Visitor, user_id: str, holder: Holder) -> None:
        now = self.server.clock.now()
        async with self.server.core.store.transaction() as unit:
            if visitor.name.startswith("signed out"):
                await unit.sessions.end(holder.session_id, EndReason.SIGNED_OUT, now=now)
            elif visitor.name == "disabled":
                await unit.accounts.change_status(user_id, Status.DISABLED)
            elif visitor.name == "deleted":
                await unit.accounts.delete(user_id)
        if visitor.name == "expired":
            self.server.clock.advance(STEP_UP)
        elif visitor.name == "garbage":
            holder.access = f"{holder.access}x"
        elif visitor is NOBODY:
            holder.access = None

    async def ask(self, method: str, path: str, visitor: Visitor, subject: str) -> httpx2.Response:
        own_id, holder = await self.enter(visitor)
        other_id, other = await self.account("user")
        ids = {"own": own_id, "other": other_id, "unknown": UNKNOWN, "-": ""}
        if path == "/sessions/{id}":
            ids |= {"own": holder.session_id, "other": (await self.sign_in(other)).session_id}
        elif path == "/auth/passkeys/{id}" and visitor.name != "deleted":
            ids |= {"own": await self.passkey(own_id), "other": await self.passkey(other_id)}
        elif path == "/auth/identities/{id}":
            ids |= {"own": await self.link(own_id), "other": await self.link(other_id)}
        body = BODIES.get((method, path))
        if body is not None:
            fills = {"{new}": self.address(), "{other}": other}
            if "{refresh}" in body.values():
                fills["{refresh}"] = str((await self.sign_in(other)).refresh_token)
            body = {
                name: fills.get(value, value) if isinstance(value, str) else value
                for name, value in body.items()
            }
        address = path.replace("{id}", ids[subject]).replace("{role}", "user")
        address = address.replace("{provider}", FORGE.id)
        if path == BY_STATE and method == "POST":
            return await holder.request(method, address, data={"code": "c"}, headers=FORM)
        return await holder.request(method, address, **({} if body is None else {"json": body}))

    async def outcome(self, method: str, path: str, visitor: Visitor, subject: str) -> Outcome:
        answer = await self.ask(method, path, visitor, subject)
        if answer.status_code < 400:
            return answer.status_code, None
        code = answer.json()["code"]
        refused(answer, answer.status_code, code)
        return answer.status_code, code


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    off: dict[str, Any] = dict.fromkeys(
        ("limit_auth", "limit_sign_in", "limit_mail", "limit_mail_client", "lockout_policy")
    )
    tokens = (Secret(b"a-token-of-the-services-0123456789abcdef"),)
    async with serving(
        folder, roles=ROLES, providers=(FORGE,), service_tokens=tokens, **off
    ) as server:
        await server.register_admin()
        yield Stage(server)


class TestTheServerDoesWhatTheTableSays:
    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
    async def test_every_visitor_gets_what_the_policy_says(
        self, route: Route, tmp_path: Path
    ) -> None:
        cases = [(v, s) for v in visitors_of(route) for s in subjects_of(route.path)]
        async with stage(tmp_path) as scene:
            found = {
                f"{visitor}: {subject}": await scene.outcome(
                    route.method, route.path, visitor, subject
                )
                for visitor, subject in cases
            }
        assert found == {f"{v}: {s}": expected(route, v, s) for v, s in cases}

    def test_every_body_is_of_a_route_and_every_route_that_reads_one_has_it(self) -> None:
        assert set(BODIES) == {(r.method, r.path) for r in ROUTES if r.body is not None}

    async def test_a_method_that_is_not_in_the_table_is_refused_with_those_that_are(
        self, tmp_path: Path
    ) -> None:
        async with stage(tmp_path) as scene:
            _, holder = await scene.enter(ADMIN)
            for path in sorted({route.path for route in ROUTES}):
                address = path.replace("{id}", UNKNOWN).replace("{role}", "user")
                address = address.replace("{provider}", FORGE.id)
                there = methods_at(address)
                for method in set(METHODS) - there:
                    problem = await holder.request(method, address)
                    refused(problem, 405, "METHOD_NOT_ALLOWED")
                    assert set(problem.headers["allow"].split(", ")) == there


def methods_at(address: str) -> set[str]:
    """By the patterns of the table: `PUT /users/{id}/{role}` fits `/users/1/sessions` too. A
    provider is never called like a word of the table.
    """
    return {
        route.method
        for route in ROUTES
        if re.fullmatch(
            re.sub(r"\{\w+\}", "[^/]+", route.path.replace("{provider}", FORGE.id)), address
        )
    }


class TestTheTableItself:
    def test_only_these_addresses_are_open_to_everybody(self) -> None:
        assert {f"{route.method} {route.path}" for route in ROUTES if route.who.is_public} == {
            *("POST /auth/register", "POST /auth/login", "POST /auth/setup"),
            # What they take is a proof of its own: a refresh token, any token, nothing at all.
            *("POST /auth/refresh", "POST /auth/logout", "POST /auth/mfa/complete"),
            # What they give goes by mail, and what they take came by mail.
            *("POST /auth/forgot-password", "POST /auth/reset-password"),
            *("POST /auth/verify-email", "POST /auth/verify-email/resend"),
            *("POST /auth/magic-link", "POST /auth/magic-link/complete"),
            # What they take is signed by a passkey.
            *("POST /auth/passkeys/login", "POST /auth/passkeys/login/options"),
            # What they take is bound to one browser and to an answer of a provider.
            *("GET /auth/providers", "GET /auth/{provider}"),
            *("GET /auth/{provider}/callback", "POST /auth/{provider}/callback"),
            *("GET /health", "GET /health/live", "GET /health/ready", "GET /metrics"),
            *("GET /.well-known/jwks.json", "GET /openapi.json", "GET /docs"),
        }

    def test_only_this_address_is_for_services(self) -> None:
        services = {f"{route.method} {route.path}" for route in ROUTES if route.who.is_service}
        assert services == {"GET /auth/revocations"}

    def test_every_call_of_the_contract_is_there_and_no_other(self) -> None:
        """Of this release."""
        assert {f"{route.method} {route.path}" for route in ROUTES} == {
            *(f"POST /auth/{name}" for name in ("register", "login", "refresh", "logout")),
            *(f"POST /auth/{name}" for name in ("logout-all", "reauthenticate", "setup")),
            *(f"POST /auth/mfa/{name}" for name in ("enable", "verify", "complete", "disable")),
            "POST /auth/mfa/recovery-codes",
            *("GET /auth/csrf", "POST /auth/change-password", "GET /auth/verify"),
            *("POST /auth/forgot-password", "POST /auth/reset-password"),
            *("POST /auth/verify-email", "POST /auth/verify-email/resend"),
            *("POST /auth/change-email", "POST /users"),
            *("POST /auth/magic-link", "POST /auth/magic-link/complete"),
            *("POST /auth/passkeys/register/options", "POST /auth/passkeys/register"),
            *(
                "POST /auth/passkeys/login/options",
                "POST /auth/passkeys/login",
                "GET /auth/passkeys",
            ),
            *("PATCH /auth/passkeys/{id}", "DELETE /auth/passkeys/{id}"),
            *("GET /auth/providers", "GET /auth/identities", "DELETE /auth/identities/{id}"),
            *("GET /auth/{provider}", "POST /auth/{provider}/link"),
            *("GET /auth/{provider}/callback", "POST /auth/{provider}/callback"),
            *("GET /profile", "PATCH /profile"),
            *("GET /sessions", "DELETE /sessions", "DELETE /sessions/{id}"),
            *("GET /users", "GET /users/{id}", "DELETE /users/{id}"),
            *("PUT /users/{id}/role", "PUT /users/{id}/{role}", "PUT /users/{id}/status"),
            *("GET /users/{id}/sessions", "DELETE /users/{id}/sessions", "GET /audit"),
            *("GET /.well-known/jwks.json", "GET /metrics", "GET /openapi.json", "GET /docs"),
            *("GET /health", "GET /health/live", "GET /health/ready"),
            "GET /auth/revocations",
        }

    def test_a_route_that_names_no_policy_cannot_be_made(self) -> None:
        async def page(_: object) -> Answer:
            return Answer(204)

        named: dict[str, Any] = {"method": "GET", "path": "/open", "page": page, "summary": ""}
        assert Route(**named, who=PUBLIC, answers={204: None}).who is PUBLIC
        with pytest.raises(TypeError, match="'who'"):
            Route(**named, answers={204: None})

    def test_a_policy_that_says_nothing_lets_nobody_in_who_is_not_signed_in(self) -> None:
        assert not Policy().is_public


def named(role: str) -> Visitor:
    return Visitor(role, role=role)


_READ, _ROLE = named("users.read"), named("users.role")
_NOT_ROLE, _NOT_AUDIT = named("not-users.role"), named("not-audit.read")
_STEP_UP, _FORBIDDEN = (403, "STEP_UP_REQUIRED"), (403, "FORBIDDEN")
_NOT_FOUND, _OK, _MISSING = (404, "NOT_FOUND"), (200, None), (401, "TOKEN_MISSING")

BY_HAND: dict[str, tuple[tuple[Visitor, str, Outcome], ...]] = {
    **dict.fromkeys(
        ("PUT /users/{id}/role", "PUT /users/{id}/{role}"),
        (
            (NOBODY, "other", _MISSING),
            (USER, "own", _FORBIDDEN),
            (USER, "other", _FORBIDDEN),
            (USER, "unknown", _FORBIDDEN),
            (_NOT_ROLE, "other", _FORBIDDEN),
            (_ROLE, "other", _OK),
            (DEMOTED, "other", _FORBIDDEN),
            (ADMIN, "own", _OK),
            (ADMIN, "other", _OK),
            (ADMIN, "unknown", _NOT_FOUND),
            (ADMIN.stale, "other", _STEP_UP),
            (ADMIN.stale, "unknown", _STEP_UP),
        ),
    ),
    "PUT /users/{id}/status": (
        (NOBODY, "other", _MISSING),
        (USER, "own", _FORBIDDEN),
        (USER, "other", _FORBIDDEN),
        (_ROLE, "other", _FORBIDDEN),
        (ADMIN.stale, "other", _OK),
        (ADMIN, "unknown", _NOT_FOUND),
    ),
    "DELETE /users/{id}": (
        (NOBODY, "other", _MISSING),
        (USER, "own", _OK),
        (USER.stale, "own", _STEP_UP),
        (BY_COOKIE.stale, "own", _STEP_UP),
        (USER, "other", _FORBIDDEN),
        (USER, "unknown", _FORBIDDEN),
        (_READ, "other", _FORBIDDEN),
        (ADMIN, "other", _OK),
        (ADMIN.stale, "other", _OK),
        (ADMIN.stale, "own", _STEP_UP),
        (ADMIN, "unknown", _NOT_FOUND),
    ),
    **dict.fromkeys(
        ("GET /users/{id}", "GET /users/{id}/sessions", "DELETE /users/{id}/sessions"),
        (
            (NOBODY, "other", _MISSING),
            (USER.stale, "own", _OK),
            (USER, "other", _FORBIDDEN),
            (USER, "unknown", _FORBIDDEN),
            (DEMOTED, "other", _FORBIDDEN),
            (ADMIN.stale, "other", _OK),
            (ADMIN, "unknown", _NOT_FOUND),
        ),
    ),
    "GET /users": (
        (NOBODY, "-", _MISSING),
        (USER, "-", _FORBIDDEN),
        (_ROLE, "-", _FORBIDDEN),
        (_READ, "-", _OK),
        (ADMIN.stale, "-", _OK),
    ),
    "POST /users": (
        (NOBODY, "-", _MISSING),
        (USER, "-", _FORBIDDEN),
        (_ROLE, "-", _FORBIDDEN),
        (named("users.invite"), "-", (201, None)),
        (named("not-users.invite"), "-", _FORBIDDEN),
        (DEMOTED, "-", _FORBIDDEN),
        (ADMIN.stale, "-", (201, None)),
    ),
    "POST /auth/change-email": (
        (NOBODY, "-", _MISSING),
        (USER, "-", (202, None)),
        (USER.stale, "-", _STEP_UP),
        (BY_COOKIE, "-", (202, None)),
        (BY_COOKIE.stale, "-", _STEP_UP),
    ),
    "POST /auth/passkeys/register/options": (
        (NOBODY, "-", _MISSING),
        (USER, "-", _OK),
        (USER.stale, "-", _STEP_UP),
        (BY_COOKIE.stale, "-", _STEP_UP),
    ),
    "POST /auth/passkeys/register": (
        (NOBODY, "-", _MISSING),
        (USER, "-", (422, "VALIDATION_FAILED")),
        (USER.stale, "-", _STEP_UP),
    ),
    "PATCH /auth/passkeys/{id}": (
        (NOBODY, "other", _MISSING),
        (USER.stale, "own", _OK),
        (USER, "other", _NOT_FOUND),
        (ADMIN, "other", _NOT_FOUND),
    ),
    "DELETE /auth/passkeys/{id}": (
        (NOBODY, "other", _MISSING),
        (USER, "own", _OK),
        (USER.stale, "own", _STEP_UP),
        (USER, "other", _NOT_FOUND),
        (ADMIN, "other", _NOT_FOUND),
    ),
    "GET /audit": (
        (NOBODY, "-", _MISSING),
        (USER, "-", _FORBIDDEN),
        (_NOT_AUDIT, "-", _FORBIDDEN),
        (DEMOTED, "-", _FORBIDDEN),
        (ADMIN.stale, "-", _OK),
    ),
    "DELETE /sessions/{id}": (
        (NOBODY, "other", _MISSING),
        (USER.stale, "own", _OK),
        (USER, "other", _NOT_FOUND),
        (ADMIN, "other", _NOT_FOUND),
        (ADMIN, "unknown", _NOT_FOUND),
    ),
    **dict.fromkeys(
        (
            *("GET /profile", "PATCH /profile", "GET /sessions", "DELETE /sessions"),
            *("POST /auth/logout-all", "POST /auth/reauthenticate", "GET /auth/csrf"),
            *("POST /auth/change-password", "GET /auth/passkeys"),
        ),
        ((NOBODY, "-", _MISSING), (USER.stale, "-", _OK), (BY_COOKIE, "-", _OK)),
    ),
}


class TestTheTableSaysWhatItShould:
    @pytest.mark.parametrize("call", BY_HAND)
    async def test_who_may_is_as_it_was_written_by_hand(self, call: str, tmp_path: Path) -> None:
        method, _, path = call.partition(" ")
        async with stage(tmp_path) as scene:
            found = [
                (visitor, subject, await scene.outcome(method, path, visitor, subject))
                for visitor, subject, _ in BY_HAND[call]
            ]
        assert tuple(found) == BY_HAND[call]

    def test_every_route_that_asks_for_a_permission_was_written_by_hand(self) -> None:
        asking = {f"{r.method} {r.path}" for r in ROUTES if r.who.permission is not None}
        assert asking <= set(BY_HAND)

    async def test_a_stranger_is_told_nothing_of_an_id(self, tmp_path: Path) -> None:
        """The same words whether it is somebody's or nobody's."""
        async with stage(tmp_path) as scene:
            told = []
            for subject in ("other", "unknown"):
                problem = (await scene.ask("GET", "/users/{id}", USER, subject)).json()
                told.append({k: v for k, v in problem.items() if k != "requestId"})
        assert told[0] == told[1]

    async def test_nobody_hands_out_a_permission_that_they_do_not_hold(
        self, tmp_path: Path
    ) -> None:
        async with stage(tmp_path) as scene:
            _, holder = await scene.enter(_ROLE)
            someone, _ = await scene.account("user")
            for path in (f"/users/{someone}/admin", f"/users/{someone}/users.read"):
                refused(await holder.request("PUT", path), 403, "FORBIDDEN")

    async def test_nobody_acts_on_the_holder_of_a_permission_that_they_do_not_hold(
        self, tmp_path: Path
    ) -> None:
        async with stage(tmp_path) as scene:
            admin, _ = await scene.account("admin")
            calls: tuple[tuple[str, str, str, dict[str, str]], ...] = (
                ("users.role", "PUT", f"/users/{admin}/role", {"role": "user"}),
                ("users.status", "PUT", f"/users/{admin}/status", {"status": "disabled"}),
                ("users.delete", "DELETE", f"/users/{admin}", {}),
                ("sessions.end", "DELETE", f"/users/{admin}/sessions", {}),
            )
            for role, method, path, body in calls:
                _, holder = await scene.enter(named(role))
                refused(await holder.request(method, path, json=body), 403, "FORBIDDEN")
