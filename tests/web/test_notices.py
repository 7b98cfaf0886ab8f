"""What an owner is told of: each is a mail and an audit event, with its change or not at all.

ASVS 6.3.5, 6.3.7; NIST SP 800-63B-4 section 4.6. A letter that cannot be written undoes the change
that it tells of, and so does an event.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.adapters.maxmind.archives import LONDON, MILTON
from tests.driving import PASSWORD, Holder, Server
from tests.web.contract import events, nothing_new_in, refused, rows
from tests.web.federated import Scene, beside, link
from tests.web.mailed import ADA, NEW, OPEN, login, mail_to
from tests.web.passkeys import add, an_authenticator, try_to_add, try_to_sign_in
from tests.web.places import put_places
from tests.web.second_factor import Phone, complete, enrol, token_of
from watchword.domain.letters import WITH_LINK, Reason
from watchword.testing.authenticator import HONEST

NEXT = "new@example.org"
OTHER = "thunder willow compass brick"

Act = Callable[[], Awaitable[httpx2.Response]]
Prepare = Callable[[Scene, Holder], Awaitable[Act]]
"""What an act needs is made beforehand; the act itself may be done again when it has failed."""


async def from_elsewhere(scene: Scene, ada: Holder) -> Act:
    body = {"email": ADA, "password": PASSWORD, "transport": "body"}
    stranger = scene.server.client("203.0.113.5", **{"User-Agent": "Elsewhere/1.0"})
    return lambda: stranger.post("/auth/login", json=body)


async def from_afar(scene: Scene, ada: Holder) -> Act:
    body = {"email": ADA, "password": PASSWORD, "transport": "body"}
    await scene.server.client(LONDON).post("/auth/login", json=body)
    return lambda: scene.server.client(MILTON).post("/auth/login", json=body)


async def new_password(scene: Scene, ada: Holder) -> Act:
    body = {"currentPassword": PASSWORD, "newPassword": NEW}
    return lambda: ada.post("/auth/change-password", json=body)


async def reset(scene: Scene, ada: Holder) -> Act:
    await scene.server.client().post("/auth/forgot-password", json={"email": ADA})
    body = {"token": (await mail_to(scene.server, ADA)).token, "newPassword": NEW}
    return lambda: scene.server.client().post("/auth/reset-password", json=body)


async def planted(scene: Scene, ada: Holder) -> Act:
    await add(ada, an_authenticator(), name="Planted")
    return await reset(scene, ada)


async def taken_over(scene: Scene, ada: Holder) -> Act:
    """By a sign-in link, in a browser that the account has never seen (attack O08)."""
    browser = scene.server.client()
    await browser.post("/auth/magic-link", json={"email": ADA})
    body = {"token": (await mail_to(scene.server, ADA)).token}
    return lambda: browser.post("/auth/magic-link/complete", json=body)


async def another_address(scene: Scene, ada: Holder) -> Act:
    return lambda: ada.post("/auth/change-email", json={"newEmail": NEXT})


async def confirmed_address(scene: Scene, ada: Holder) -> Act:
    await ada.post("/auth/change-email", json={"newEmail": NEXT})
    body = {"token": (await mail_to(scene.server, NEXT)).token}
    return lambda: scene.server.client().post("/auth/verify-email", json=body)


async def app_on(scene: Scene, ada: Holder) -> Act:
    secret = (await ada.post("/auth/mfa/enable", json={})).json()["secret"]
    body = {"code": Phone(scene.server, secret).code()}
    return lambda: ada.post("/auth/mfa/verify", json=body)


async def app_off(scene: Scene, ada: Holder) -> Act:
    phone = await enrol(scene.server, ada)
    return lambda: ada.post("/auth/mfa/disable", json={"code": phone.next_code()})


async def recovery_code(scene: Scene, ada: Holder) -> Act:
    phone = await enrol(scene.server, ada)
    token, code = await token_of(scene.server), phone.recovery_codes[0]
    return lambda: complete(scene.server, token, recoveryCode=code)


async def new_codes(scene: Scene, ada: Holder) -> Act:
    await enrol(scene.server, ada)
    return lambda: ada.post("/auth/mfa/recovery-codes", json={})


async def new_passkey(scene: Scene, ada: Holder) -> Act:
    return lambda: try_to_add(ada, an_authenticator())


async def passkey_removed(scene: Scene, ada: Holder) -> Act:
    address = f"/auth/passkeys/{(await add(ada, an_authenticator()))['id']}"
    return lambda: ada.request("DELETE", address)


async def cloned_passkey(scene: Scene, ada: Holder) -> Act:
    key = an_authenticator()
    await add(ada, key, replace(HONEST, sign_count=7))
    return lambda: try_to_sign_in(scene.server, key, replace(HONEST, sign_count=7))


async def replay(scene: Scene, ada: Holder) -> Act:
    first = ada.refresh_token
    await ada.refresh()
    await ada.refresh()
    return lambda: ada.refresh(first)


async def fifth_failure(scene: Scene, ada: Holder) -> Act:
    for _ in range(4):
        assert (await login(scene.server, ADA, OTHER)).status_code == 401
    return lambda: login(scene.server, ADA, OTHER)


async def identity_linked(scene: Scene, ada: Holder) -> Act:
    scene.become("ada-1", ADA)
    return lambda: link(scene, ada)


async def identity_unlinked(scene: Scene, ada: Holder) -> Act:
    await (await identity_linked(scene, ada))()
    (identity,) = (await ada.get("/auth/identities")).json()["identities"]
    return lambda: ada.request("DELETE", f"/auth/identities/{identity['id']}")


class Notice(NamedTuple):
    """``letters``: what goes to whom, by their names. ``events``: what is written, in order."""

    prepare: Prepare
    status: int
    letters: list[tuple[str, str]]
    events: list[str]


def of(prepare: Prepare, reason: str, *written: str, status: int = 200) -> Notice:
    return Notice(prepare, status, [(reason, ADA)], list(written))


SIGNED_IN = "session.signed_in"
UNUSUAL = "session.unusual_sign_in"
NOTICES = {
    "a new device": of(from_elsewhere, "new_device", SIGNED_IN, UNUSUAL),
    "an unusual sign-in": of(from_afar, "unusual_sign_in", SIGNED_IN, UNUSUAL),
    "a changed password": of(new_password, "password_changed", "credential.password_changed"),
    "a reset password": of(
        reset, "password_reset", "credential.password_reset", "session.all_ended"
    ),
    "a planted passkey": Notice(
        planted,
        200,
        [("passkey_removed", ADA), ("password_reset", ADA)],
        ["credential.passkey_removed", "credential.password_reset", "session.all_ended"],
    ),
    "a removed password": of(
        taken_over,
        "password_removed",
        *("account.email_verified", "session.all_ended", "credential.password_removed", SIGNED_IN),
    ),
    "another address asked for": Notice(
        another_address,
        202,
        [("confirm_new_email", NEXT), ("email_change_requested", ADA)],
        ["account.email_change_requested"],
    ),
    "a changed address": Notice(
        confirmed_address,
        200,
        [("email_changed", ADA), ("email_changed", NEXT)],
        ["account.email_changed"],
    ),
    "a second factor": of(app_on, "mfa_enabled", "credential.mfa_enabled"),
    "no second factor": of(app_off, "mfa_disabled", "credential.mfa_disabled"),
    "a used recovery code": of(
        recovery_code, "recovery_code_used", "credential.recovery_code_used", SIGNED_IN
    ),
    "new recovery codes": of(
        new_codes, "recovery_codes_replaced", "credential.recovery_codes_replaced"
    ),
    "a new passkey": of(new_passkey, "passkey_added", "credential.passkey_added", status=201),
    "no passkey": of(passkey_removed, "passkey_removed", "credential.passkey_removed"),
    "a cloned passkey": of(
        cloned_passkey, "passkey_suspected", "credential.passkey_suspected", status=401
    ),
    "a linked identity": of(
        identity_linked, "identity_linked", "credential.identity_linked", status=303
    ),
    "no identity": of(identity_unlinked, "identity_unlinked", "credential.identity_unlinked"),
    "a replay": of(replay, "token_reused", "session.token_reused", status=401),
    "a lock": of(
        fifth_failure, "account_locked", "session.sign_in_failed", "account.locked", status=401
    ),
}
EVERY_NOTICE = pytest.mark.parametrize("what", NOTICES)
# Told of no act of this account.
ELSEWHERE = {Reason.ALREADY_REGISTERED}
# Challenges, codes and failures are used up and counted on their own, whatever comes of it.
KEPT = {
    **dict.fromkeys(("users", "sessions", "devices", "passkeys", "recovery_codes"), "*"),
    "identities": "*",
    "totp": "user_id, confirmed_at",
    "letters": "*",
    "audit_events": "*",
}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    put_places(tmp_path)
    async with beside(tmp_path, **OPEN) as running:
        yield running


@pytest.fixture
def server(scene: Scene) -> Server:
    return scene.server


@pytest.fixture
async def ada(server: Server) -> Holder:
    await server.register(ADA)
    return await server.sign_in(ADA)


def letters(server: Server) -> list[tuple[Any, ...]]:
    return rows(server, "SELECT reason, address FROM letters ORDER BY reason, address")


def state(server: Server) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(server, f"SELECT {what} FROM {table}") for table, what in KEPT.items()}


async def prepared(scene: Scene, ada: Holder, what: str) -> Act:
    """Nothing waits to be sent any more."""
    act = await NOTICES[what].prepare(scene, ada)
    await scene.server.mails()
    return act


class TestEveryNotice:
    def test_there_is_is_in_the_table(self) -> None:
        told = {Reason(reason) for notice in NOTICES.values() for reason, _ in notice.letters}
        assert told - WITH_LINK == set(Reason) - WITH_LINK - ELSEWHERE

    @EVERY_NOTICE
    async def test_is_a_mail_and_an_event(
        self, what: str, scene: Scene, server: Server, ada: Holder
    ) -> None:
        notice, act = NOTICES[what], await prepared(scene, ada, what)
        before = len(events(server))
        assert (await act()).status_code == notice.status
        assert letters(server) == notice.letters
        written = events(server, after=before)
        assert [event.type for event in written] == notice.events
        assert {event.subject for event in written} == {ada.answer["user"]["id"]}
        assert sorted(mail.to for mail in await server.mails()) == sorted(
            to for _, to in notice.letters
        )

    @EVERY_NOTICE
    @pytest.mark.parametrize("table", ["letters", "audit_events"])
    async def test_that_cannot_be_given_undoes_what_it_tells_of(
        self, what: str, table: str, scene: Scene, server: Server, ada: Holder
    ) -> None:
        notice, act = NOTICES[what], await prepared(scene, ada, what)
        before = state(server)
        async with nothing_new_in(server, table):
            refused(await act(), 503, "UNAVAILABLE")
        assert state(server) == before
        answer = await act()
        if what == "a lock":  # the failure was counted all the same, and nothing opens the door
            refused(answer, 429, "TOO_MANY_ATTEMPTS")
        else:
            assert answer.status_code == notice.status
            assert letters(server) == notice.letters
