"""Passkeys, as the contract has them: every call, its answers, and what is written down of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.driving import Holder, Server, serving
from tests.web.contract import (
    SESSION,
    USER,
    Written,
    accepted,
    change_rows,
    events,
    fields_of,
    refused,
    set_cookies,
)
from tests.web.passkeys import (
    add,
    an_authenticator,
    creation_options,
    post_assertion,
    request_options,
    sign_in,
    try_to_add,
    try_to_sign_in,
)
from watchword.crypto import base64url
from watchword.domain.time import MINUTE
from watchword.settings.choices import EmailVerification, Profile
from watchword.testing.authenticator import Behaviour

pytestmark = pytest.mark.every_store

PASSKEY = {"id", "credentialId", "name", "createdAt", "lastUsedAt", "synced", "transports"}
SYNCED = Behaviour(backup_eligible=True, backed_up=True)


@pytest.fixture
async def ada(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, profile=Profile.STRICT) as server:
        yield server


class TestWhatIsAskedOfABrowser:
    async def test_to_add_a_passkey(self, server: Server, ada: Holder) -> None:
        options = await creation_options(ada)
        assert set(options) == {
            *("rp", "user", "challenge", "pubKeyCredParams", "timeout", "excludeCredentials"),
            *("authenticatorSelection", "attestation"),
        }
        assert options["rp"] == {"id": "localhost", "name": "Watchword"}
        assert options["user"]["name"] == options["user"]["displayName"] == "ada@example.com"
        assert [kind["alg"] for kind in options["pubKeyCredParams"]] == [-8, -7, -257]
        assert (options["timeout"], options["attestation"]) == (300_000, "none")
        assert options["excludeCredentials"] == []
        assert options["authenticatorSelection"] == {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "preferred",
        }
        assert len(base64url.decode(options["challenge"])) == 32
        assert (await creation_options(ada))["challenge"] != options["challenge"]

    async def test_to_add_a_second_one_names_the_first(self, server: Server, ada: Holder) -> None:
        passkey = await add(ada, an_authenticator())
        (excluded,) = (await creation_options(ada))["excludeCredentials"]
        assert excluded == {
            "type": "public-key",
            "id": passkey["credentialId"],
            "transports": ["hybrid", "internal"],
        }

    async def test_to_sign_in(self, server: Server) -> None:
        options = await request_options(server)
        assert options.pop("challenge") != (await request_options(server))["challenge"]
        assert options == {
            "timeout": 300_000,
            "rpId": "localhost",
            "allowCredentials": [],
            "userVerification": "preferred",
        }

    async def test_the_strict_profile_asks_for_the_person(self, strict: Server) -> None:
        assert (await request_options(strict))["userVerification"] == "required"


class TestAddingOne:
    async def test_shows_it_tells_the_owner_and_is_written_down(
        self, server: Server, ada: Holder
    ) -> None:
        await change_rows(
            server, "UPDATE users SET email_verified = 1"
        )  # a name is told to no other
        before = len(events(server))
        passkey = await add(ada, an_authenticator(), SYNCED, name="  My phone ")
        assert set(passkey) == PASSKEY
        assert passkey["name"] == "My phone"
        assert (passkey["synced"], passkey["lastUsedAt"]) == (True, None)
        assert passkey["transports"] == ["hybrid", "internal"]
        user_id = ada.answer["user"]["id"]
        assert events(server, after=before) == [
            Written(
                *("credential.passkey_added", user_id, user_id, ada.session_id),
                {"passkey": passkey["id"], "synced": True},
            )
        ]
        mail = await server.mail()
        assert (mail.to, "My phone" in mail.text) == ("ada@example.com", True)

    async def test_without_a_name_it_is_called_after_its_model(
        self, server: Server, ada: Holder
    ) -> None:
        known, unknown = an_authenticator(), an_authenticator(2)
        known.aaguid = bytes.fromhex("bada5566a7aa401fbd9645619a55120d")
        assert (await add(ada, known))["name"] == "1Password"
        assert (await add(ada, unknown, name=" "))["name"] == "Passkey"

    async def test_a_bad_name_uses_nothing_up(self, server: Server, ada: Holder) -> None:
        credential = an_authenticator().create(await creation_options(ada))
        body: dict[str, Any] = {"credential": credential}
        for name in ("a\nb", "x" * 65):
            answer = await ada.post("/auth/passkeys/register", json={**body, "name": name})
            assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["name"]
        answer = await ada.post("/auth/passkeys/register", json=body)
        accepted(answer, 201, "message", "passkey")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "credential"),
            ({"credential": "text"}, "credential"),
            ({"credential": {}}, "credential"),
            ({"credential": {}, "id": 1}, "id"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, server: Server, ada: Holder, body: dict[str, Any], field: str
    ) -> None:
        answer = await ada.post("/auth/passkeys/register", json=body)
        assert field in fields_of(refused(answer, 422, "VALIDATION_FAILED"))

    async def test_what_is_not_believed_is_written_down_with_the_part(
        self, server: Server, ada: Holder
    ) -> None:
        before = len(events(server))
        elsewhere = Behaviour(client_data={"origin": "https://elsewhere.example"})
        answer = await try_to_add(ada, an_authenticator(), elsewhere)
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["credential"]
        (event,) = events(server, after=before)
        assert (event.type, event.details) == (
            "credential.passkey_rejected",
            {"reason": "client data"},
        )
        assert await server.mails() == []


class TestSigningIn:
    async def test_gives_what_every_sign_in_gives(self, server: Server, ada: Holder) -> None:
        key = an_authenticator()
        await add(ada, key)
        holder = await sign_in(server, key)
        assert set(holder.answer["user"]) == USER
        assert set(holder.answer["session"]) == SESSION
        assert holder.answer["user"]["email"] == "ada@example.com"
        assert holder.answer["session"]["amr"] == ["hwk", "user", "mfa"]
        assert (await holder.get("/profile")).status_code == 200
        assert (await holder.refresh()).status_code == 200

    async def test_says_what_the_passkey_is_worth(self, server: Server, ada: Holder) -> None:
        key = an_authenticator()
        await add(ada, key, SYNCED)
        holder = await sign_in(server, key, SYNCED)
        assert holder.answer["session"]["amr"] == ["swk", "user", "mfa"]
        unverified = Behaviour(backup_eligible=True, user_verified=False)
        holder = await sign_in(server, key, unverified)
        assert holder.answer["session"]["amr"] == ["swk", "user"]

    async def test_in_the_cookie_transports(self, server: Server, ada: Holder) -> None:
        key = an_authenticator()
        await add(ada, key)
        for transport, name in (("cookie", "refreshToken"), ("session", "session")):
            answer = await try_to_sign_in(server, key, transport=transport)
            assert answer.status_code == 200, answer.text
            assert name in set_cookies(answer)
            assert "refreshToken" not in answer.json()

    async def test_is_noted_at_the_passkey_and_in_the_audit(
        self, server: Server, ada: Holder
    ) -> None:
        key = an_authenticator()
        passkey = await add(ada, key)
        server.clock.advance(MINUTE)
        before = len(events(server))
        holder = await sign_in(server, key)
        (event,) = events(server, after=before)
        assert (event.type, event.session) == ("session.signed_in", holder.session_id)
        assert event.details["amr"] == "hwk user mfa"
        (shown,) = (await ada.get("/auth/passkeys")).json()["passkeys"]
        assert shown["lastUsedAt"] > passkey["createdAt"]

    async def test_opens_step_up(self, server: Server, ada: Holder) -> None:
        key = an_authenticator()
        await add(ada, key)
        server.clock.advance(5 * MINUTE)
        await ada.refresh()
        refused(await ada.post("/auth/passkeys/register/options"), 403, "STEP_UP_REQUIRED")
        await creation_options(await sign_in(server, key))

    async def test_by_an_unknown_passkey_is_refused_and_counted(self, server: Server) -> None:
        key = an_authenticator()
        before = len(events(server))
        problem = refused(await try_to_sign_in(server, key), 401, "INVALID_CREDENTIALS")
        assert "passkey" in problem["detail"]
        (event,) = events(server, after=before)
        assert (event.type, event.subject) == ("session.sign_in_failed", None)
        assert event.details == {"reason": "passkey: unknown"}

    async def test_is_limited_like_every_sign_in_and_a_success_takes_its_own_back(
        self, server: Server, ada: Holder
    ) -> None:
        mine, strange = an_authenticator(), an_authenticator(2)
        await add(ada, mine)
        for _ in range(4):
            refused(await try_to_sign_in(server, strange), 401, "INVALID_CREDENTIALS")
        await sign_in(server, mine)
        refused(await try_to_sign_in(server, strange), 401, "INVALID_CREDENTIALS")
        refused(await try_to_sign_in(server, mine), 429, "RATE_LIMITED")
        await sign_in(server, mine, ip="203.0.113.9")

    async def test_with_an_address_that_is_not_confirmed_is_refused_where_it_has_to_be(
        self, server: Server, ada: Holder, tmp_path: Path
    ) -> None:
        key = an_authenticator()
        await add(ada, key)
        await change_rows(server, "UPDATE users SET email_verified = 0")
        await sign_in(server, key)
        async with serving(
            tmp_path, seed=1, email_verification=EmailVerification.REQUIRED
        ) as other:
            refused(await try_to_sign_in(other, key), 403, "EMAIL_NOT_VERIFIED")

    async def test_a_body_with_unknown_fields_is_refused(self, server: Server) -> None:
        answer = await post_assertion(server, {}, password="x")
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["password"]


class TestOnesOwn:
    async def test_are_listed_oldest_first(self, server: Server, ada: Holder) -> None:
        first = await add(ada, an_authenticator(), name="First")
        server.clock.advance(MINUTE)
        second = await add(ada, an_authenticator(2), name="Second")
        shown = accepted(await ada.get("/auth/passkeys"), 200, "message", "passkeys")
        assert shown["passkeys"] == [first, second]

    async def test_are_renamed(self, server: Server, ada: Holder) -> None:
        passkey = await add(ada, an_authenticator(), name="First")
        before = len(events(server))
        address = f"/auth/passkeys/{passkey['id']}"
        answer = await ada.request("PATCH", address, json={"name": "Work"})
        renamed = {**passkey, "name": "Work"}
        assert accepted(answer, 200, "message", "passkey")["passkey"] == renamed
        assert (await ada.get("/auth/passkeys")).json()["passkeys"] == [renamed]
        (event,) = events(server, after=before)
        assert (event.type, event.details) == (
            "credential.passkey_renamed",
            {"passkey": passkey["id"]},
        )
        long = await ada.request("PATCH", address, json={"name": "x" * 65})
        assert fields_of(refused(long, 422, "VALIDATION_FAILED")) == ["name"]

    async def test_are_removed_and_sign_in_no_more(self, server: Server, ada: Holder) -> None:
        await change_rows(server, "UPDATE users SET email_verified = 1")
        key = an_authenticator()
        passkey = await add(ada, key, name="Old phone")
        await server.mails()
        before = len(events(server))
        address = f"/auth/passkeys/{passkey['id']}"
        accepted(await ada.request("DELETE", address), 200, "message")
        (event,) = events(server, after=before)
        assert (event.type, event.details) == (
            "credential.passkey_removed",
            {"passkey": passkey["id"]},
        )
        assert "Old phone" in (await server.mail()).text
        refused(await try_to_sign_in(server, key), 401, "INVALID_CREDENTIALS")
        refused(await ada.request("DELETE", address), 404, "NOT_FOUND")
        assert (await ada.get("/auth/passkeys")).json()["passkeys"] == []

    async def test_outlive_a_restart(self, tmp_path: Path) -> None:
        key = an_authenticator()
        async with serving(tmp_path) as server:
            await server.register()
            await add(await server.sign_in(), key)
        async with serving(tmp_path, seed=1) as server:
            await sign_in(server, key)
