"""The wire contract of the audit log: what each call writes, with its change or not at all."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import (
    Written,
    accepted,
    change_rows,
    events,
    fields_of,
    refused,
    rows,
)
from watchword.domain.events import all_types
from watchword.domain.time import DAY, MINUTE, SECOND
from watchword.ports import RequestTrace
from watchword.settings.choices import EmailVerification

NEW = "marble otter lantern quay"
WRONG = {"email": "ada@example.com", "password": "wrong wrong wrong"}


@pytest.fixture
async def root(server: Server) -> Holder:
    await server.register_admin()
    return await server.sign_in("root@example.com")


@pytest.fixture
async def ada(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


def id_of(holder: Holder) -> str:
    return str(holder.answer["user"]["id"])


class Diary:
    """What is written from now on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._before = len(events(server))

    @property
    def written(self) -> list[Written]:
        return events(self._server, after=self._before)


def by(holder: Holder, type_: str, *, session: bool = True, **details: Any) -> Written:
    """Something that somebody did to themselves, in the session that they hold."""
    user = id_of(holder)
    return Written(type_, user, user, holder.session_id if session else None, details)


class TestWhatIsWritten:
    async def test_at_registering_and_signing_in(self, server: Server) -> None:
        diary = Diary(server)
        user = (await server.register()).user["id"]
        first = await server.sign_in(transport="cookie")
        body = {"email": "ada@example.com", "password": PASSWORD}
        answer = await first.client.post("/auth/login", json=body)
        second = Holder(first.client, answer.json())
        assert diary.written == [
            Written("account.registered", user, user, None, {}),
            by(first, "session.signed_in", amr="pwd", newDevice=True),
            Written("session.ended", user, None, first.session_id, {"reason": "replaced"}),
            by(second, "session.signed_in", amr="pwd", newDevice=False),
        ]

    async def test_at_a_failure_and_at_the_lock(self, ada: Holder, server: Server) -> None:
        diary = Diary(server)
        nobody = {**WRONG, "email": "nobody@example.com"}
        await server.client("192.0.2.9").post("/auth/login", json=nobody)
        client = server.client("192.0.2.2")
        for _ in range(6):
            await client.post("/auth/login", json=WRONG)
        failed = Written(
            "session.sign_in_failed", id_of(ada), None, None, {"reason": "wrong_password"}
        )
        locked = {"seconds": 900, "failures": 5}
        assert diary.written == [
            Written("session.sign_in_failed", None, None, None, failed.details),
            *[failed] * 5,
            Written("account.locked", id_of(ada), None, None, locked),
        ]

    async def test_at_a_refresh_nothing_and_at_a_replay_one(
        self, ada: Holder, server: Server
    ) -> None:
        first, diary = ada.refresh_token, Diary(server)
        await ada.refresh()
        await ada.refresh()
        assert diary.written == []
        await ada.refresh(first)
        reused = {"generation": 1, "current": 3}
        assert diary.written == [
            Written("session.token_reused", id_of(ada), None, ada.session_id, reused)
        ]

    async def test_at_signing_out_once(self, ada: Holder, server: Server) -> None:
        diary = Diary(server)
        for _ in range(2):
            await ada.post("/auth/logout")
        signed_out = {"reason": "signed_out"}
        assert diary.written == [
            Written("session.ended", id_of(ada), None, ada.session_id, signed_out)
        ]

    async def test_at_ending_sessions(self, root: Holder, ada: Holder, server: Server) -> None:
        other = await server.sign_in()
        diary = Diary(server)
        await ada.request("DELETE", f"/sessions/{other.session_id}")
        await ada.request("DELETE", "/sessions")
        await root.request("DELETE", f"/users/{id_of(ada)}/sessions")
        await root.post("/auth/logout-all")
        user, admin, revoked = id_of(ada), id_of(root), {"reason": "revoked"}
        assert diary.written == [
            Written("session.ended", user, user, other.session_id, revoked),
            Written("session.all_ended", user, user, None, {**revoked, "count": 0}),
            Written("session.all_ended", user, admin, None, {**revoked, "count": 1}),
            Written("session.all_ended", admin, admin, None, {**revoked, "count": 1}),
        ]

    async def test_at_a_session_that_gives_way(self, tmp_path: Path) -> None:
        async with serving(tmp_path, max_sessions=1) as server:
            await server.register()
            first = await server.sign_in()
            diary = Diary(server)
            second = await server.sign_in()
            evicted = {"reason": "evicted"}
            assert diary.written == [
                Written("session.ended", id_of(first), None, first.session_id, evicted),
                by(second, "session.signed_in", amr="pwd", newDevice=False),
            ]

    async def test_at_changes_of_oneself(self, ada: Holder, server: Server) -> None:
        diary = Diary(server)
        await ada.request("PATCH", "/profile", json={"name": "Ada"})
        change = {"currentPassword": PASSWORD, "newPassword": NEW}
        await ada.post("/auth/change-password", json=change)
        answer = await ada.post("/auth/reauthenticate", json={"password": NEW})
        ada.access = answer.json()["accessToken"]
        await ada.request("DELETE", f"/users/{id_of(ada)}")
        assert diary.written == [
            by(ada, "account.profile_changed"),
            by(ada, "credential.password_changed"),
            by(ada, "session.reauthenticated", amr="pwd"),
            by(ada, "account.deleted", session=False),
        ]

    async def test_at_changes_by_an_administrator(
        self, root: Holder, ada: Holder, server: Server
    ) -> None:
        diary, path = Diary(server), f"/users/{id_of(ada)}"
        await root.request("PUT", f"{path}/role", json={"role": "admin"})
        await root.request("PUT", f"{path}/user")
        await root.request("PUT", f"{path}/status", json={"status": "disabled"})
        await root.request("DELETE", path)
        told = [(e.type, e.subject, e.actor, e.details) for e in diary.written]
        user, admin = id_of(ada), id_of(root)
        assert told == [
            ("account.role_changed", user, admin, {"before": "user", "after": "admin"}),
            ("account.role_changed", user, admin, {"before": "admin", "after": "user"}),
            ("account.status_changed", user, admin, {"before": "active", "after": "disabled"}),
            ("account.deleted", user, admin, {}),
        ]

    async def test_at_the_first_start_and_the_set_up(self, server: Server) -> None:
        [key] = [event.details["kid"] for event in events(server)]
        assert events(server) == [Written("keys.rotated", None, None, None, {"kid": key})]
        diary = Diary(server)
        token = await server.core.services.setup.make_link(RequestTrace())
        body = {"token": token, "email": "root@example.com", "password": PASSWORD}
        client = server.client()
        root = Holder(client, (await client.post("/auth/setup", json=body)).json())
        assert diary.written == [
            Written("setup.link_made", None, None, None, {}),
            by(root, "account.registered", session=False),
            by(root, "session.signed_in", amr="pwd", newDevice=True),
        ]

    async def test_nothing_at_what_was_refused(self, root: Holder, server: Server) -> None:
        diary, path = Diary(server), f"/users/{id_of(root)}"
        await root.request("DELETE", path)
        await root.request("PUT", f"{path}/user")
        await root.request("PUT", f"{path}/status", json={"status": "disabled"})
        await root.request("PATCH", "/profile", json={"name": "\u202ex"})
        await server.client().post("/auth/register", json={"email": "root@example.com"})
        assert diary.written == []

    async def test_never_a_secret(self, ada: Holder, server: Server) -> None:
        change = {"currentPassword": PASSWORD, "newPassword": NEW}
        await ada.post("/auth/change-password", json=change)
        await server.client().post("/auth/login", json=WRONG)
        written = repr(rows(server, "SELECT * FROM audit_events"))
        for secret in (PASSWORD, NEW, WRONG["password"], ada.access, ada.refresh_token):
            assert secret not in written
        assert "ada@example.com" not in written


Act = Callable[[Server, Holder, Holder], Awaitable[httpx2.Response]]

ACTS: dict[str, Act] = {
    "register": lambda server, root, ada: server.client().post(
        "/auth/register", json={"email": "bob@example.com", "password": PASSWORD}
    ),
    "sign in": lambda server, root, ada: server.client().post(
        "/auth/login", json={"email": "ada@example.com", "password": PASSWORD}
    ),
    "sign out": lambda server, root, ada: ada.post("/auth/logout"),
    "sign out everywhere": lambda server, root, ada: ada.post("/auth/logout-all"),
    "replay": lambda server, root, ada: ada.refresh(ada.answer["refreshToken"]),
    "end a session": lambda server, root, ada: ada.request("DELETE", f"/sessions/{ada.session_id}"),
    "end others": lambda server, root, ada: ada.request("DELETE", "/sessions"),
    "rename": lambda server, root, ada: ada.request("PATCH", "/profile", json={"name": "Ada"}),
    "change password": lambda server, root, ada: ada.post(
        "/auth/change-password", json={"currentPassword": PASSWORD, "newPassword": NEW}
    ),
    "reauthenticate": lambda server, root, ada: ada.post(
        "/auth/reauthenticate", json={"password": PASSWORD}
    ),
    "ask for another address": lambda server, root, ada: ada.post(
        "/auth/change-email", json={"newEmail": "new@example.org"}
    ),
    "invite": lambda server, root, ada: root.post("/users", json={"email": "g@example.com"}),
    "change role": lambda server, root, ada: root.request("PUT", f"/users/{id_of(ada)}/admin"),
    "disable": lambda server, root, ada: root.request(
        "PUT", f"/users/{id_of(ada)}/status", json={"status": "disabled"}
    ),
    "end a user's sessions": lambda server, root, ada: root.request(
        "DELETE", f"/users/{id_of(ada)}/sessions"
    ),
    "delete": lambda server, root, ada: root.request("DELETE", f"/users/{id_of(ada)}"),
}


class TestWrittenWithItsChange:
    @pytest.mark.parametrize("act", ACTS)
    async def test_what_cannot_be_written_is_not_done(
        self, act: str, root: Holder, ada: Holder, server: Server
    ) -> None:
        await ada.refresh()
        await ada.refresh()
        before = _state(server)
        await change_rows(server, "ALTER TABLE audit_events RENAME TO out_of_the_way")
        refused(await ACTS[act](server, root, ada), 503, "UNAVAILABLE")
        await change_rows(server, "ALTER TABLE out_of_the_way RENAME TO audit_events")
        assert _state(server) == before
        assert (await ada.get("/profile")).status_code == 200
        answer = await ACTS[act](server, root, ada)
        assert answer.status_code < 300 or act == "replay"
        assert _state(server) != before


def _state(server: Server) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("users", "sessions", "links", "letters", "devices", "audit_events")
    return {table: rows(server, f"SELECT * FROM {table}") for table in tables}


async def listed(root: Holder, query: str = "") -> list[dict[str, Any]]:
    content = accepted(await root.get(f"/audit?{query}"), 200, "events", "nextCursor")
    found: list[dict[str, Any]] = content["events"]
    return found


class TestReadingIt:
    async def test_shows_what_happened_newest_first(self, root: Holder, server: Server) -> None:
        client = server.client("203.0.113.7", **{"User-Agent": "curl/8"})
        server.clock.advance(MINUTE)
        answer = await client.post("/auth/login", json={**WRONG, "email": "root@example.com"})
        newest, *others = await listed(root)
        identifier = newest.pop("id")
        assert int(identifier) > max(int(event["id"]) for event in others)
        assert newest == {
            "at": "2027-01-15T08:01:00Z",
            "type": "session.sign_in_failed",
            "subject": id_of(root),
            "actor": None,
            "session": None,
            "requestId": answer.headers["x-request-id"],
            "ip": "203.0.113.7",
            "userAgent": "curl/8",
            "details": {"reason": "wrong_password"},
        }

    async def test_can_be_narrowed(self, root: Holder, ada: Holder, server: Server) -> None:
        server.clock.advance(MINUTE)
        await root.request("PUT", f"/users/{id_of(ada)}/admin")
        await ada.request("PATCH", "/profile", json={"name": "Ada"})
        about_ada = [event["type"] for event in await listed(root, f"user={id_of(ada)}")]
        assert about_ada == [
            *("account.profile_changed", "account.role_changed"),
            *("session.signed_in", "account.registered"),
        ]
        # As the actor, too.
        by_root = [event["type"] for event in await listed(root, f"user={id_of(root)}")]
        assert by_root[0] == "account.role_changed"
        assert len(await listed(root, "type=account.role_changed")) == 1
        assert await listed(root, "type=account.vanished") == []
        assert await listed(root, "user=nobody") == []
        assert await listed(root, f"type=account.role_changed&user={id_of(root)}&limit=1") != []

    async def test_from_is_the_first_moment_and_to_is_past_the_last(
        self, root: Holder, server: Server
    ) -> None:
        server.clock.advance(MINUTE)
        await server.register()
        server.clock.advance(SECOND)
        await server.register("bob@example.com")
        made = "type=account.registered"
        for span, count in (
            ("from=2027-01-15T08:01:00Z", 2),
            ("from=2027-01-15T08:01:01Z", 1),
            ("to=2027-01-15T08:01:01Z", 2),
            ("from=2027-01-15T08:01:00Z&to=2027-01-15T08:01:01Z", 1),
            ("from=2027-01-15T10:01:00%2B02:00", 2),
            ("from=2027-01-15T08:01:02Z", 0),
        ):
            assert len(await listed(root, f"{made}&{span}")) == count, span

    async def test_pages_to_the_end_with_everything_once(
        self, root: Holder, server: Server
    ) -> None:
        for number in range(3):
            await server.register(f"p{number}@example.com")
        everything = [event["id"] for event in await listed(root)]
        seen: list[str] = []
        query = "limit=2"
        while query:
            content = (await root.get(f"/audit?{query}")).json()
            seen += [event["id"] for event in content["events"]]
            await server.register(f"meanwhile{len(seen)}@example.com")
            query = content["nextCursor"] and f"limit=2&cursor={content['nextCursor']}"
        assert seen == everything

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("cursor=forged.x", "cursor"),
            ("from=yesterday", "from"),
            ("from=2027-01-15T08:01:00", "from"),
            ("to=99999-01-01T00:00:00Z", "to"),
            ("who=ada", "who"),
        ],
    )
    async def test_a_query_at_fault_is_named(self, query: str, field: str, root: Holder) -> None:
        problem = refused(await root.get(f"/audit?{query}"), 422, "VALIDATION_FAILED")
        assert fields_of(problem) == [field]


class TestWhatIsWrittenOfMail:
    async def test_at_links_and_what_they_are_redeemed_for(
        self, ada: Holder, server: Server
    ) -> None:
        user, diary, client = id_of(ada), Diary(server), server.client()
        address = {"email": "ada@example.com"}
        await client.post("/auth/verify-email/resend", json=address)
        token = (await server.mail()).token
        await client.post("/auth/verify-email", json={"token": token})
        await ada.post("/auth/change-email", json={"newEmail": "new@example.org"})
        token = {mail.to: mail for mail in await server.mails()}["new@example.org"].token
        await client.post("/auth/verify-email", json={"token": token})
        await server.mails()
        await client.post("/auth/forgot-password", json={"email": "new@example.org"})
        token = (await server.mail()).token
        await client.post("/auth/reset-password", json={"token": token, "newPassword": NEW})

        def sent(purpose: str) -> Written:
            return Written("mail.link_sent", user, None, None, {"purpose": purpose})

        ended = {"reason": "password_reset", "count": 1}
        assert diary.written == [
            sent("verify_email"),
            Written("account.email_verified", user, user, None, {}),
            by(ada, "account.email_change_requested"),
            sent("confirm_new_email"),
            Written("account.email_changed", user, user, None, {}),
            sent("reset_password"),
            Written("credential.password_reset", user, user, None, {}),
            Written("session.all_ended", user, user, None, ended),
        ]

    async def test_at_an_address_that_registers_again(self, tmp_path: Path) -> None:
        """Of whom is not kept: the mail tells its owner, and nobody else needs to know."""
        async with serving(tmp_path, email_verification=EmailVerification.REQUIRED) as server:
            body = {"email": "ada@example.com", "password": PASSWORD}
            await server.client().post("/auth/register", json=body)
            diary = Diary(server)
            await server.client().post("/auth/register", json=body)
            assert diary.written == [Written("account.registration_repeated", None, None, None, {})]

    async def test_at_a_mail_that_is_given_up(self, root: Holder, server: Server) -> None:
        (server.core.settings.data_dir / "mail").touch()  # no folder, so nothing can lie in it
        answer = await root.post("/users", json={"email": "grace@example.com"})
        grace, diary = answer.json()["user"]["id"], Diary(server)
        assert await server.mails() == []
        server.clock.advance(DAY)
        assert await server.mails() == []
        sent = Written("mail.link_sent", grace, None, None, {"purpose": "invitation"})
        failed = {"reason": "invitation", "attempts": 2}
        assert diary.written == [sent, sent, Written("mail.failed", grace, None, None, failed)]


def test_every_type_that_there_is_is_written_by_something() -> None:
    """Those of the tests above, of `test_contract_sign_in`, and of the tests of factors, passkeys,
    identities, risk and exports; imports are a command's.
    """
    assert set(all_types()) == {
        *("account.registered", "account.profile_changed", "account.role_changed"),
        *("account.status_changed", "account.deleted", "account.locked", "account.imported"),
        "account.data_exported",
        *("credential.password_changed", "credential.password_upgraded"),
        "credential.password_removed",
        *("credential.identity_linked", "credential.identity_unlinked"),
        *("credential.password_reset", "account.registration_repeated", "account.invited"),
        *("account.email_verified", "account.email_change_requested", "account.email_changed"),
        *("credential.passkey_added", "credential.passkey_rejected", "credential.passkey_renamed"),
        *("credential.passkey_removed", "credential.passkey_suspected"),
        *("mail.link_sent", "mail.failed"),
        *("credential.mfa_enabled", "credential.mfa_disabled", "credential.device_trusted"),
        *("credential.recovery_code_used", "credential.recovery_codes_replaced"),
        *(
            "session.signed_in",
            "session.unusual_sign_in",
            "session.sign_in_failed",
            "session.reauthenticated",
        ),
        *("session.ended", "session.all_ended", "session.token_reused"),
        *("setup.link_made", "keys.rotated", "audit.exported"),
    }
