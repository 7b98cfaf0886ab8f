"""Second factors, as the contract has them: every call, and what it leaves behind."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import PROBLEM, accepted, events, fields_of, refused, rows, set_cookies
from tests.web.second_factor import EMAIL, Phone, complete, enrol, login, somebody, token_of
from watchword.domain.time import DAY, MINUTE

pytestmark = pytest.mark.every_store

SIGNED_IN = (
    *("message", "user", "session", "accessToken", "tokenType", "expiresIn", "refreshToken"),
)
MULTI_FACTOR = ["pwd", "otp", "mfa"]


@pytest.fixture
async def roomy(tmp_path: Path) -> AsyncIterator[Server]:
    """Where many sign-ins come from one address."""
    async with serving(tmp_path, limit_sign_in=None, limit_auth=None) as server:
        yield server


class TestTurningItOn:
    async def test_gives_a_secret_in_three_forms_and_changes_nothing_yet(
        self, server: Server
    ) -> None:
        await server.register()
        holder = await server.sign_in()
        answer = await holder.post("/auth/mfa/enable", json={})
        app = accepted(answer, 200, "secret", "otpauthUrl", "qrCode")
        assert len(base64.b32decode(app["secret"])) == 20
        assert app["otpauthUrl"].startswith("otpauth://totp/Watchword:ada%40example.com?")
        assert f"secret={app['secret']}" in app["otpauthUrl"]
        assert app["qrCode"].startswith("data:image/png;base64,")
        assert (await holder.get("/profile")).json()["user"]["mfaEnabled"] is False
        accepted(await login(server), 200, *SIGNED_IN)

    async def test_is_confirmed_by_a_code_that_is_burnt_with_it(self, server: Server) -> None:
        phone, holder = await somebody(server)
        assert len(set(phone.recovery_codes)) == 10
        profile = (await holder.get("/profile")).json()
        assert profile["user"]["mfaEnabled"] is True
        assert profile["session"]["amr"] == MULTI_FACTOR
        refused(await login(server, mfaCode=phone.code()), 401, "MFA_INVALID")
        assert (await server.mail()).subject == "Second step turned on at Watchword"
        assert [e.type for e in events(server)].count("credential.mfa_enabled") == 1

    async def test_ends_no_session(self, server: Server) -> None:
        await server.register()
        other = await server.sign_in()
        await enrol(server, await server.sign_in())
        assert (await other.get("/profile")).status_code == 200

    async def test_needs_a_fresh_proof(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        server.clock.advance(5 * MINUTE)
        await holder.refresh()
        refused(await holder.post("/auth/mfa/enable", json={}), 403, "STEP_UP_REQUIRED")

    async def test_again_gives_another_secret_and_the_first_is_void(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        secrets = [
            (await holder.post("/auth/mfa/enable", json={})).json()["secret"] for _ in range(2)
        ]
        first, second = (Phone(server, secret) for secret in secrets)
        answer = await holder.post("/auth/mfa/verify", json={"code": first.code()})
        refused(answer, 401, "MFA_INVALID")
        answer = await holder.post("/auth/mfa/verify", json={"code": second.code()})
        accepted(answer, 200, "message", "recoveryCodes")

    async def test_is_a_conflict_when_it_is_on_or_was_not_begun(self, server: Server) -> None:
        await server.register("bob@example.com")
        bob = await server.sign_in("bob@example.com")
        refused(await bob.post("/auth/mfa/verify", json={"code": "123456"}), 409, "CONFLICT")
        phone, ada = await somebody(server)
        refused(await ada.post("/auth/mfa/enable", json={}), 409, "CONFLICT")
        code = phone.next_code()
        refused(await ada.post("/auth/mfa/verify", json={"code": code}), 409, "CONFLICT")

    async def test_keeps_the_secret_sealed_and_only_hashes_of_the_codes(
        self, server: Server
    ) -> None:
        phone, _ = await somebody(server)
        secret = base64.b32decode(phone.secret)
        await server.mails()
        data = server.core.settings.data_dir
        stored = b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())
        assert secret not in stored
        assert phone.secret.encode() not in stored
        for code in phone.recovery_codes:
            assert code.encode() not in stored
            assert code.replace("-", "").encode() not in stored
        assert len(rows(server, "SELECT code_hash FROM recovery_codes")) == 10
        assert phone.secret not in repr(server.log.events)


class TestSigningIn:
    async def test_asks_for_the_second_factor_and_gives_nothing_else(self, server: Server) -> None:
        await somebody(server)
        answer = await login(server, transport="cookie")
        assert (answer.status_code, answer.json()["code"]) == (401, "MFA_REQUIRED")
        problem = answer.json()
        assert set(problem) == PROBLEM | {"requiresMfa", "methods", "mfaToken"}
        assert problem["requiresMfa"] is True
        assert problem["methods"] == ["totp", "recovery_code"]
        assert set_cookies(answer) == {}

    async def test_with_the_code_in_the_first_request(self, server: Server) -> None:
        phone, _ = await somebody(server)
        answer = await login(server, mfaCode=phone.next_code())
        content = accepted(answer, 200, *SIGNED_IN)
        assert content["session"]["amr"] == MULTI_FACTOR
        assert content["user"]["mfaEnabled"] is True

    async def test_in_two_requests(self, server: Server) -> None:
        phone, _ = await somebody(server)
        token = await token_of(server)
        answer = await complete(server, token, code=phone.next_code(), transport="body")
        content = accepted(answer, 200, *SIGNED_IN)
        assert content["session"]["amr"] == MULTI_FACTOR
        holder = Holder(server.client(), content)
        assert (await holder.get("/profile")).status_code == 200
        assert (await holder.refresh()).status_code == 200

    async def test_the_second_request_goes_on_as_the_first_began(self, server: Server) -> None:
        phone, _ = await somebody(server)
        token = await token_of(server, transport="session", remember=False)
        answer = await complete(server, token, code=phone.next_code())
        accepted(answer, 200, "message", "user", "session")
        assert set_cookies(answer)["session"].max_age is None

    async def test_a_wrong_code_leaves_the_token_good_and_a_right_one_uses_it_up(
        self, server: Server
    ) -> None:
        phone, _ = await somebody(server)
        token = await token_of(server)
        code = phone.next_code()
        answer = await complete(server, token, code=phone.wrong_code())
        refused(answer, 401, "MFA_INVALID")
        accepted(await complete(server, token, code=code), 200, *SIGNED_IN)
        again = await complete(server, token, code=phone.next_code())
        refused(again, 401, "TOKEN_INVALID")

    async def test_the_token_is_good_for_five_minutes(self, server: Server) -> None:
        phone, _ = await somebody(server)
        token = await token_of(server)
        server.clock.advance(5 * MINUTE - 1)
        answer = await complete(server, token, code=phone.wrong_code())
        refused(answer, 401, "MFA_INVALID")
        server.clock.advance(1)
        refused(await complete(server, token, code=phone.code()), 401, "TOKEN_INVALID")

    @pytest.mark.parametrize("proof", [{}, {"code": "123456", "recoveryCode": "A"}])
    async def test_takes_a_code_or_a_recovery_code(
        self, server: Server, proof: dict[str, str]
    ) -> None:
        problem = refused(await complete(server, "t", **proof), 422, "VALIDATION_FAILED")
        assert fields_of(problem) == ["code"]

    async def test_a_recovery_code_will_do_and_its_owner_is_told(self, server: Server) -> None:
        phone, _ = await somebody(server)
        await server.mails()
        token = await token_of(server)
        answer = await complete(server, token, recoveryCode=phone.recovery_codes[0])
        content = accepted(answer, 200, *SIGNED_IN)
        assert content["session"]["amr"] == MULTI_FACTOR
        assert "Recovery code used at Watchword" in [mail.subject for mail in await server.mails()]
        (used,) = [e for e in events(server) if e.type == "credential.recovery_code_used"]
        assert used.details == {"remaining": 9}

    async def test_a_link_in_a_mail_asks_for_it_as_well(self, server: Server) -> None:
        phone, _ = await somebody(server)
        await server.mails()
        client = server.client()
        await client.post("/auth/magic-link", json={"email": EMAIL})
        token = (await server.mail()).token
        answer = await client.post("/auth/magic-link/complete", json={"token": token})
        assert (answer.status_code, answer.json()["code"]) == (401, "MFA_REQUIRED")
        assert set(set_cookies(answer)) == {"magicLink"}  # which is cleared
        answer = await complete(
            server, answer.json()["mfaToken"], code=phone.next_code(), transport="body"
        )
        assert accepted(answer, 200, *SIGNED_IN)["session"]["amr"] == ["email", "otp"]

    async def test_to_a_disabled_account_does_not_go_on(self, server: Server) -> None:
        phone, _ = await somebody(server)
        await server.register_admin()
        admin = await server.sign_in("root@example.com")
        token = await token_of(server)
        (user_id,) = rows(server, "SELECT id FROM users WHERE email = :email", email=EMAIL)[0]
        answer = await admin.request("PUT", f"/users/{user_id}/status", json={"status": "disabled"})
        assert answer.status_code == 200, answer.text
        refused(await complete(server, token, code=phone.next_code()), 401, "TOKEN_INVALID")

    async def test_r09_a_password_changed_meanwhile_ends_what_was_begun(
        self, server: Server
    ) -> None:
        phone, holder = await somebody(server)
        token = await token_of(server)
        body = {"currentPassword": PASSWORD, "newPassword": "marble otter lantern quay"}
        assert (await holder.post("/auth/change-password", json=body)).status_code == 200
        refused(await complete(server, token, code=phone.next_code()), 401, "TOKEN_INVALID")


class TestTurningItOff:
    @pytest.mark.parametrize("proof", ["code", "recoveryCode"])
    async def test_takes_a_proof_and_leaves_nothing(self, server: Server, proof: str) -> None:
        phone, holder = await somebody(server)
        await server.mails()
        given = phone.next_code() if proof == "code" else phone.recovery_codes[3]
        answer = await holder.post("/auth/mfa/disable", json={proof: given})
        accepted(answer, 200, "message")
        assert (await holder.get("/profile")).json()["user"]["mfaEnabled"] is False
        assert rows(server, "SELECT * FROM totp") == []
        assert rows(server, "SELECT * FROM recovery_codes") == []
        accepted(await login(server), 200, *SIGNED_IN)
        assert "Second step turned off at Watchword" in [m.subject for m in await server.mails()]
        (off,) = [e for e in events(server) if e.type == "credential.mfa_disabled"]
        assert off.details == {"reason": "asked"}
        refused(await holder.post("/auth/mfa/disable", json={proof: given}), 409, "CONFLICT")

    async def test_takes_no_wrong_code(self, server: Server) -> None:
        phone, holder = await somebody(server)
        answer = await holder.post("/auth/mfa/disable", json={"code": phone.wrong_code()})
        refused(answer, 401, "MFA_INVALID")
        assert (await holder.get("/profile")).json()["user"]["mfaEnabled"] is True


class TestNewRecoveryCodes:
    async def test_replace_the_old_ones_and_are_told_of(self, server: Server) -> None:
        phone, holder = await somebody(server)
        await server.mails()
        answer = await holder.post("/auth/mfa/recovery-codes", json={})
        codes = accepted(answer, 200, "recoveryCodes")["recoveryCodes"]
        assert len(set(codes) | set(phone.recovery_codes)) == 20
        assert (await server.mail()).subject == "New recovery codes at Watchword"
        assert [e.type for e in events(server)].count("credential.recovery_codes_replaced") == 1
        token = await token_of(server)
        old = await complete(server, token, recoveryCode=phone.recovery_codes[0])
        refused(old, 401, "MFA_INVALID")
        accepted(await complete(server, token, recoveryCode=codes[0]), 200, *SIGNED_IN)


class TestProvingOnceMore:
    async def test_by_a_code_makes_the_session_one_of_two_factors(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        phone = await enrol(server, await server.sign_in())
        answer = await holder.post("/auth/reauthenticate", json={"code": phone.next_code()})
        content = accepted(answer, 200, *SIGNED_IN[:-1])
        assert content["session"]["amr"] == MULTI_FACTOR

    async def test_opens_step_up_actions(self, server: Server) -> None:
        phone, holder = await somebody(server)
        server.clock.advance(5 * MINUTE)
        await holder.refresh()
        body = {"newEmail": "ada@example.org"}
        refused(await holder.post("/auth/change-email", json=body), 403, "STEP_UP_REQUIRED")
        answer = await holder.post("/auth/reauthenticate", json={"code": phone.code()})
        holder.access = answer.json()["accessToken"]
        assert (await holder.post("/auth/change-email", json=body)).status_code == 202

    @pytest.mark.parametrize("body", [{}, {"password": PASSWORD, "code": "123456"}])
    async def test_takes_the_password_or_a_code(self, server: Server, body: dict[str, str]) -> None:
        await server.register()
        holder = await server.sign_in()
        refused(await holder.post("/auth/reauthenticate", json=body), 422, "VALIDATION_FAILED")

    async def test_by_a_code_is_refused_without_a_second_factor(self, server: Server) -> None:
        await server.register()
        holder = await server.sign_in()
        answer = await holder.post("/auth/reauthenticate", json={"code": "123456"})
        refused(answer, 401, "MFA_INVALID")


class TestATrustedDevice:
    async def test_is_not_asked_for_thirty_days(self, roomy: Server) -> None:
        phone, _ = await somebody(roomy)
        browser = roomy.client()
        answer = await login(
            roomy, client=browser, transport="cookie", mfaCode=phone.next_code(), trustDevice=True
        )
        assert answer.status_code == 200
        roomy.clock.advance(30 * DAY - 1)
        answer = await login(roomy, client=browser, transport="cookie")
        assert answer.json()["session"]["amr"] == ["pwd"]
        roomy.clock.advance(1)
        answer = await login(roomy, client=browser, transport="cookie")
        assert answer.json()["code"] == "MFA_REQUIRED"

    @pytest.mark.parametrize("said_at", ["first", "second"])
    async def test_is_trusted_by_either_request(self, roomy: Server, said_at: str) -> None:
        phone, _ = await somebody(roomy)
        browser = roomy.client()
        answer = await login(
            roomy, client=browser, transport="cookie", trustDevice=said_at == "first"
        )
        body = {
            "mfaToken": answer.json()["mfaToken"],
            "code": phone.next_code(),
            "trustDevice": said_at == "second",
        }
        assert (await browser.post("/auth/mfa/complete", json=body)).status_code == 200
        assert (await login(roomy, client=browser, transport="cookie")).status_code == 200
        assert [e.type for e in events(roomy)].count("credential.device_trusted") == 1

    @pytest.mark.parametrize("change", ["password", "reset", "off and on", "recovery codes"])
    async def test_is_trusted_until_the_password_or_the_factors_change(
        self, roomy: Server, change: str
    ) -> None:
        phone, holder = await somebody(roomy)
        browser, password = roomy.client(), PASSWORD
        await login(
            roomy, client=browser, transport="cookie", mfaCode=phone.next_code(), trustDevice=True
        )
        new = "marble otter lantern quay"
        if change == "password":
            body = {"currentPassword": PASSWORD, "newPassword": new}
            await holder.post("/auth/change-password", json=body)
            password = new
        elif change == "reset":
            await roomy.mails()
            await roomy.client().post("/auth/forgot-password", json={"email": EMAIL})
            body = {"token": (await roomy.mail()).token, "newPassword": new}
            await roomy.client().post("/auth/reset-password", json=body)
            password = new
        elif change == "off and on":
            await holder.post("/auth/mfa/disable", json={"code": phone.next_code()})
            await enrol(roomy, holder)
        else:
            await holder.post("/auth/mfa/recovery-codes", json={})
        answer = await login(roomy, client=browser, transport="cookie", password=password)
        assert answer.json()["code"] == "MFA_REQUIRED"

    async def test_is_none_without_a_cookie_or_a_code(self, roomy: Server) -> None:
        phone, _ = await somebody(roomy)
        answer = await login(roomy, mfaCode=phone.next_code(), trustDevice=True)
        assert answer.status_code == 200
        assert (await login(roomy)).json()["code"] == "MFA_REQUIRED"
        await roomy.register("bob@example.com")
        browser = roomy.client()
        answer = await login(
            roomy, "bob@example.com", client=browser, transport="cookie", trustDevice=True
        )
        assert answer.status_code == 200
        await enrol(roomy, await roomy.sign_in("bob@example.com"))
        answer = await login(roomy, "bob@example.com", client=browser, transport="cookie")
        assert answer.json()["code"] == "MFA_REQUIRED"

    async def test_is_trusted_by_one_account_alone(self, roomy: Server) -> None:
        phone, _ = await somebody(roomy)
        await somebody(roomy, "bob@example.com")
        browser = roomy.client()
        await login(
            roomy, client=browser, transport="cookie", mfaCode=phone.next_code(), trustDevice=True
        )
        answer = await login(roomy, "bob@example.com", client=browser, transport="cookie")
        assert answer.json()["code"] == "MFA_REQUIRED"
