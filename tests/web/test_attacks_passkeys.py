"""Passkeys attacked over the wire (catalogue W, and E05, B06, A07)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from webauthn.helpers import encode_cbor

from tests.driving import ORIGIN, Holder, Server, serving
from tests.web.contract import accepted, change_rows, events, fields_of, refused, rows
from tests.web.passkeys import (
    SIGNED_IN,
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
from watchword.domain.accounts import Status
from watchword.domain.time import MINUTE
from watchword.settings.choices import Profile
from watchword.testing.authenticator import Behaviour, SoftwareAuthenticator

FOREIGN_PAGES: dict[str, Behaviour] = {
    "another origin": Behaviour(client_data={"origin": "https://evil.example"}),
    "another port": Behaviour(client_data={"origin": "http://localhost:8001"}),
    "a name that begins alike": Behaviour(client_data={"origin": f"{ORIGIN}.evil.example"}),
    "no origin": Behaviour(client_data={"origin": None}),
    "a frame in another site": Behaviour(client_data={"crossOrigin": True}),
    "a frame in a page that is named": Behaviour(client_data={"topOrigin": "https://evil.example"}),
    "another site's hash": Behaviour(rp_id="evil.example"),
}


@pytest.fixture
async def ada(server: Server) -> Holder:
    await server.register()
    return await server.sign_in()


@pytest.fixture
async def bob(server: Server) -> Holder:
    await server.register("bob@example.com")
    return await server.sign_in("bob@example.com", ip="203.0.113.50")


@pytest.fixture
async def key(ada: Holder) -> SoftwareAuthenticator:
    """Ada's."""
    authenticator = an_authenticator()
    await add(ada, authenticator)
    return authenticator


@pytest.fixture
async def unlimited(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, limit_sign_in=None, limit_auth=None) as server:
        yield server


class TestAChallenge:
    async def test_w01_an_assertion_signs_in_once(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        credential = key.get(await request_options(server))
        accepted(await post_assertion(server, credential), 200, *SIGNED_IN)
        refused(await post_assertion(server, credential), 401, "INVALID_CREDENTIALS")

    async def test_w01_of_many_at_once_one_signs_in(self, unlimited: Server) -> None:
        await unlimited.register()
        key = an_authenticator()
        await add(await unlimited.sign_in(), key)
        credential = key.get(await request_options(unlimited))
        before = rows(unlimited, "SELECT id FROM sessions")
        answers = await asyncio.gather(*(post_assertion(unlimited, credential) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9
        assert len(rows(unlimited, "SELECT id FROM sessions")) == len(before) + 1

    async def test_w01_is_dead_after_five_minutes(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        options = await request_options(server)
        server.clock.advance(5 * MINUTE)
        refused(await post_assertion(server, key.get(options)), 401, "INVALID_CREDENTIALS")

    async def test_w01_is_used_up_by_what_fails(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        options = await request_options(server)
        lie = key.get(options, Behaviour(rp_id="evil.example"))
        refused(await post_assertion(server, lie), 401, "INVALID_CREDENTIALS")
        refused(await post_assertion(server, key.get(options)), 401, "INVALID_CREDENTIALS")

    async def test_w01_that_was_never_given_out_is_refused(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        options = await request_options(server)
        options["challenge"] = base64url.encode(bytes(32))
        refused(await post_assertion(server, key.get(options)), 401, "INVALID_CREDENTIALS")

    async def test_w01_to_register_is_good_in_its_own_session_alone(
        self, server: Server, ada: Holder, bob: Holder
    ) -> None:
        options = await creation_options(ada)
        body = {"credential": an_authenticator().create(options)}
        for stranger in (bob, await server.sign_in()):
            answer = await stranger.post("/auth/passkeys/register", json=body)
            refused(answer, 422, "VALIDATION_FAILED")
        answer = await ada.post("/auth/passkeys/register", json=body)
        accepted(answer, 201, "message", "passkey")
        answer = await ada.post("/auth/passkeys/register", json=body)
        refused(answer, 422, "VALIDATION_FAILED")

    async def test_w01_of_one_ceremony_is_of_no_use_in_the_other(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        to_create, to_get = await creation_options(ada), await request_options(server)
        asserted = key.get({**to_get, "challenge": to_create["challenge"]})
        refused(await post_assertion(server, asserted), 401, "INVALID_CREDENTIALS")
        created = an_authenticator(2).create({**to_create, "challenge": to_get["challenge"]})
        answer = await ada.post("/auth/passkeys/register", json={"credential": created})
        refused(answer, 422, "VALIDATION_FAILED")

    async def test_w01_lies_in_the_database_as_a_hash(self, server: Server) -> None:
        challenge = base64url.decode((await request_options(server))["challenge"])
        stored = [value for row in rows(server, "SELECT * FROM links") for value in row]
        assert stored
        assert not any(challenge in value for value in stored if isinstance(value, bytes))

    async def test_w01_of_one_browser_does_not_end_anothers(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        first = await request_options(server)
        await request_options(server)
        accepted(await post_assertion(server, key.get(first)), 200, *SIGNED_IN)

    async def test_w01_of_a_password_that_was_changed_adds_no_passkey(
        self, server: Server, ada: Holder
    ) -> None:
        options = await creation_options(ada)
        body = {
            "currentPassword": "correct horse battery staple",
            "newPassword": "marble otter lantern quay",
        }
        assert (await ada.post("/auth/change-password", json=body)).status_code == 200
        credential = an_authenticator().create(options)
        answer = await ada.post("/auth/passkeys/register", json={"credential": credential})
        refused(answer, 422, "VALIDATION_FAILED")


class TestWhereItWasAsked:
    @pytest.mark.parametrize("page", FOREIGN_PAGES)
    async def test_w02_a_sign_in_elsewhere_is_none_here(
        self, server: Server, key: SoftwareAuthenticator, page: str
    ) -> None:
        answer = await try_to_sign_in(server, key, FOREIGN_PAGES[page])
        refused(answer, 401, "INVALID_CREDENTIALS")

    @pytest.mark.parametrize("page", FOREIGN_PAGES)
    async def test_w02_a_passkey_of_elsewhere_is_none_here(
        self, server: Server, ada: Holder, page: str
    ) -> None:
        answer = await try_to_add(ada, an_authenticator(), FOREIGN_PAGES[page])
        refused(answer, 422, "VALIDATION_FAILED")
        assert (await ada.get("/auth/passkeys")).json()["passkeys"] == []

    async def test_w02_the_type_of_the_other_ceremony_is_refused(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        as_created = Behaviour(client_data={"type": "webauthn.create"})
        refused(await try_to_sign_in(server, key, as_created), 401, "INVALID_CREDENTIALS")
        as_got = Behaviour(client_data={"type": "webauthn.get"})
        answer = await try_to_add(ada, an_authenticator(2), as_got)
        refused(answer, 422, "VALIDATION_FAILED")

    async def test_w02_a_page_that_may_call_the_api_may_ask(self, tmp_path: Path) -> None:
        page = "http://localhost:3000"
        async with serving(tmp_path, cors_origins=(page,)) as server:
            await server.register()
            key = SoftwareAuthenticator(page)
            await add(await server.sign_in(), key)
            await sign_in(server, key)


class TestTheFlags:
    async def test_w03_where_the_person_has_to_be_verified_nothing_less_will_do(
        self, tmp_path: Path
    ) -> None:
        unverified = Behaviour(user_verified=False)
        async with serving(tmp_path, profile=Profile.STRICT) as server:
            await server.register()
            ada, key = await server.sign_in(), an_authenticator()
            refused(await try_to_add(ada, key, unverified), 422, "VALIDATION_FAILED")
            await add(ada, key)
            answer = await try_to_sign_in(server, key, unverified)
            refused(answer, 401, "INVALID_CREDENTIALS")
            await sign_in(server, key)

    async def test_w03_elsewhere_it_is_one_factor_and_not_two(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        holder = await sign_in(server, key, Behaviour(user_verified=False))
        assert "mfa" not in holder.answer["session"]["amr"]

    async def test_w03_one_factor_is_not_enough_for_an_account_that_has_two(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        await change_rows(server, "UPDATE users SET mfa_enabled = 1")
        before = len(rows(server, "SELECT id FROM sessions"))
        answer = await try_to_sign_in(server, key, Behaviour(user_verified=False))
        refused(answer, 401, "INVALID_CREDENTIALS")
        assert len(rows(server, "SELECT id FROM sessions")) == before
        await sign_in(server, key)

    @pytest.mark.parametrize(
        "behaviour",
        [
            Behaviour(user_present=False),
            Behaviour(backed_up=True),
            Behaviour(backup_eligible=True),
            Behaviour(tail=b"\x00"),
        ],
        ids=["nobody there", "backed up and cannot be", "can be of a sudden", "more than it says"],
    )
    async def test_w04_impossible_flags_are_refused(
        self, server: Server, key: SoftwareAuthenticator, behaviour: Behaviour
    ) -> None:
        refused(await try_to_sign_in(server, key, behaviour), 401, "INVALID_CREDENTIALS")


class TestSomebodyElses:
    async def test_w05_a_passkey_signs_in_its_owner_whoever_held_the_browser(
        self, server: Server, bob: Holder, key: SoftwareAuthenticator
    ) -> None:
        credential = key.get(await request_options(server))
        body = {"credential": credential, "transport": "body"}
        answer = await bob.post("/auth/passkeys/login", json=body)
        user = accepted(answer, 200, *SIGNED_IN)["user"]
        assert user["email"] == "ada@example.com"

    async def test_w05_the_handle_of_another_user_is_refused(
        self, server: Server, bob: Holder, key: SoftwareAuthenticator
    ) -> None:
        handle = bob.answer["user"]["id"].encode()
        answer = await try_to_sign_in(server, key, Behaviour(user_handle=handle))
        refused(answer, 401, "INVALID_CREDENTIALS")

    async def test_w05_the_name_of_one_passkey_with_the_signature_of_another_is_refused(
        self, server: Server, bob: Holder, key: SoftwareAuthenticator
    ) -> None:
        own = an_authenticator(2)
        await add(bob, own)
        credential = own.get(await request_options(server))
        credential["id"] = credential["rawId"] = base64url.encode(key.credential_id)
        before = len(events(server))
        refused(await post_assertion(server, credential), 401, "INVALID_CREDENTIALS")
        (event,) = events(server, after=before)
        assert event.type == "session.sign_in_failed"

    async def test_w07_a_credential_id_that_is_taken_is_refused_to_everybody(
        self, server: Server, ada: Holder, bob: Holder, key: SoftwareAuthenticator
    ) -> None:
        thief = an_authenticator(9)
        thief.credential_id = key.credential_id
        for holder in (ada, bob):
            refused(await try_to_add(holder, thief), 409, "CONFLICT")
        holder = await sign_in(server, key)
        assert holder.answer["user"]["email"] == "ada@example.com"

    async def test_w07_a_credential_id_has_1023_bytes_at_most(
        self, server: Server, ada: Holder
    ) -> None:
        answer = await try_to_add(ada, an_authenticator(2, id_length=1_024))
        refused(answer, 422, "VALIDATION_FAILED")
        longest = an_authenticator(3, id_length=1_023)
        await add(ada, longest)
        await sign_in(server, longest)

    async def test_w09_of_anothers_nothing_is_seen_renamed_or_removed(
        self, server: Server, ada: Holder, bob: Holder, key: SoftwareAuthenticator
    ) -> None:
        (passkey,) = (await ada.get("/auth/passkeys")).json()["passkeys"]
        assert (await bob.get("/auth/passkeys")).json()["passkeys"] == []
        told = []
        for id_ in (passkey["id"], "0" * 32):
            address = f"/auth/passkeys/{id_}"
            for answer in (
                await bob.request("PATCH", address, json={"name": "Mine"}),
                await bob.request("DELETE", address),
            ):
                problem = refused(answer, 404, "NOT_FOUND")
                told.append(problem["detail"])
        assert len(set(told)) == 1
        assert (await ada.get("/auth/passkeys")).json()["passkeys"] == [passkey]


class TestACounter:
    async def test_w06_that_does_not_go_forward_is_refused_and_its_owner_hears_of_it(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        await sign_in(server, key, Behaviour(sign_count=7))
        await server.mails()
        for told in (7, 6, 0):
            before = len(events(server))
            answer = await try_to_sign_in(server, key, Behaviour(sign_count=told))
            refused(answer, 401, "INVALID_CREDENTIALS")
            (event,) = events(server, after=before)
            assert event.type == "credential.passkey_suspected"
            assert event.subject == ada.answer["user"]["id"]
            assert (event.details["kept"], event.details["told"]) == (7, told)
            mail = await server.mail()
            assert (mail.to, "a copy of it" in mail.text) == ("ada@example.com", True)
        await sign_in(server, key, Behaviour(sign_count=8))

    async def test_w06_that_is_not_there_is_no_reason_to_suspect(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        for _ in range(3):
            await sign_in(server, key, Behaviour(sign_count=0))

    async def test_w06_of_clones_at_once_one_gets_in(self, unlimited: Server) -> None:
        await unlimited.register()
        key = an_authenticator()
        await add(await unlimited.sign_in(), key)
        options = [await request_options(unlimited) for _ in range(5)]
        clones = [key.get(asked, Behaviour(sign_count=3)) for asked in options]
        answers = await asyncio.gather(*(post_assertion(unlimited, clone) for clone in clones))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 4


def _nested(depth: int) -> bytes:
    return b"\x81" * depth + b"\x00"


# A COSE_Key of ES256 whose point is on no curve.
_OFF_CURVE = encode_cbor({1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32})

MALFORMED_KEYS: dict[str, Behaviour] = {
    "an algorithm that was not offered": Behaviour(
        public_key=encode_cbor({1: 2, 3: -36, -1: 3, -2: b"\x01" * 66, -3: b"\x02" * 66})
    ),
    "a point on no curve": Behaviour(public_key=_OFF_CURVE),
    "bytes behind the key": Behaviour(tail=b"\x00"),
    "a key that is none": Behaviour(public_key=b"\xa0"),
    "half a key": Behaviour(public_key=_OFF_CURVE[:20]),
    "a key of a thousand floors": Behaviour(public_key=_nested(1_000)),
    "a statement of a thousand floors": Behaviour(extensions=_nested(1_000)),
    "a statement where none may be": Behaviour(statement={"x": 1}),
}


class TestARegistration:
    @pytest.mark.parametrize("lie", MALFORMED_KEYS)
    async def test_w08_a_malformed_one_is_refused_in_good_order(
        self, server: Server, ada: Holder, lie: str
    ) -> None:
        answer = await try_to_add(ada, an_authenticator(), MALFORMED_KEYS[lie])
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["credential"]
        assert (await ada.get("/auth/passkeys")).json()["passkeys"] == []

    @pytest.mark.parametrize(
        "credential",
        [
            {"id": 1, "response": []},
            {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}},
            {"response": {"clientDataJSON": "e30"}},
            {"response": {"clientDataJSON": "AAAA" * 10_000}},
            {"response": {"clientDataJSON": base64url.encode(b'{"challenge": "\\ud800"}')}},
            {"response": {"clientDataJSON": base64url.encode(b'{"challenge": 1}')}},
            {"response": {"clientDataJSON": base64url.encode(b"[" * 20_000)}},
            {"id": "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace")},
        ],
    )
    async def test_w08_any_json_is_refused_in_good_order(
        self, unlimited: Server, credential: dict[str, Any]
    ) -> None:
        await unlimited.register()
        ada = await unlimited.sign_in()
        answer = await ada.post("/auth/passkeys/register", json={"credential": credential})
        assert fields_of(refused(answer, 422, "VALIDATION_FAILED")) == ["credential"]
        refused(await post_assertion(unlimited, credential), 401, "INVALID_CREDENTIALS")

    async def test_w09_needs_a_recent_proof(self, server: Server, ada: Holder) -> None:
        credential = an_authenticator().create(await creation_options(ada))
        server.clock.advance(5 * MINUTE)
        await ada.refresh()
        refused(await ada.post("/auth/passkeys/register/options"), 403, "STEP_UP_REQUIRED")
        answer = await ada.post("/auth/passkeys/register", json={"credential": credential})
        refused(answer, 403, "STEP_UP_REQUIRED")

    async def test_w09_of_nobody_is_refused(self, server: Server) -> None:
        client = server.client()
        for address in ("/auth/passkeys/register/options", "/auth/passkeys/register"):
            refused(await client.post(address, json={}), 401, "TOKEN_MISSING")


class TestTheLastWayIn:
    """There is no relay here: what is mailed is a file, and brings nobody back in."""

    @staticmethod
    async def own(holder: Holder) -> list[str]:
        """Their addresses."""
        shown = (await holder.get("/auth/passkeys")).json()["passkeys"]
        return [f"/auth/passkeys/{passkey['id']}" for passkey in shown]

    async def test_w09_is_not_removed(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        await change_rows(server, "UPDATE users SET password_hash = NULL")
        (only,) = await self.own(ada)
        refused(await ada.request("DELETE", only), 409, "LAST_CREDENTIAL")
        await sign_in(server, key)

    async def test_w09_of_two_removed_at_once_one_is_left(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        await add(ada, an_authenticator(2))
        await change_rows(server, "UPDATE users SET password_hash = NULL")
        both = await self.own(ada)
        answers = await asyncio.gather(*(ada.request("DELETE", address) for address in both))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert len(await self.own(ada)) == 1

    async def test_w09_is_none_where_a_password_is(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        (only,) = await self.own(ada)
        accepted(await ada.request("DELETE", only), 200, "message")

    async def test_w09_needs_a_recent_proof(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        (only,) = await self.own(ada)
        server.clock.advance(5 * MINUTE)
        await ada.refresh()
        refused(await ada.request("DELETE", only), 403, "STEP_UP_REQUIRED")


class TestWhoHasAnAccount:
    async def test_e05_is_not_told_by_the_options(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        told = []
        for body in (
            {"email": "ada@example.com"},
            {"email": "nobody@example.com"},
            {"email": "no address"},
            {},
        ):
            options = await request_options(server, **body)
            assert options.pop("challenge")
            told.append(options)
        assert told == [told[0]] * 4

    async def test_e05_is_not_told_by_a_refusal(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        unknown = await try_to_sign_in(server, an_authenticator(2))
        known = await try_to_sign_in(server, key, Behaviour(rp_id="evil.example"))
        said = []
        for answer in (unknown, known):
            problem = refused(answer, 401, "INVALID_CREDENTIALS")
            said.append({name: text for name, text in problem.items() if name != "requestId"})
        assert said[0] == said[1]


class TestAnAccount:
    async def test_b06_that_is_locked_by_strangers_is_entered_by_its_passkey(
        self, server: Server, key: SoftwareAuthenticator
    ) -> None:
        wrong = {"email": "ada@example.com", "password": "a wrong guess entirely"}
        answers = [
            await server.client(f"10.0.{number}.1").post("/auth/login", json=wrong)
            for number in range(6)
        ]
        refused(answers[-1], 429, "TOO_MANY_ATTEMPTS")
        await sign_in(server, key)

    async def test_b06_is_not_locked_by_bad_assertions(self, unlimited: Server) -> None:
        await unlimited.register()
        key = an_authenticator()
        await add(await unlimited.sign_in(), key)
        for _ in range(8):
            answer = await try_to_sign_in(unlimited, key, Behaviour(rp_id="evil.example"))
            refused(answer, 401, "INVALID_CREDENTIALS")
        await sign_in(unlimited, key)
        await unlimited.sign_in()

    async def test_a07_that_is_disabled_is_not_entered(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        options = await request_options(server)
        async with server.core.store.transaction() as unit:
            await unit.accounts.change_status(ada.answer["user"]["id"], Status.DISABLED)
        refused(await post_assertion(server, key.get(options)), 403, "ACCOUNT_DISABLED")
        assert rows(server, "SELECT last_used_at FROM passkeys") == [(None,)]
        refused(await ada.post("/auth/passkeys/register/options"), 401, "SESSION_REVOKED")

    async def test_a07_that_is_deleted_takes_its_passkeys_along(
        self, server: Server, ada: Holder, key: SoftwareAuthenticator
    ) -> None:
        options = await request_options(server)
        address = f"/users/{ada.answer['user']['id']}"
        assert (await ada.request("DELETE", address)).status_code == 200
        refused(await post_assertion(server, key.get(options)), 401, "INVALID_CREDENTIALS")
        assert rows(server, "SELECT id FROM passkeys") == []

    async def test_a07_a_session_that_was_ended_adds_no_passkey(
        self, server: Server, ada: Holder
    ) -> None:
        credential = an_authenticator().create(await creation_options(ada))
        await ada.post("/auth/logout", json={})
        answer = await ada.post("/auth/passkeys/register", json={"credential": credential})
        refused(answer, 401, "SESSION_REVOKED")


class TestAPlantedPasskey:
    @pytest.mark.parametrize("was_verified", [False, True])
    async def test_o08_ends_when_the_owner_of_the_address_shows_that_it_is_theirs(
        self, server: Server, was_verified: bool
    ) -> None:
        """Whoever made the account in the name of another's address keeps no way in."""
        await server.register()
        if was_verified:
            await change_rows(server, "UPDATE users SET email_verified = 1")
        maker, authenticator = await server.sign_in(), an_authenticator()
        await add(maker, authenticator)
        await server.mails()
        await server.client().post("/auth/forgot-password", json={"email": "ada@example.com"})
        body = {"token": (await server.mail()).token, "newPassword": "marble otter lantern quay"}
        assert (await server.client().post("/auth/reset-password", json=body)).status_code == 200
        answer = await try_to_sign_in(server, authenticator)
        assert answer.status_code == (200 if was_verified else 401)
        removed = [e for e in events(server) if e.type == "credential.passkey_removed"]
        assert len(removed) == (0 if was_verified else 1)
        assert len(await server.mails()) == (1 if was_verified else 2)
