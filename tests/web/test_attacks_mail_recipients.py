"""Who gets mail, what a stranger learns from asking for it, and what may stand in it."""

import json
import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import rows
from tests.web.mailed import ADA, OPEN, administrator, ask_for
from tests.web.passkeys import add, an_authenticator
from tests.web.raw import AS_JSON, Reply, Text, ask, bearer, hashes, statements
from watchword.domain.accounts import Account, Status
from watchword.domain.time import HOUR
from watchword.ports import RequestTrace
from watchword.settings.choices import EmailVerification

KNOWN = "known@example.com"
ADDRESSES = (
    KNOWN,
    "unknown@example.com",
    "disabled@example.com",
    "invited@example.com",
    "unverified@example.com",
)
SAME_ID = ("x-request-id", "the-same-for-all")
ASKING = ("forgot-password", "verify-email/resend", "magic-link", "register", "change-email")
FIREFOX = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
HEADERS = {
    *("date", "message-id", "from", "to", "subject", "auto-submitted", "mime-version"),
    "content-type",
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Where addresses have to be confirmed: registering tells nothing there, either."""
    settings = {**OPEN, "email_verification": EmailVerification.REQUIRED}
    async with serving(tmp_path, **settings) as running:
        yield running


async def made(server: Server, email: str, *, verified: bool = True) -> Account:
    registration, store = server.core.services.registration, server.core.store
    account = await registration.register(email, PASSWORD, RequestTrace())
    if verified:
        async with store.transaction() as unit:
            await unit.ownership.verify_address(account.id, account.email)
    return account


async def people(server: Server) -> Holder:
    """An account of each kind, but for the unknown one; who has just signed in to another."""
    for email in ADDRESSES:
        if not email.startswith(("unknown", "invited")):
            await made(server, email, verified=not email.startswith("unverified"))
    root = await administrator(server)
    await root.post("/users", json={"email": "invited@example.com"})
    async with server.core.store.transaction() as unit:
        [[disabled]] = rows(server, "SELECT id FROM users WHERE email_key LIKE 'disabled%'")
        await unit.accounts.change_status(disabled, Status.DISABLED)
    await made(server, "asker@example.com")
    await server.mails()
    return await server.sign_in("asker@example.com")


async def ask_mail(
    server: Server,
    what: str,
    email: object,
    *,
    asker: Holder | None = None,
    ip: str = "198.51.100.7",
    agent: bytes = b"Agent/1.0",
    language: bytes = b"",
) -> Reply:
    content: dict[str, object] = {"email": email}
    headers: list[tuple[Text, Text]] = [AS_JSON, SAME_ID, (b"user-agent", agent)]
    if language:
        headers.append((b"accept-language", language))
    if what == "register":
        content["password"] = PASSWORD
    if what == "change-email":
        assert asker is not None
        content = {"newEmail": email}
        headers.append(bearer(asker.access))
    body = json.dumps(content).encode()
    return await ask(server, "POST", f"/auth/{what}", headers=headers, body=body, ip=ip)


def alike(reply: Reply) -> object:
    """All of an answer but the secret that binds a magic link to its browser."""
    headers = [(n, re.sub(rb"magicLink=[\w-]{43};", b"", value)) for n, value in reply.headers]
    return reply.status, tuple(headers), reply.body


class TestWhoHasAnAccount:
    @pytest.mark.parametrize("what", ASKING)
    @pytest.mark.parametrize("language", [b"", b"de-CH, en;q=0.5"])
    async def test_e04_asking_is_the_same_answer_and_the_same_work_for_every_address(
        self, server: Server, what: str, language: bytes
    ) -> None:
        """E03 for registering, E07 for a change of address."""
        asker = await people(server)
        await ask_mail(server, what, "first@example.com", asker=asker)
        answers, work = {}, {}
        for email in ADDRESSES:
            before = hashes(server)
            with statements(server) as asked:
                reply = await ask_mail(server, what, email, asker=asker, language=language)
            answers[email] = alike(reply)
            work[email] = (hashes(server) - before, tuple(asked))
        assert answers[KNOWN][0] == 202  # type: ignore[index]
        for email in ADDRESSES:
            assert answers[email] == answers[KNOWN], email
            assert work[email] == work[KNOWN], email
        assert any("INSERT INTO letters" in sql for sql in work[KNOWN][1])
        assert work[KNOWN][0] == (1 if what == "register" else 0)

    @pytest.mark.parametrize("what", ASKING)
    async def test_e04_above_the_limit_too(self, tmp_path: Path, what: str) -> None:
        settings = {k: v for k, v in OPEN.items() if k != "limit_mail"}
        required = EmailVerification.REQUIRED
        async with serving(tmp_path, **settings, email_verification=required) as server:
            asker = await people(server)
            answers = {}
            for email in ADDRESSES:
                for _ in range(3):
                    await ask_mail(server, what, email, asker=asker)
                await server.mails()
                with statements(server) as asked:
                    reply = await ask_mail(server, what, email, asker=asker)
                answers[email] = (alike(reply), tuple(asked))
                assert not [m for m in await server.mails() if m.to == email]
        for email in ADDRESSES:
            assert answers[email] == answers[KNOWN], email

    async def test_e03_the_owner_of_a_registered_address_reads_of_it_and_has_lost_nothing(
        self, server: Server
    ) -> None:
        account = await made(server, KNOWN)
        await ask_mail(server, "register", "KNOWN@example.com")
        mail = await server.mail()
        assert (mail.to, "#token=" in mail.text) == (KNOWN, False)
        found = await server.core.store.reading.accounts.find(account.id)
        assert found == await server.core.store.reading.accounts.find_by_address(account.email)
        assert (await server.sign_in(KNOWN)).access

    async def test_e06_a_lock_is_the_same_work_and_only_an_owner_is_told(
        self, server: Server
    ) -> None:
        await people(server)
        work: dict[str, tuple[str, ...]] = {}
        for number, email in enumerate(("first@example.com", *ADDRESSES)):
            body = json.dumps({"email": email, "password": "wrong wrong wrong"}).encode()
            for turn in range(5):
                ip = f"10.{number}.{turn}.1"
                with statements(server) as asked:
                    reply = await ask(
                        server, "POST", "/auth/login", headers=[AS_JSON], body=body, ip=ip
                    )
                assert reply.status == 401
                work[email] = tuple(asked)  # of the last one, which locks
        assert any("INSERT INTO letters" in sql for sql in work[KNOWN])
        for email in ADDRESSES:
            assert work[email] == work[KNOWN], email
        told = {mail.to for mail in await server.mails()}
        assert told == set(ADDRESSES) - {"unknown@example.com"}

    async def test_e04_what_waits_to_be_sent_holds_no_secret_and_no_verdict(
        self, server: Server
    ) -> None:
        await people(server)
        for email in ADDRESSES:
            for what in ("forgot-password", "verify-email/resend", "magic-link"):
                await ask_mail(server, what, email)
        assert {row[0] for row in rows(server, "SELECT user_id FROM letters")} == {""}
        assert rows(server, "SELECT * FROM links WHERE purpose <> 'invitation'") == []


class TestWhereItGoes:
    TWO = (
        "v@example.com,u@example.org",
        "v@example.com;u@example.org",
        "v@example.com u@example.org",
        "v@example.com\r\nBcc: u@example.org",
        "v@example.com\nBcc:u@example.org",
        "v@example.com%0aBcc:u@example.org",
        "v@example.com\0@example.org",
        "V <v@example.com>",
        "<v@example.com>",
        '"v@example.com,u"@example.org',
        "v@example.com@example.org",
        "v(comment)@example.com",
        ["v@example.com", "u@example.org"],
        {"to": "v@example.com"},
        None,
    )

    @pytest.mark.parametrize("what", ASKING)
    async def test_p09_is_one_address_and_nothing_else(self, server: Server, what: str) -> None:
        await made(server, "asker@example.com")
        asker = await server.sign_in("asker@example.com")
        for address in self.TWO:
            reply = await ask_mail(server, what, address, asker=asker)
            assert reply.verdict == (422, "VALIDATION_FAILED"), address
        assert rows(server, "SELECT * FROM letters") == []

    async def test_p10_is_the_address_as_it_is_stored_and_no_twin_of_it(
        self, server: Server
    ) -> None:
        for email in ("Mike@example.com", "kate@example.com", "file@example.com"):
            await made(server, email)
        asker = await made(server, "asker@example.com")
        holder = await server.sign_in("asker@example.com")
        for twin in (
            "m\u0131ke@example.com",
            "m\u0130ke@example.com",
            "\u212aate@example.com",
            "\uff4d\uff49\uff4b\uff45@example.com",
            "\ufb01le@example.com",
            "mike@ex\u0430mple.com",
            "mike@example.com.evil.example",
            "mike\u200b@example.com",
        ):
            for what in ("forgot-password", "verify-email/resend", "magic-link"):
                await ask_mail(server, what, twin)
            assert await server.mails() == [], twin
        for what in ("forgot-password", "magic-link", "change-email"):
            for spelling in ("mike@example.com", " MIKE@EXAMPLE.COM.", "mIke@\uff45xample.com"):
                await ask_mail(server, what, spelling, asker=holder)
                to = {mail.to for mail in await server.mails()} - {asker.email.text}
                assert to == {"Mike@example.com"}, (what, spelling)


def part_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


class TestWhatStandsInIt:
    @staticmethod
    async def raw_mails(server: Server) -> list[bytes]:
        await server.mails()
        folder = server.core.settings.data_dir / "mail"
        return [file.read_bytes() for file in sorted(folder.glob("*.eml"))]

    async def test_i07_i09_a_user_agent_and_a_name_are_inert(self, server: Server) -> None:
        name = "<img src=x onerror=alert(1)> =?utf-8?q?=0d=0aBcc:_x@evil.example?= {{ 7*7 }}"
        account = await made(server, ADA)
        holder = await server.sign_in(ADA)
        renamed = await holder.request("PATCH", "/profile", json={"name": name})
        assert renamed.json()["user"]["name"] == name
        agents = (
            FIREFOX + b"\r\nBcc: x@evil.example",
            b"<script>alert(1)</script> Firefox/140.0",
            b"\x1b[31m\xe2\x80\xae {{ 7*7 }} Firefox/140.0",
            b'Mozilla/5.0 ("><b>) Chrome/1 Safari/=?utf-8?q?=0aBcc:x?=',
        )
        for number, agent in enumerate(agents):
            login = json.dumps({"email": ADA, "password": PASSWORD, "transport": "body"}).encode()
            headers: list[tuple[Text, Text]] = [AS_JSON, (b"user-agent", agent)]
            ip = f"203.0.{number}.1"
            await ask(server, "POST", "/auth/login", headers=headers, body=login, ip=ip)
            for what in ("forgot-password", "magic-link", "change-email"):
                email = f"x{number}@example.com" if what == "change-email" else ADA
                await ask_mail(server, what, email, asker=holder, agent=agent)
        raw = await self.raw_mails(server)
        assert len(raw) >= 4 * len(agents)
        for content in raw:
            message = message_from_bytes(content, policy=policy.default)
            assert {key.lower() for key in message.keys()} == HEADERS  # noqa: SIM118
            assert len(message.get_all("to", [])) == 1
            assert b"evil.example" not in content.partition(b"\r\n\r\n")[0]
            text, html = (part_of(message, kind) for kind in ("plain", "html"))
            assert not re.search(r"<(script|img|b)\b|onerror=\w+\(1\)>", html)
            assert "49" not in re.sub(r"\S*token=\S*", "", text)
            assert "\u202e" not in text + html
            assert "\x1b" not in text + html
            assert not re.search(r"^Bcc", text + html, re.MULTILINE)
        assert account.email.text == ADA

    async def test_i07_nobody_writes_to_an_address_that_they_have_not_shown_to_be_theirs(
        self, tmp_path: Path
    ) -> None:
        """By what they call themselves, their passkeys, or their browser."""
        planted = "Go to http://evil.example"
        agent = b"Visit evil.example/1 CFNetwork/902 Darwin/17"
        settings = {**OPEN, "email_verification": EmailVerification.OFF}
        async with serving(tmp_path, **settings) as server:
            body = {"email": ADA, "password": PASSWORD, "name": planted}
            answer = await server.client().post("/auth/register", json=body)
            assert answer.status_code == 201
            holder = await server.sign_in(ADA)
            await add(holder, an_authenticator(), name=planted)
            for what in ("forgot-password", "verify-email/resend", "magic-link"):
                await ask_mail(server, what, ADA, agent=agent)
            change = {"currentPassword": PASSWORD, "newPassword": "marble otter lantern quay"}
            answer = await holder.post("/auth/change-password", json=change)
            assert answer.status_code == 200
            written = [
                message_from_bytes(r, policy=policy.default) for r in await self.raw_mails(server)
            ]
        assert len(written) == 5
        for message in written:
            for kind in ("plain", "html"):
                assert "evil.example" not in part_of(message, kind), message["subject"]

    @pytest.mark.parametrize("name", ["A\r\nBcc: x@evil.example", "A\x1b[31m", "\u202eevil", "A\0"])
    async def test_i07_a_name_that_would_reorder_or_end_a_line_is_refused(
        self, server: Server, name: str
    ) -> None:
        root = await administrator(server)
        body = {"email": ADA, "password": PASSWORD, "name": name}
        answers = [
            await server.client().post("/auth/register", json=body),
            await root.post("/users", json={"email": ADA, "name": name}),
        ]
        assert {answer.status_code for answer in answers} == {422}
        assert await server.mails() == []


class TestTheLimit:
    async def test_b03_counts_an_address_in_every_spelling_from_everywhere_and_at_every_door(
        self, tmp_path: Path
    ) -> None:
        settings = {k: v for k, v in OPEN.items() if k != "limit_mail"}
        required = EmailVerification.REQUIRED
        async with serving(tmp_path, **settings, email_verification=required) as server:
            await made(server, ADA, verified=False)
            await made(server, "asker@example.com")
            asker = await server.sign_in("asker@example.com")
            spellings = (ADA, "ADA@example.com", " ada@EXAMPLE.com", "Ada@example.com.")
            number = 0
            for what in ASKING:
                for spelling in spellings:
                    number += 1
                    ip = f"203.0.{number}.1"
                    await ask_mail(server, what, spelling, asker=asker, ip=ip)
            assert len([m for m in await server.mails() if m.to == ADA]) == 3
            server.clock.advance(HOUR)
            await ask_for(server, "forgot-password")
            assert (await server.mail()).to == ADA
