"""A copy of one's data: all of it, for its owner, and no secret."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.driving import PASSWORD, Server
from tests.kept import Database, rows
from tests.web.contract import change_rows
from tests.web.pages.operator import confirm, events_of, id_of
from tests.web.pages.own_data import PATH, copy_of, send, take
from tests.web.pages.test_console_audit import Meddling, OnePage
from tests.web.passkeys import add, an_authenticator
from tests.web.second_factor import Phone, enrol
from tests.web.visitor import ADA, Visitor
from watchword.domain.events import ProfileChanged
from watchword.domain.identities import LinkedIdentity
from watchword.domain.sessions import EndReason
from watchword.domain.time import HOUR, MINUTE
from watchword.ports import RequestTrace

ISSUER = "https://provider.example"


@pytest.fixture
async def ada(server: Server) -> Visitor:
    await server.register()
    visitor = Visitor(server)
    await visitor.sign_in()
    return visitor


async def does_much(server: Server, times: int) -> None:
    ada = await id_of(server, ADA)
    async with server.core.store.transaction() as unit:
        for _ in range(times):
            event = ProfileChanged(subject=ada, actor=ada, session="s")
            await unit.audit.append(event, at=server.clock.now(), trace=RequestTrace())


async def has_everything(server: Server) -> Phone:
    """A second factor, a passkey, an account elsewhere, letters that wait, links and challenges
    that nobody has used, and a browser that is trusted.
    """
    holder = await server.sign_in()
    await holder.post("/auth/forgot-password", json={"email": ADA})
    assert "/reset-password#" in "".join([mail.text for mail in await server.mails()])
    await add(holder, an_authenticator(), name="Blue key")
    await holder.post("/auth/passkeys/register/options")
    phone = await enrol(server, holder)
    await server.client().post("/auth/magic-link", json={"email": ADA.title()})
    own, now = await id_of(server, ADA), server.clock.now()
    identity = LinkedIdentity(
        issuer=ISSUER,
        subject="ada-over-there",
        user_id=own,
        provider="other",
        address="ada@provider.example",
        address_proven=True,
        created_at=now,
        last_used_at=now,
    )
    async with server.core.store.transaction() as unit:
        await unit.identities.link(identity)
    return phone


async def signed_in_with(server: Server, phone: Phone) -> Visitor:
    """In a browser that is trusted from then on."""
    visitor = Visitor(server)
    page = await visitor.sign_in()
    form = next(form for form in page.forms if "code" in form.names)
    await visitor.send(form, code=phone.next_code(), trustDevice="yes")
    assert visitor.place == "/account"
    return visitor


class TestWhoHoldsACookieAlone:
    async def test_s01_is_led_to_a_fresh_proof_and_gets_nothing(
        self, server: Server, ada: Visitor
    ) -> None:
        form = (await ada.look(PATH)).form(PATH)
        server.clock.advance(6 * MINUTE)
        page = await ada.look(PATH)
        assert (ada.place, ada.asked()) == ("/confirm", {"returnTo": PATH})
        assert "@" not in page.text.replace(ADA, "")
        answer = await send(ada, form)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/confirm?returnTo={PATH}"
        assert answer.content == b""
        assert await events_of(server, "account.data_exported") == []

    async def test_goes_on_where_they_were_once_they_have_shown_who_they_are(
        self, server: Server, ada: Visitor
    ) -> None:
        server.clock.advance(6 * MINUTE)
        await ada.look(PATH)
        page = await confirm(ada)
        assert ada.place == PATH
        assert json.loads((await send(ada, page.form(PATH))).text)["user"]["email"] == ADA

    async def test_s07_gets_nothing_by_a_form_of_another_site(self, ada: Visitor) -> None:
        form = (await ada.look(PATH)).form(PATH)
        form.fields["csrfToken"] = "guessed"
        assert (await send(ada, form)).status_code == 403
        assert (await ada.client.get(PATH)).headers["content-type"].startswith("text/html")

    async def test_s01_gets_no_more_once_the_owner_has_ended_the_session(
        self, server: Server, ada: Visitor
    ) -> None:
        await does_much(server, 650)
        services, own = server.core.services, await id_of(server, ADA)

        async def sign_out() -> None:
            await services.sessions.end_all(own, RequestTrace(), actor=None)

        meddled = Meddling(services.audit, sign_out, after=2)
        object.__setattr__(services, "audit", meddled)
        answer = await take(ada)
        assert answer.text.count('"requestId"') == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)


class TestTheCopy:
    @pytest.mark.every_store(moving=True)
    @pytest.mark.usefixtures("ada")
    async def test_is_a_file_of_all_that_is_kept(self, server: Server) -> None:
        phone = await has_everything(server)
        visitor = await signed_in_with(server, phone)
        answer = await take(visitor)
        assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
        kept = json.loads(answer.text)
        user = kept["user"]
        assert (user["email"], user["status"], user["hasPassword"]) == (ADA, "active", True)
        assert len(kept["sessions"]) == 3
        assert [passkey["name"] for passkey in kept["passkeys"]] == ["Blue key"]
        (identity,) = kept["identities"]
        assert (identity["issuer"], identity["subject"]) == (ISSUER, "ada-over-there")
        assert kept["secondFactor"]["recoveryCodes"] == len(phone.recovery_codes)
        assert {letter["kind"] for letter in kept["mail"]} >= {"magic_link", "mfa_enabled"}
        assert {link["purpose"] for link in kept["links"]} >= {
            *("reset_password", "passkey_register"),
        }
        assert [device["trustedUntil"] is not None for device in kept["devices"]].count(True) == 1
        types = {event["type"] for event in kept["events"]}
        assert types >= {"session.signed_in", "credential.passkey_added", "mail.link_sent"}

    @pytest.mark.every_store(moving=True)
    async def test_holds_the_sessions_that_have_ended_and_each_once(
        self, server: Server, ada: Visitor
    ) -> None:
        gone = await server.sign_in()
        await gone.post("/auth/logout")
        stale = await server.sign_in()
        await change_rows(
            server, "UPDATE sessions SET idle_expires_at = 1 WHERE id = :id", id=stale.session_id
        )
        kept = await copy_of(ada)
        ended = {session["id"]: session for session in kept["endedSessions"]}
        assert ended.keys() == {gone.session_id, stale.session_id}
        assert ended[gone.session_id]["endedReason"] == EndReason.SIGNED_OUT
        assert ended[stale.session_id]["endedAt"] is None
        assert ended.keys().isdisjoint({session["id"] for session in kept["sessions"]})

    async def test_a03_holds_nothing_of_anybody_else(self, server: Server, ada: Visitor) -> None:
        await server.register("bob@example.com")
        bob = await server.sign_in("bob@example.com")
        await bob.post("/auth/logout")
        await bob.client.post("/auth/forgot-password", json={"email": "bob@example.com"})
        told = (await take(ada)).text
        assert await id_of(server, "bob@example.com") not in told
        assert bob.session_id not in told
        assert json.loads(told)["mail"] == []

    async def test_is_noted_as_what_its_owner_did(self, server: Server, ada: Visitor) -> None:
        kept = await copy_of(ada)
        (event,) = await events_of(server, "account.data_exported")
        own = await id_of(server, ADA)
        assert (event.subject, event.actor) == (own, own)
        assert event.session == kept["sessions"][0]["id"]
        assert event.trace.ip == "198.51.100.7"
        assert (
            "A copy of all that is kept was downloaded"
            in (await ada.look("/account/activity")).text
        )

    async def test_x01_is_sent_page_by_page_however_much_there_is(
        self, server: Server, ada: Visitor
    ) -> None:
        await does_much(server, 450)
        events = (await copy_of(ada))["events"]
        assert len({event["id"] for event in events}) == len(events) == 452
        services = server.core.services
        object.__setattr__(services, "audit", OnePage(services.audit))
        assert (await take(ada)).text.count('"requestId"') == 200

    async def test_x05_that_cannot_be_finished_looks_like_nothing_whole(
        self, server: Server, ada: Visitor
    ) -> None:
        await does_much(server, 250)
        services = server.core.services
        object.__setattr__(services, "audit", OnePage(services.audit))
        answer = await take(ada)
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)
        answer = await take(ada)
        assert answer.status_code == 503
        assert "content-disposition" not in answer.headers


class TestNoSecret:
    @pytest.mark.every_store
    @pytest.mark.usefixtures("ada")
    async def test_s01_is_in_the_copy_in_whatever_spelling(self, server: Server) -> None:
        """A thief who has come by the file has come by nothing to sign in with."""
        phone = await has_everything(server)
        visitor = await signed_in_with(server, phone)
        kept = dict(secrets_in(server.core.settings.database))
        told = (await take(visitor)).text
        assert {name.partition(" ")[0] for name in kept} >= {
            *("users.password_hash", "sessions.salt", "totp.sealed_secret", "links.token_hash"),
            *("recovery_codes.code_hash", "devices.device_hash", "passkeys.public_key"),
            "letters.detail",
        }
        for name, value in kept.items():
            for spelled in spellings(value):
                assert spelled not in told, name
        held = [cookie.value for cookie in visitor.client.cookies.jar]
        assert len(held) >= 2
        for secret in (PASSWORD, phone.secret, *phone.recovery_codes, *held):
            assert str(secret) not in told

    async def test_s01_is_in_the_page_that_offers_it(self, ada: Visitor) -> None:
        held = [str(cookie.value) for cookie in ada.client.cookies.jar]
        page = await ada.look(PATH)
        assert not [secret for secret in held if secret in page.answer.text]


def secrets_in(database: Database) -> Iterator[tuple[str, bytes]]:
    """Every value of the database that is bytes, but for what browsers know a passkey by; and what
    hides in texts.
    """
    for table in (found["name"] for found in rows(database, _TABLES[isinstance(database, Path)])):
        for number, row in enumerate(rows(database, f"SELECT * FROM {table}")):
            for column, value in row.items():
                name = f"{table}.{column}"
                if isinstance(value, bytes) and column != "credential_id":
                    yield f"{name} {number}", value
                elif name == "users.password_hash" or _is_a_hash(table, column, row):
                    yield f"{name} {number}", str(value).encode()


_TABLES = {
    True: "SELECT name FROM sqlite_master WHERE type = 'table'",
    False: "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
}


def _is_a_hash(table: str, column: str, row: dict[str, Any]) -> bool:
    """Of what binds a sign-in link to a browser."""
    return (table, column) == ("letters", "detail") and row["reason"] == "magic_link"


def spellings(value: bytes) -> set[str]:
    encoded = {
        value.hex(),
        base64.b64encode(value).decode().rstrip("="),
        base64.urlsafe_b64encode(value).decode().rstrip("="),
        base64.b32encode(value).decode().rstrip("="),
        repr(value)[2:-1],
    }
    return encoded | {value.decode("latin-1")}


async def test_a_device_is_forgotten_with_its_account(server: Server, ada: Visitor) -> None:
    before = [device["firstSeenAt"] for device in (await copy_of(ada))["devices"]]
    form = (await ada.look("/account/delete")).form("/account/delete")
    await ada.send(form, email=ADA)
    server.clock.advance(HOUR)
    await server.register()
    await ada.sign_in()
    again = [device["firstSeenAt"] for device in (await copy_of(ada))["devices"]]
    assert again
    assert min(again) > max(before)
