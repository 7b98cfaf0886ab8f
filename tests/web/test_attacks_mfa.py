"""Attacks on the second factor: guessing, replay, half a sign-in, and the ways around it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import change_rows, events, refused, rows
from tests.web.passkeys import add, an_authenticator
from tests.web.second_factor import EMAIL, Phone, complete, enrol, login, somebody, token_of
from watchword.domain.time import HOUR, MINUTE
from watchword.settings.choices import EmailVerification
from watchword.web.app import ROUTES

NEW = "marble otter lantern quay"
NO_LIMITS_BY_ADDRESS: dict[str, Any] = {"limit_sign_in": None, "limit_auth": None}


@pytest.fixture
async def open_doors(tmp_path: Path) -> AsyncIterator[Server]:
    """Nothing but the limits of the account stands in the way."""
    async with serving(tmp_path, **NO_LIMITS_BY_ADDRESS) as server:
        yield server


@pytest.fixture
async def unlocked(tmp_path: Path) -> AsyncIterator[Server]:
    """Without lockout, so that the hourly cap is seen alone."""
    async with serving(tmp_path, **NO_LIMITS_BY_ADDRESS, lockout_policy=None) as server:
        yield server


def code_of(answer: httpx2.Response) -> str:
    return "" if answer.status_code == 200 else str(answer.json()["code"])


class TestGuessing:
    async def test_b09_ten_wrong_codes_an_hour_however_many_sign_ins_they_come_by(
        self, unlocked: Server
    ) -> None:
        phone, _ = await somebody(unlocked)
        for _ in range(5):
            token = await token_of(unlocked)
            for _ in range(2):
                answer = await complete(unlocked, token, code=phone.wrong_code())
                refused(answer, 401, "MFA_INVALID")
        token = await token_of(unlocked)
        answer = await complete(unlocked, token, code=phone.next_code())
        refused(answer, 429, "TOO_MANY_ATTEMPTS")
        unlocked.clock.advance(HOUR)
        token = await token_of(unlocked)
        assert (await complete(unlocked, token, code=phone.code())).status_code == 200

    async def test_b09_the_cap_outlives_a_restart(self, tmp_path: Path) -> None:
        settings = {**NO_LIMITS_BY_ADDRESS, "lockout_policy": None}
        async with serving(tmp_path, **settings) as server:
            phone, _ = await somebody(server)
            for _ in range(10):
                answer = await login(server, mfaCode=phone.wrong_code())
                refused(answer, 401, "MFA_INVALID")
            clock = server.clock
        async with serving(tmp_path, clock=clock, seed=1, **settings) as server:
            phone.server = server
            answer = await login(server, mfaCode=phone.next_code())
            refused(answer, 429, "TOO_MANY_ATTEMPTS")

    async def test_b09_guesses_at_once_are_counted_before_they_are_looked_at(
        self, unlocked: Server
    ) -> None:
        phone, _ = await somebody(unlocked)
        wrong = phone.wrong_code()
        answers = await asyncio.gather(*(login(unlocked, mfaCode=wrong) for _ in range(40)))
        found = sorted(map(code_of, answers))
        assert found == ["MFA_INVALID"] * 10 + ["TOO_MANY_ATTEMPTS"] * 30

    async def test_b09_one_sign_in_has_five_tries(self, unlocked: Server) -> None:
        phone, _ = await somebody(unlocked)
        token = await token_of(unlocked)
        for _ in range(5):
            answer = await complete(unlocked, token, code=phone.wrong_code())
            refused(answer, 401, "MFA_INVALID")
        right = phone.next_code()
        refused(await complete(unlocked, token, code=right), 401, "TOKEN_INVALID")
        token = await token_of(unlocked)
        assert (await complete(unlocked, token, code=right)).status_code == 200

    async def test_b09_ten_wrong_codes_an_hour_for_an_app_that_is_not_confirmed(
        self, unlocked: Server
    ) -> None:
        """The thief of an older session would come by the recovery codes of its owner's app."""
        await unlocked.register(EMAIL)
        owner = await unlocked.sign_in(EMAIL)
        told = (await owner.post("/auth/mfa/enable", json={})).json()
        phone = Phone(unlocked, told["secret"])
        thief = await unlocked.sign_in(EMAIL)
        for _ in range(10):
            answer = await thief.post("/auth/mfa/verify", json={"code": phone.wrong_code()})
            refused(answer, 401, "MFA_INVALID")
        for holder in (thief, owner):
            answer = await holder.post("/auth/mfa/verify", json={"code": phone.code()})
            refused(answer, 429, "TOO_MANY_ATTEMPTS")
        unlocked.clock.advance(HOUR)
        owner = await unlocked.sign_in(EMAIL)
        answer = await owner.post("/auth/mfa/verify", json={"code": phone.code()})
        assert answer.status_code == 200

    async def test_b12_the_right_password_washes_no_wrong_code_off(
        self, open_doors: Server
    ) -> None:
        """Four guesses, a new token, four more: the account is locked at the fifth all the same."""
        phone, _ = await somebody(open_doors)
        token = await token_of(open_doors)
        for _ in range(4):
            await complete(open_doors, token, code=phone.wrong_code())
        token = await token_of(open_doors)
        answer = await complete(open_doors, token, code=phone.wrong_code())
        refused(answer, 401, "MFA_INVALID")
        right = phone.next_code()
        refused(await complete(open_doors, token, code=right), 429, "TOO_MANY_ATTEMPTS")
        refused(await login(open_doors), 429, "TOO_MANY_ATTEMPTS")

    async def test_b12_a_sign_in_of_the_owner_gives_a_guesser_no_more_tries(
        self, unlocked: Server
    ) -> None:
        phone, _ = await somebody(unlocked)
        for _ in range(9):
            await login(unlocked, mfaCode=phone.wrong_code())
        assert (await login(unlocked, mfaCode=phone.next_code())).status_code == 200
        refused(await login(unlocked, mfaCode=phone.wrong_code()), 401, "MFA_INVALID")
        answer = await login(unlocked, mfaCode=phone.wrong_code())
        refused(answer, 429, "TOO_MANY_ATTEMPTS")

    async def test_b13_every_door_counts_on_one_account(self, open_doors: Server) -> None:
        phone, holder = await somebody(open_doors)
        wrong = phone.wrong_code()
        refused(await login(open_doors, password="not the phrase"), 401, "INVALID_CREDENTIALS")
        refused(await login(open_doors, mfaCode=wrong), 401, "MFA_INVALID")
        token = await token_of(open_doors)
        refused(await complete(open_doors, token, code=wrong), 401, "MFA_INVALID")
        answer = await holder.post("/auth/reauthenticate", json={"code": wrong})
        refused(answer, 401, "MFA_INVALID")
        answer = await holder.post("/auth/mfa/disable", json={"recoveryCode": "0000"})
        refused(answer, 401, "MFA_INVALID")
        right = phone.next_code()
        for answer in (
            await login(open_doors),
            await login(open_doors, mfaCode=right),
            await complete(open_doors, token, code=right),
            await holder.post("/auth/reauthenticate", json={"code": right}),
            await holder.post("/auth/reauthenticate", json={"password": PASSWORD}),
            await holder.post("/auth/mfa/disable", json={"code": right}),
        ):
            refused(answer, 429, "TOO_MANY_ATTEMPTS")

    async def test_b13_a_wrong_code_is_audited_and_a_lock_is_told(self, open_doors: Server) -> None:
        phone, _ = await somebody(open_doors)
        await open_doors.mails()
        for _ in range(5):
            await login(open_doors, mfaCode=phone.wrong_code())
        failed = [e for e in events(open_doors) if e.type == "session.sign_in_failed"]
        assert [e.details["reason"] for e in failed] == ["wrong_code"] * 5
        assert [mail.to for mail in await open_doors.mails()] == [EMAIL]

    async def test_a_right_code_clears_the_failures_before_it(self, open_doors: Server) -> None:
        phone, _ = await somebody(open_doors)
        for _ in range(2):
            for _ in range(4):
                await login(open_doors, mfaCode=phone.wrong_code())
            assert (await login(open_doors, mfaCode=phone.next_code())).status_code == 200

    async def test_e01_nobody_learns_of_a_second_factor_before_the_right_password(
        self, server: Server
    ) -> None:
        await somebody(server)
        await server.register("bob@example.com")
        found = []
        for email in (EMAIL, "bob@example.com", "nobody@example.com"):
            answer = await login(
                server, email, password="not the phrase", mfaCode="123456", ip="203.0.113.5"
            )
            problem = refused(answer, 401, "INVALID_CREDENTIALS")
            found.append({k: v for k, v in problem.items() if k != "requestId"})
        assert found[0] == found[1] == found[2]


class TestReplay:
    async def test_b10_of_fifty_uses_of_one_code_at_once_one_succeeds(
        self, unlocked: Server
    ) -> None:
        phone, _ = await somebody(unlocked)
        code = phone.next_code()
        answers = await asyncio.gather(*(login(unlocked, mfaCode=code) for _ in range(50)))
        assert sorted(map(code_of, answers)).count("") == 1

    async def test_b10_a_used_code_and_those_before_it_are_burnt(self, unlocked: Server) -> None:
        phone, _ = await somebody(unlocked)
        unlocked.clock.advance(MINUTE)
        before, code = phone.code(steps_ago=1), phone.code()
        assert (await login(unlocked, mfaCode=code)).status_code == 200
        refused(await login(unlocked, mfaCode=code), 401, "MFA_INVALID")
        refused(await login(unlocked, mfaCode=before), 401, "MFA_INVALID")
        refused(await complete(unlocked, await token_of(unlocked), code=code), 401, "MFA_INVALID")

    async def test_b10_the_step_before_is_taken_and_the_one_before_that_is_not(
        self, unlocked: Server
    ) -> None:
        phone, _ = await somebody(unlocked)
        unlocked.clock.advance(2 * MINUTE)
        refused(await login(unlocked, mfaCode=phone.code(steps_ago=2)), 401, "MFA_INVALID")
        refused(await login(unlocked, mfaCode=phone.code(steps_ago=-1)), 401, "MFA_INVALID")
        assert (await login(unlocked, mfaCode=phone.code(steps_ago=1))).status_code == 200

    async def test_b11_a_recovery_code_works_once_in_whatever_spelling(
        self, unlocked: Server
    ) -> None:
        phone, _ = await somebody(unlocked)
        code = phone.recovery_codes[0]
        token = await token_of(unlocked)
        spelt = f" {code.lower().replace('-', ' ')} "
        assert (await complete(unlocked, token, recoveryCode=spelt)).status_code == 200
        for spelling in (code, code.lower(), code.replace("-", ""), spelt):
            answer = await complete(unlocked, await token_of(unlocked), recoveryCode=spelling)
            refused(answer, 401, "MFA_INVALID")

    async def test_b11_of_many_uses_at_once_one_succeeds(self, unlocked: Server) -> None:
        phone, holder = await somebody(unlocked)
        body = {"recoveryCode": phone.recovery_codes[0]}
        answers = await asyncio.gather(
            *(holder.post("/auth/mfa/disable", json=body) for _ in range(20))
        )
        assert sorted(map(code_of, answers)).count("") == 1

    async def test_b11_one_token_opens_one_session(self, unlocked: Server) -> None:
        phone, _ = await somebody(unlocked)
        token = await token_of(unlocked)
        answers = await asyncio.gather(
            *(complete(unlocked, token, recoveryCode=code) for code in phone.recovery_codes[:5])
        )
        assert sorted(map(code_of, answers)) == ["", *["TOKEN_INVALID"] * 4]

    async def test_b11_a_code_is_of_one_account(self, unlocked: Server) -> None:
        ada, _ = await somebody(unlocked)
        await somebody(unlocked, "bob@example.com")
        token = await token_of(unlocked, email="bob@example.com")
        answer = await complete(unlocked, token, recoveryCode=ada.recovery_codes[0])
        refused(answer, 401, "MFA_INVALID")

    async def test_x_a_sealed_secret_opens_for_its_own_account_alone(
        self, unlocked: Server
    ) -> None:
        """Who can write to the database cannot give somebody the secret of another."""
        ada, _ = await somebody(unlocked)
        await somebody(unlocked, "bob@example.com")
        await change_rows(
            unlocked,
            "UPDATE totp SET sealed_secret = (SELECT sealed_secret FROM totp JOIN users"
            " ON id = user_id WHERE email = :ada) WHERE user_id <>"
            " (SELECT id FROM users WHERE email = :ada)",
            ada=EMAIL,
        )
        answer = await login(unlocked, "bob@example.com", mfaCode=ada.next_code())
        refused(answer, 503, "UNAVAILABLE")
        assert "sealed" not in answer.text


class TestHalfASignIn:
    async def test_s14_is_a_key_to_nothing_but_its_other_half(self, open_doors: Server) -> None:
        phone, _ = await somebody(open_doors)
        token = await token_of(open_doors, transport="cookie")
        before = rows(open_doors, "SELECT COUNT(*) FROM sessions")
        for route in ROUTES:
            if route.who.is_public:
                continue
            path = route.path.replace("{id}", "0" * 32).replace("{role}", "user")
            for headers in (
                {"Authorization": f"Bearer {token}"},
                {"Cookie": f"session={token}"},
            ):
                client = open_doors.client(**headers)
                answer = await client.request(
                    route.method, path, headers={"Content-Type": "application/json"}
                )
                refused(answer, 401, "TOKEN_INVALID")
        client = open_doors.client()
        answer = await client.post("/auth/refresh", json={"refreshToken": token})
        refused(answer, 401, "TOKEN_INVALID")
        for path, more in (
            ("/auth/magic-link/complete", {}),
            ("/auth/verify-email", {}),
            ("/auth/reset-password", {"newPassword": NEW}),
        ):
            answer = await client.post(path, json={"token": token, **more})
            refused(answer, 400, "INVALID_OR_EXPIRED_LINK")
        assert rows(open_doors, "SELECT COUNT(*) FROM sessions") == before
        answer = await complete(open_doors, token, code=phone.next_code())
        assert answer.status_code == 200

    async def test_s14_leaves_the_sessions_that_the_browser_held(self, open_doors: Server) -> None:
        phone, _ = await somebody(open_doors)
        browser = open_doors.client()
        answer = await login(
            open_doors, client=browser, transport="session", mfaCode=phone.next_code()
        )
        assert answer.status_code == 200
        answer = await login(open_doors, client=browser, transport="session")
        assert answer.json()["code"] == "MFA_REQUIRED"
        assert (await browser.get("/profile")).status_code == 200

    async def test_s14_another_token_is_no_key_to_it(self, open_doors: Server) -> None:
        phone, holder = await somebody(open_doors)
        code = phone.next_code()
        for token in (holder.access, holder.refresh_token, "", "x" * 43):
            refused(await complete(open_doors, token, code=code), 401, "TOKEN_INVALID")

    async def test_s14_only_the_newest_half_goes_on(self, open_doors: Server) -> None:
        phone, _ = await somebody(open_doors)
        first, second = await token_of(open_doors), await token_of(open_doors)
        code = phone.next_code()
        refused(await complete(open_doors, first, code=code), 401, "TOKEN_INVALID")
        assert (await complete(open_doors, second, code=code)).status_code == 200

    async def test_a_stored_token_is_only_a_hash(self, open_doors: Server) -> None:
        await somebody(open_doors)
        token = await token_of(open_doors)
        for (*values,) in rows(open_doors, "SELECT * FROM links"):
            assert token not in map(str, values)
            assert token.encode() not in values
        assert token not in repr(open_doors.log.events)


class TestWaysAround:
    async def reset(self, server: Server) -> None:
        await server.mails()
        await server.client().post("/auth/forgot-password", json={"email": EMAIL})
        token = (await server.mail()).token
        answer = await server.client().post(
            "/auth/reset-password", json={"token": token, "newPassword": NEW}
        )
        assert answer.status_code == 200

    async def test_p05_a_reset_password_still_asks_for_the_second_factor(
        self, open_doors: Server
    ) -> None:
        phone, holder = await somebody(open_doors)
        token = await token_of(open_doors)
        await self.reset(open_doors)
        refused(await holder.get("/profile"), 401, "SESSION_REVOKED")
        code = phone.next_code()
        refused(await complete(open_doors, token, code=code), 401, "TOKEN_INVALID")
        answer = await login(open_doors, password=NEW)
        assert answer.json()["code"] == "MFA_REQUIRED"
        answer = await complete(open_doors, answer.json()["mfaToken"], code=code)
        assert answer.status_code == 200

    @pytest.mark.parametrize("was_verified", [False, True])
    async def test_p05_a_mail_is_no_second_factor_where_addresses_came_to_be_confirmed(
        self, tmp_path: Path, was_verified: bool
    ) -> None:
        """Who turned it on while nobody had to confirm an address keeps it, whoever has the mail
        of the first confirmation.
        """
        async with serving(tmp_path, **NO_LIMITS_BY_ADDRESS) as before:
            await somebody(before)
            if was_verified:
                await change_rows(before, "UPDATE users SET email_verified = 1")
            clock = before.clock
        required = EmailVerification.REQUIRED
        async with serving(tmp_path, clock=clock, seed=1, email_verification=required) as server:
            await self.reset(server)
            assert code_of(await login(server, password=NEW)) == "MFA_REQUIRED"
            await change_rows(server, "UPDATE users SET email_verified = 0")
            assert code_of(await self.by_link(server)) == "MFA_REQUIRED"
            assert [e for e in events(server) if e.type == "credential.mfa_disabled"] == []

    async def by_link(self, server: Server) -> httpx2.Response:
        browser = server.client()
        await server.mails()
        await browser.post("/auth/magic-link", json={"email": EMAIL})
        body = {"token": (await server.mail()).token}
        return await browser.post("/auth/magic-link/complete", json=body)

    async def test_a08_a_sign_in_without_the_second_factor_makes_no_recovery_codes(
        self, open_doors: Server
    ) -> None:
        phone, _ = await somebody(open_doors)
        browser = open_doors.client()
        await login(
            open_doors,
            client=browser,
            transport="cookie",
            mfaCode=phone.next_code(),
            trustDevice=True,
        )
        answer = await login(open_doors, client=browser, transport="cookie")
        holder = Holder(browser, answer.json())
        refused(await holder.post("/auth/mfa/recovery-codes", json={}), 403, "STEP_UP_REQUIRED")
        answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
        holder.access = answer.json()["accessToken"]
        refused(await holder.post("/auth/mfa/recovery-codes", json={}), 403, "STEP_UP_REQUIRED")
        answer = await holder.post("/auth/reauthenticate", json={"code": phone.next_code()})
        holder.access = answer.json()["accessToken"]
        answer = await holder.post("/auth/mfa/recovery-codes", json={})
        assert answer.status_code == 200

    async def test_a08_a_sign_in_without_the_second_factor_adds_no_passkey(
        self, open_doors: Server
    ) -> None:
        """One that verifies its person would be two factors, for who has shown one."""
        phone, _ = await somebody(open_doors)
        browser, key = open_doors.client(), an_authenticator()
        code = phone.next_code()
        await login(open_doors, client=browser, transport="cookie", mfaCode=code, trustDevice=True)
        by_password = (await login(open_doors, client=browser, transport="cookie")).json()
        await open_doors.mails()
        await browser.post("/auth/magic-link", json={"email": EMAIL})
        body = {"token": (await open_doors.mail()).token}
        by_mail = (await browser.post("/auth/magic-link/complete", json=body)).json()
        for spared, methods in ((by_mail, ["email"]), (by_password, ["pwd"])):
            assert spared["session"]["amr"] == methods
        holder = Holder(browser, by_mail)
        options = "/auth/passkeys/register/options"
        for _ in range(2):
            refused(await holder.post(options), 403, "STEP_UP_REQUIRED")
            answer = await holder.post("/auth/passkeys/register", json={"credential": {}})
            refused(answer, 403, "STEP_UP_REQUIRED")
            answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
            holder.access = answer.json()["accessToken"]
        answer = await holder.post("/auth/reauthenticate", json={"code": phone.next_code()})
        holder.access = answer.json()["accessToken"]
        await add(holder, key)

    async def test_a08_the_password_alone_turns_nothing_off(self, open_doors: Server) -> None:
        phone, holder = await somebody(open_doors)
        answer = await holder.post("/auth/reauthenticate", json={"password": PASSWORD})
        holder.access = answer.json()["accessToken"]
        for body in ({}, {"code": ""}, {"code": phone.wrong_code()}, {"recoveryCode": ""}):
            answer = await holder.post("/auth/mfa/disable", json=body)
            assert answer.status_code in {401, 422}
        assert (await holder.get("/profile")).json()["user"]["mfaEnabled"] is True

    async def test_a_browser_that_looks_the_same_is_not_trusted(self, open_doors: Server) -> None:
        """Same address, same user agent, another cookie or none (attack B06)."""
        phone, _ = await somebody(open_doors)
        browser = open_doors.client(**{"User-Agent": "Agent/1.0"})
        await login(
            open_doors,
            client=browser,
            transport="cookie",
            mfaCode=phone.next_code(),
            trustDevice=True,
        )
        double = open_doors.client(**{"User-Agent": "Agent/1.0"})
        assert code_of(await login(open_doors, client=double, transport="cookie")) == "MFA_REQUIRED"
        forged = open_doors.client(Cookie=f"device={browser.cookies['device']}x")
        assert code_of(await login(open_doors, client=forged, transport="cookie")) == "MFA_REQUIRED"

    async def test_the_code_of_an_app_that_was_turned_off_is_none(self, open_doors: Server) -> None:
        old, holder = await somebody(open_doors)
        await holder.post("/auth/mfa/disable", json={"code": old.next_code()})
        new: Phone = await enrol(open_doors, holder)
        refused(await login(open_doors, mfaCode=old.next_code()), 401, "MFA_INVALID")
        assert (await login(open_doors, mfaCode=new.code())).status_code == 200
