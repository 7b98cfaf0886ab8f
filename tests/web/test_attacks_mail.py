"""Links that go by mail: once, for one person, at one place, and for no scanner (catalogue P)."""

import asyncio
import re
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import events, rows
from tests.web.mailed import (
    ADA,
    INVALID,
    KINDS,
    NEW,
    OPEN,
    Mailed,
    administrator,
    ask_for,
    login,
    mail_to,
    make,
    verdict,
)
from tests.web.raw import AS_JSON, ask
from watchword.crypto.opaque import hash_of
from watchword.domain.time import MINUTE

PAGES = {
    "reset": "/reset-password",
    "invitation": "/reset-password",
    "verification": "/verify-email",
    "new address": "/verify-email",
    "magic link": "/magic-link",
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, **OPEN) as running:
        yield running


class TestALink:
    @EVERY_KIND
    async def test_p01_of_fifty_redemptions_at_once_one_succeeds(
        self, server: Server, kind: str
    ) -> None:
        link = await make(server, kind)
        answers = await asyncio.gather(*(link.redeem() for _ in range(50)))
        told = [verdict(answer) for answer in answers]
        assert told.count((200, None)) == 1
        assert set(told) <= {(200, None), INVALID, (503, "BUSY")}
        assert verdict(await link.redeem()) == INVALID
        written = [event.type for event in events(server)]
        for type_ in ("credential.password_reset", "account.email_changed"):
            assert written.count(type_) <= 1
        assert len(rows(server, "SELECT * FROM sessions WHERE amr = 'email'")) <= 1

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "invitation"])
    async def test_p02_of_two_that_were_asked_for_the_last_is_good(
        self, server: Server, kind: str
    ) -> None:
        first = await make(server, kind)
        second = await _again(server, kind, first)
        assert verdict(await first.redeem(client=second.client)) == INVALID
        assert verdict(await second.redeem()) == (200, None)

    async def test_p02_of_many_asked_for_at_once_one_is_good(self, server: Server) -> None:
        await server.register()
        await asyncio.gather(*(ask_for(server, "forgot-password") for _ in range(10)))
        correspondence = server.core.sender.correspondence
        await asyncio.gather(*(correspondence.send_due(at_most=3) for _ in range(4)))
        mails = await server.mails()
        assert len(mails) == 10
        told = []
        for number, mail in enumerate(mails):
            body = {"token": mail.token, "newPassword": f"{NEW} {number}"}
            answer = await server.client().post("/auth/reset-password", json=body)
            told.append(verdict(answer))
        assert sorted(told, key=str) == [(200, None), *[INVALID] * 9]

    @pytest.mark.parametrize("proxies", [(), ("198.51.100.0/24",)])
    async def test_p03_begins_with_the_public_url_whatever_the_request_says(
        self, tmp_path: Path, proxies: tuple[str, ...]
    ) -> None:
        hostile = (
            [("host", "evil.example")],
            [("host", "localhost:8000@evil.example")],
            [("host", "localhost:8000"), ("x-forwarded-host", "evil.example")],
            [("x-forwarded-proto", "javascript"), ("x-forwarded-port", "1")],
            [("forwarded", "host=evil.example;proto=http")],
            [("x-original-url", "http://evil.example/"), ("x-host", "evil.example")],
            [("origin", "https://evil.example"), ("referer", "https://evil.example/")],
        )
        settings = {**OPEN, "public_url": "https://id.example.com"}
        async with serving(
            tmp_path, **settings, trusted_proxies=tuple(map(ip_network, proxies))
        ) as server:
            await server.register()
            for headers in hostile:
                for path in ("forgot-password", "verify-email/resend", "magic-link"):
                    await ask(
                        server,
                        "POST",
                        f"/auth/{path}",
                        headers=[AS_JSON, *headers],
                        body=b'{"email": "ada@example.com"}',
                        root_path="/evil",
                        scheme="ftp",
                    )
            await ask(
                server,
                "POST",
                "http://evil.example/auth/forgot-password",
                headers=[AS_JSON],
                body=b'{"email": "ada@example.com"}',
            )
            mails = await server.mails()
        assert len(mails) >= 3
        for mail in mails:
            assert mail.link.startswith("https://id.example.com/")
            assert "evil" not in mail.text + mail.html + mail.subject

    @EVERY_KIND
    async def test_p04_has_its_secret_where_no_request_line_shows_it(
        self, server: Server, kind: str
    ) -> None:
        link = (await make(server, kind)).mail.link
        parts = urlsplit(link)
        assert (parts.path, parts.query) == (PAGES[kind], "")
        assert re.fullmatch(r"token=[\w-]{43}", parts.fragment)

    @EVERY_KIND
    async def test_p04_is_in_no_line_event_header_or_file_but_the_mail(
        self, server: Server, kind: str, tmp_path: Path
    ) -> None:
        _ = server.sqlite  # whose files these are
        link = await make(server, kind)
        token = link.mail.token
        assert (tmp_path / "watchword.db-wal").exists()
        assert hash_of(token.encode()) in _bytes_of(tmp_path, "watchword.db")
        answers = [
            await link.redeem(client=server.client(), more={"newPassword": "x"}),
            await server.client().post(f"{link.path}?token={token}", json={}),
            await server.client().get(f"{link.path}?token={token}"),
            await link.redeem(),
            await link.redeem(),
        ]
        assert (200, None) in [verdict(answer) for answer in answers]
        for answer in answers:
            assert token not in f"{answer.headers!r} {answer.text}"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "no-store" in answer.headers["cache-control"]
        assert token not in repr(server.log.events)
        assert token not in repr(rows(server, "SELECT * FROM audit_events"))
        assert token.encode() not in _bytes_of(tmp_path)

    @EVERY_KIND
    async def test_p06_is_void_once_the_account_has_another_address(
        self, server: Server, kind: str
    ) -> None:
        link = await make(server, kind)
        if kind == "invitation":
            browser = server.client()
            await browser.post("/auth/magic-link", json={"email": ADA})
            body = {"token": (await mail_to(server, ADA)).token, "transport": "body"}
            signed_in = await browser.post("/auth/magic-link/complete", json=body)
            bearer = {"Authorization": f"Bearer {signed_in.json()['accessToken']}"}
        else:
            bearer = (await server.sign_in()).headers()
        await server.client().post(
            "/auth/change-email", json={"newEmail": "third@example.com"}, headers=bearer
        )
        body = {"token": (await mail_to(server, "third@example.com")).token}
        moved = await server.client().post("/auth/verify-email", json=body)
        assert moved.json()["user"]["email"] == "third@example.com"
        assert verdict(await link.redeem()) == INVALID

    @EVERY_KIND
    async def test_p07_names_its_account_itself_and_hears_of_no_other(
        self, server: Server, kind: str
    ) -> None:
        victim = await server.register("victim@example.com")
        before = rows(server, "SELECT * FROM users WHERE id = :id", id=victim.user["id"])
        link = await make(server, kind)
        for field, value in (
            ("userId", victim.user["id"]),
            ("id", victim.user["id"]),
            ("email", "victim@example.com"),
            ("newEmail", "victim@example.com"),
        ):
            answer = await link.redeem(more={field: str(value)})
            assert verdict(answer) == (422, "VALIDATION_FAILED")
        assert verdict(await link.redeem()) == (200, None)
        assert rows(server, "SELECT * FROM users WHERE id = :id", id=victim.user["id"]) == before

    @EVERY_KIND
    async def test_p07_is_of_no_use_at_another_door_and_not_used_up_there(
        self, server: Server, kind: str
    ) -> None:
        link = await make(server, kind)
        doors = {
            "/auth/reset-password": {"newPassword": NEW},
            "/auth/verify-email": {},
            "/auth/magic-link/complete": {"transport": "body"},
        }
        for path, more in doors.items():
            if path != link.path:
                answer = await link.client.post(path, json={"token": link.mail.token, **more})
                assert verdict(answer) == INVALID
        setup = {"email": "evil@example.com", "password": NEW, "token": link.mail.token}
        assert verdict(await link.client.post("/auth/setup", json=setup)) == INVALID
        assert verdict(await link.redeem()) == (200, None)

    @EVERY_KIND
    async def test_p11_is_not_used_up_by_a_mail_gateway_that_follows_it(
        self, server: Server, kind: str
    ) -> None:
        link = await make(server, kind)
        page = urlsplit(link.mail.link).path
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT"):
            for path in (page, link.path, f"{page}/{link.mail.token}"):
                for query in ("", f"?token={link.mail.token}"):
                    answer = await server.client().request(method, f"{path}{query}")
                    # The page itself may be looked at: it is a form, and nothing is in it yet.
                    is_looked_at = path == page and method in {"GET", "HEAD", "OPTIONS"}
                    assert answer.status_code >= 400 or is_looked_at or method == "OPTIONS"
                    assert link.mail.token not in answer.text
                    assert "set-cookie" not in answer.headers
        assert verdict(await link.redeem()) == (200, None)

    @EVERY_KIND
    @pytest.mark.parametrize("end", ["disabled", "enabled again", "deleted"])
    async def test_a07_is_dead_with_its_account_and_stays_so(
        self, server: Server, kind: str, end: str
    ) -> None:
        link = await make(server, kind)
        root = await administrator(server)
        if end == "deleted":
            await root.request("DELETE", f"/users/{link.user_id}")
        else:
            path = f"/users/{link.user_id}/status"
            await root.request("PUT", path, json={"status": "disabled"})
            if end == "enabled again":
                await root.request("PUT", path, json={"status": "active"})
        assert verdict(await link.redeem()) == INVALID

    @EVERY_KIND
    async def test_a07_is_not_mailed_to_an_account_that_ended_meanwhile(
        self, server: Server, kind: str
    ) -> None:
        link = await make(server, kind)
        root = await administrator(server)
        await server.mails()
        for path in ("forgot-password", "verify-email/resend", "magic-link"):
            await ask_for(server, path)
        path = f"/users/{link.user_id}/status"
        await root.request("PUT", path, json={"status": "disabled"})
        assert [mail for mail in await server.mails() if mail.to != "root@example.com"] == []


def _bytes_of(folder: Path, prefix: str = "") -> bytes:
    """Of what lies in the folder itself: mail lies in one of its own."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name.startswith(prefix)]
    return b"".join(path.read_bytes() for path in files)


async def _again(server: Server, kind: str, first: Mailed) -> Mailed:
    """The same link asked for once more, by the same browser."""
    if kind == "new address":
        owner = await server.sign_in()
        await owner.post("/auth/change-email", json={"newEmail": first.mail.to})
    elif kind == "magic link":
        await first.client.post("/auth/magic-link", json={"email": ADA})
    else:
        path = {"reset": "forgot-password", "verification": "verify-email/resend"}[kind]
        await ask_for(server, path)
    mail = await mail_to(server, first.mail.to)
    return Mailed(mail, first.user_id, first.client, first.path, first.more)


class TestAMagicLink:
    async def test_p12_opens_nothing_in_another_browser_though_that_asked_as_well(
        self, server: Server
    ) -> None:
        link = await make(server, "magic link")
        other = server.client()
        await other.post("/auth/magic-link", json={"email": "eve@example.com"})
        for transport in ("cookie", "session", "body"):
            answer = await link.redeem(client=other, more={"transport": transport})
            assert verdict(answer) == INVALID
            assert "set-cookie" not in answer.headers
        assert rows(server, "SELECT * FROM sessions") == []
        assert verdict(await link.redeem()) == (200, None)

    async def test_p12_its_cookie_is_for_the_server_alone_and_as_short_as_the_link(
        self, server: Server
    ) -> None:
        client = server.client()
        answer = await client.post("/auth/magic-link", json={"email": ADA})
        [cookie] = answer.headers.get_list("set-cookie")
        assert re.fullmatch(
            r"magicLink=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600", cookie
        )
        assert client.cookies["magicLink"] not in repr(rows(server, "SELECT * FROM letters"))
        assert client.cookies["magicLink"] not in repr(server.log.events)


class TestAPendingChangeOfAddress:
    @pytest.mark.parametrize("way", ["everywhere", "the others", "by an administrator"])
    async def test_p08_ends_with_all_sessions(self, server: Server, way: str) -> None:
        await server.register()
        owner, thief = await server.sign_in(), await server.sign_in()
        await thief.post("/auth/change-email", json={"newEmail": "evil@example.com"})
        token = (await mail_to(server, "evil@example.com")).token
        await thief.post("/auth/change-email", json={"newEmail": "evil@example.com"})  # unsent
        await thief.post("/auth/logout", json={"refreshToken": thief.refresh_token})
        if way == "everywhere":
            answer = await owner.post("/auth/logout-all")
        elif way == "the others":
            answer = await owner.request("DELETE", "/sessions")
        else:
            root = await administrator(server)
            answer = await root.request("DELETE", f"/users/{owner.answer['user']['id']}/sessions")
        assert answer.status_code == 200
        assert not [m for m in await server.mails() if m.to == "evil@example.com"]
        answer = await server.client().post("/auth/verify-email", json={"token": token})
        assert verdict(answer) == INVALID
        assert rows(server, "SELECT * FROM links") == []

    @pytest.mark.parametrize("way", ["reset", "new password"])
    async def test_p08_is_cancelled_and_both_addresses_were_told(
        self, server: Server, way: str
    ) -> None:
        await server.register()
        thief = await server.sign_in()
        answer = await thief.post("/auth/change-email", json={"newEmail": "evil@example.com"})
        assert answer.status_code == 202
        mails = {mail.to: mail for mail in await server.mails()}
        assert set(mails) == {ADA, "evil@example.com"}
        assert "evil@example.com" in mails[ADA].text
        owner = await server.sign_in()
        await ask_for(server, "forgot-password")
        token = (await mail_to(server, ADA)).token
        await thief.post("/auth/change-email", json={"newEmail": "evil@example.com"})  # unsent
        if way == "reset":
            body = {"token": token, "newPassword": NEW}
            answer = await server.client().post("/auth/reset-password", json=body)
        else:
            change = {"currentPassword": PASSWORD, "newPassword": NEW}
            answer = await owner.post("/auth/change-password", json=change)
        assert answer.status_code == 200
        assert not [m for m in await server.mails() if m.to == "evil@example.com"]
        assert rows(server, "SELECT * FROM links") == []
        body = {"token": mails["evil@example.com"].token}
        assert verdict(await server.client().post("/auth/verify-email", json=body)) == INVALID
        assert verdict(await login(server, ADA, NEW)) == (200, None)


async def sign_in_by_link(
    server: Server, browser: httpx2.AsyncClient, transport: str = "body"
) -> Holder:
    page = {"Sec-Fetch-Site": "same-origin"}
    await browser.post("/auth/magic-link", json={"email": ADA}, headers=page)
    body = {"token": (await mail_to(server, ADA)).token, "transport": transport}
    answer = await browser.post("/auth/magic-link/complete", json=body, headers=page)
    assert answer.status_code == 200, answer.text
    return Holder(browser, answer.json())


class TestAnAccountMadeInAnothersName:
    async def test_o08_holds_nothing_of_its_maker_after_a_reset(self, server: Server) -> None:
        """The owner of the address comes later, and finds an account there."""
        await server.register(ADA)
        held = [await server.sign_in(transport=t) for t in ("body", "cookie", "session")]
        thief = held[0]
        await thief.post("/auth/change-email", json={"newEmail": "evil@example.com"})
        trojan = {mail.to: mail for mail in await server.mails()}["evil@example.com"].token
        browser = server.client()
        await browser.post("/auth/magic-link", json={"email": ADA})
        magic = (await mail_to(server, ADA)).token
        await ask_for(server, "verify-email/resend")
        verification = (await mail_to(server, ADA)).token
        await ask_for(server, "forgot-password")
        reset = (await mail_to(server, ADA)).token
        await thief.post("/auth/change-email", json={"newEmail": "evil2@example.com"})
        await ask_for(server, "magic-link")  # both wait in the outbox
        body = {"token": reset, "newPassword": NEW}
        answer = await server.client().post("/auth/reset-password", json=body)
        assert answer.status_code == 200

        for holder in held:
            assert (await holder.get("/profile")).status_code == 401
            assert (await holder.post("/auth/logout-all")).status_code == 401
        assert (await thief.refresh()).status_code == 401
        assert verdict(await login(server, ADA)) == (401, "INVALID_CREDENTIALS")
        for token in (trojan, verification, reset):
            answer = await browser.post("/auth/verify-email", json={"token": token})
            assert verdict(answer) == INVALID
        body = {"token": magic, "transport": "body"}
        assert verdict(await browser.post("/auth/magic-link/complete", json=body)) == INVALID
        assert {mail.to for mail in await server.mails()} == {ADA}
        assert rows(server, "SELECT * FROM sessions WHERE ended_at IS NULL") == []
        signed_in = (await login(server, ADA, NEW)).json()["user"]
        assert (signed_in["email"], signed_in["emailVerified"]) == (ADA, True)
        server.clock.advance(MINUTE)
        assert (await thief.get("/profile")).status_code == 401

    async def test_o08_holds_nothing_of_its_maker_after_a_sign_in_by_link(
        self, server: Server
    ) -> None:
        """The owner of the address signs in by a link, where nobody has confirmed it before."""
        await server.register(ADA)
        held = [await server.sign_in(transport=t) for t in ("body", "cookie", "session")]
        await ask_for(server, "forgot-password")
        reset = (await mail_to(server, ADA)).token
        owner = await sign_in_by_link(server, server.client())

        for holder in held:
            assert (await holder.get("/profile")).status_code == 401
        assert verdict(await login(server, ADA)) == (401, "INVALID_CREDENTIALS")
        body = {"token": reset, "newPassword": NEW}
        answer = await server.client().post("/auth/reset-password", json=body)
        assert verdict(answer) == INVALID
        assert (await owner.get("/profile")).json()["user"]["emailVerified"] is True
        written = {event.type for event in events(server)}
        assert {"credential.password_removed", "session.all_ended"} <= written
        subjects = [mail.subject for mail in await server.mails()]
        assert "Your password at Watchword was removed" in subjects

    async def test_o08_stays_whole_for_whoever_made_it_in_the_same_browser(
        self, server: Server
    ) -> None:
        await server.register(ADA)
        own = await server.sign_in(transport="cookie")
        elsewhere = await server.sign_in()
        await sign_in_by_link(server, own.client, "cookie")
        assert verdict(await login(server, ADA)) == (200, None)
        assert (await elsewhere.get("/profile")).status_code == 200
        await sign_in_by_link(server, server.client())  # by now it is confirmed
        assert verdict(await login(server, ADA)) == (200, None)
