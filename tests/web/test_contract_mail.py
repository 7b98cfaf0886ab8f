"""What goes by mail, as the contract has it: every call, and what it leaves behind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import PASSWORD, Holder, Received, Server, serving
from tests.web.contract import accepted, fields_of, refused
from watchword.domain.time import DAY, HOUR, MINUTE
from watchword.settings.choices import EmailVerification, Profile

pytestmark = pytest.mark.every_store

NEW = "marble otter lantern quay"
OTHER = "violet heron paper kiln"
SIGNED_IN = (
    *("message", "user", "session", "accessToken", "tokenType", "expiresIn", "refreshToken"),
)


@pytest.fixture
async def verifying(tmp_path: Path) -> AsyncIterator[Server]:
    """Where an address has to be confirmed before it can be signed in with."""
    async with serving(tmp_path, email_verification=EmailVerification.REQUIRED) as server:
        yield server


async def register(server: Server, email: str = "ada@example.com") -> dict[str, object]:
    body = {"email": email, "password": PASSWORD, "name": "Ada"}
    return accepted(await server.client().post("/auth/register", json=body), 202, "message")


async def forgot(server: Server, email: str = "ada@example.com") -> Received:
    accepted(
        await server.client().post("/auth/forgot-password", json={"email": email}), 202, "message"
    )
    return await server.mail()


async def reset(server: Server, token: str, password: str = NEW) -> None:
    body = {"token": token, "newPassword": password}
    accepted(await server.client().post("/auth/reset-password", json=body), 200, "message")


class TestConfirmingAnAddress:
    async def test_nobody_signs_in_before(self, verifying: Server) -> None:
        await register(verifying)
        body = {"email": "ada@example.com", "password": PASSWORD, "transport": "body"}
        client = verifying.client()
        refused(await client.post("/auth/login", json=body), 403, "EMAIL_NOT_VERIFIED")
        wrong = {**body, "password": OTHER}
        refused(await client.post("/auth/login", json=wrong), 401, "INVALID_CREDENTIALS")
        mail = await verifying.mail()
        assert mail.to == "ada@example.com"
        assert mail.link.startswith("http://localhost:8000/verify-email#token=")
        answer = await client.post("/auth/verify-email", json={"token": mail.token})
        assert accepted(answer, 200, "message", "user")["user"]["emailVerified"] is True
        accepted(await client.post("/auth/login", json=body), 200, *SIGNED_IN)

    async def test_a_link_is_good_once_and_for_a_day(self, verifying: Server) -> None:
        await register(verifying)
        mail, client = await verifying.mail(), verifying.client()
        verifying.clock.advance(DAY)
        late = await client.post("/auth/verify-email", json={"token": mail.token})
        refused(late, 400, "INVALID_OR_EXPIRED_LINK")
        accepted(
            await client.post("/auth/verify-email/resend", json={"email": "ada@example.com"}),
            202,
            "message",
        )
        token = (await verifying.mail()).token
        accepted(
            await client.post("/auth/verify-email", json={"token": token}), 200, "message", "user"
        )
        again = await client.post("/auth/verify-email", json={"token": token})
        refused(again, 400, "INVALID_OR_EXPIRED_LINK")

    async def test_e03_a_known_address_gets_the_same_answer_and_its_owner_a_mail(
        self, verifying: Server
    ) -> None:
        first = await register(verifying)
        assert (await verifying.mail()).link
        second = await register(verifying, "ADA@example.com")
        assert first == second
        mail = await verifying.mail()
        assert (mail.to, "#token=" in mail.text) == ("ada@example.com", False)
        nobody = await verifying.client().post(
            "/auth/verify-email/resend", json={"email": "nobody@example.com"}
        )
        accepted(nobody, 202, "message")
        assert await verifying.mails() == []

    async def test_who_is_confirmed_already_gets_no_mail(self, verifying: Server) -> None:
        await verifying.register_admin()
        await verifying.client().post(
            "/auth/verify-email/resend", json={"email": "root@example.com"}
        )
        assert await verifying.mails() == []


class TestALostPassword:
    async def test_is_replaced_by_a_link_that_ends_everything_else(self, server: Server) -> None:
        await server.register()
        before = await server.sign_in()
        mail = await forgot(server)
        assert mail.link.startswith("http://localhost:8000/reset-password#token=")
        await reset(server, mail.token)
        refused(await before.get("/profile"), 401, "SESSION_REVOKED")
        refused(await before.refresh(), 401, "SESSION_REVOKED")
        body = {"email": "ada@example.com", "password": NEW, "transport": "body"}
        signed_in = accepted(await server.client().post("/auth/login", json=body), 200, *SIGNED_IN)
        assert signed_in["user"]["emailVerified"] is True
        told = await server.mail()
        assert (told.to, "#token=" in told.text) == ("ada@example.com", False)

    async def test_p01_the_link_is_good_once_and_for_an_hour(self, server: Server) -> None:
        await server.register()
        token = (await forgot(server)).token
        await reset(server, token)
        await server.mails()
        body = {"token": token, "newPassword": OTHER}
        again = await server.client().post("/auth/reset-password", json=body)
        refused(again, 400, "INVALID_OR_EXPIRED_LINK")
        body["token"] = (await forgot(server)).token
        server.clock.advance(HOUR)
        late = await server.client().post("/auth/reset-password", json=body)
        refused(late, 400, "INVALID_OR_EXPIRED_LINK")

    async def test_p02_only_the_link_of_the_last_mail_is_good(self, server: Server) -> None:
        await server.register()
        first, second = (await forgot(server)).token, (await forgot(server)).token
        body = {"token": first, "newPassword": NEW}
        answer = await server.client().post("/auth/reset-password", json=body)
        refused(answer, 400, "INVALID_OR_EXPIRED_LINK")
        await reset(server, second)

    async def test_p07_a_refused_password_leaves_the_link_good(self, server: Server) -> None:
        await server.register()
        token = (await forgot(server)).token
        for password, code in (
            ("short", "PASSWORD_TOO_SHORT"),
            ("1234567890123", "PASSWORD_BLOCKED"),
            ("ada@example.com", "PASSWORD_BLOCKED"),
            (PASSWORD, "VALIDATION_FAILED"),
        ):
            body = {"token": token, "newPassword": password}
            problem = refused(
                await server.client().post("/auth/reset-password", json=body), 422, code
            )
            assert fields_of(problem) == ["newPassword"]
        await reset(server, token)

    async def test_of_a_locked_account_opens_it(self, server: Server) -> None:
        await server.register()
        for number in range(5):
            body = {"email": "ada@example.com", "password": OTHER}
            await server.client(f"192.0.2.{number}").post("/auth/login", json=body)
        assert len(await server.mails()) == 1  # of the lock
        await reset(server, (await forgot(server)).token)
        body = {"email": "ada@example.com", "password": NEW, "transport": "body"}
        accepted(await server.client().post("/auth/login", json=body), 200, *SIGNED_IN)


class TestAnotherAddress:
    async def test_takes_effect_when_it_is_confirmed(self, server: Server) -> None:
        await server.register()
        ada = await server.sign_in()
        answer = await ada.post("/auth/change-email", json={"newEmail": "new@example.org"})
        accepted(answer, 202, "message")
        to = {mail.to: mail for mail in await server.mails()}
        assert set(to) == {"ada@example.com", "new@example.org"}
        assert "new@example.org" in to["ada@example.com"].text
        assert (await ada.get("/profile")).json()["user"]["email"] == "ada@example.com"
        token = to["new@example.org"].token
        confirmed = await server.client().post("/auth/verify-email", json={"token": token})
        user = accepted(confirmed, 200, "message", "user")["user"]
        assert (user["email"], user["emailVerified"]) == ("new@example.org", True)
        assert (await ada.get("/profile")).json()["user"]["email"] == "new@example.org"
        assert {mail.to for mail in await server.mails()} == {"ada@example.com", "new@example.org"}

    async def test_of_ones_own_or_of_no_form_is_refused(self, server: Server) -> None:
        await server.register()
        ada = await server.sign_in()
        for address in ("ada@example.com", "v@x.example,u@y.example", "nothing"):
            problem = refused(
                await ada.post("/auth/change-email", json={"newEmail": address}),
                422,
                "VALIDATION_FAILED",
            )
            assert fields_of(problem) == ["newEmail"]


class TestALinkThatSignsIn:
    @staticmethod
    async def asked(server: Server) -> tuple[Holder, Received]:
        await server.register()
        browser = Holder(server.client(), {})
        body = {"email": "ada@example.com"}
        accepted(await browser.post("/auth/magic-link", json=body), 202, "message")
        return browser, await server.mail()

    async def test_signs_in_the_browser_that_asked(self, server: Server) -> None:
        browser, mail = await self.asked(server)
        body = {"token": mail.token, "transport": "body"}
        answer = await browser.post("/auth/magic-link/complete", json=body)
        signed_in = accepted(answer, 200, *SIGNED_IN)
        assert signed_in["session"]["amr"] == ["email"]
        assert signed_in["user"]["emailVerified"] is True
        again = await browser.post("/auth/magic-link/complete", json=body)
        refused(again, 400, "INVALID_OR_EXPIRED_LINK")

    async def test_p12_signs_in_no_other_and_is_not_used_up_by_it(self, server: Server) -> None:
        browser, mail = await self.asked(server)
        body = {"token": mail.token, "transport": "body"}
        other = await server.client().post("/auth/magic-link/complete", json=body)
        refused(other, 400, "INVALID_OR_EXPIRED_LINK")
        accepted(await browser.post("/auth/magic-link/complete", json=body), 200, *SIGNED_IN)

    async def test_lasts_ten_minutes(self, server: Server) -> None:
        browser, mail = await self.asked(server)
        server.clock.advance(10 * MINUTE)
        body = {"token": mail.token, "transport": "body"}
        late = await browser.post("/auth/magic-link/complete", json=body)
        refused(late, 400, "INVALID_OR_EXPIRED_LINK")

    async def test_is_none_in_the_strict_profile(self, tmp_path: Path) -> None:
        async with serving(tmp_path, profile=Profile.STRICT) as server:
            for path, body in (
                ("/auth/magic-link", {"email": "ada@example.com"}),
                ("/auth/magic-link/complete", {"token": "t"}),
            ):
                refused(await server.client().post(path, json=body), 404, "NOT_FOUND")


class TestAnInvitation:
    async def test_is_redeemed_by_setting_a_password(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com")
        answer = await root.post("/users", json={"email": "grace@example.com", "name": "Grace"})
        user = accepted(answer, 201, "message", "user")["user"]
        assert (user["role"], user["emailVerified"]) == ("user", False)
        mail = await server.mail()
        assert mail.link.startswith("http://localhost:8000/reset-password#token=")
        await reset(server, mail.token)
        body = {"email": "grace@example.com", "password": NEW, "transport": "body"}
        signed_in = accepted(await server.client().post("/auth/login", json=body), 200, *SIGNED_IN)
        assert signed_in["user"]["emailVerified"] is True

    async def test_names_a_role_that_is_no_more_than_ones_own(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com")
        unknown = await root.post("/users", json={"email": "g@example.com", "role": "nobody"})
        assert fields_of(refused(unknown, 422, "VALIDATION_FAILED")) == ["role"]
        taken = await root.post("/users", json={"email": "root@example.com"})
        refused(taken, 409, "CONFLICT")


class TestTheLimits:
    async def test_above_three_an_hour_an_address_gets_no_mail_and_the_same_answer(
        self, server: Server
    ) -> None:
        await server.register()
        for _ in range(3):
            await forgot(server)
        answer = await server.client().post(
            "/auth/forgot-password", json={"email": " ADA@example.com"}
        )
        accepted(answer, 202, "message")
        assert await server.mails() == []
        server.clock.advance(HOUR)
        await forgot(server)

    async def test_above_ten_an_hour_a_client_is_refused(self, server: Server) -> None:
        client = server.client()
        for number in range(10):
            path = ("/auth/forgot-password", "/auth/verify-email/resend", "/auth/magic-link")
            body = {"email": f"p{number}@example.com"}
            accepted(await client.post(path[number % 3], json=body), 202, "message")
        refused(
            await client.post("/auth/forgot-password", json={"email": "p@example.com"}),
            429,
            "RATE_LIMITED",
        )
