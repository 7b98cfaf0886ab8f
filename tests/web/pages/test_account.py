"""The pages of one's own account, without a script."""

import pytest

from tests.driving import PASSWORD, Server
from tests.web.contract import change_rows
from tests.web.pages.own_data import take
from tests.web.second_factor import Phone
from tests.web.visitor import ADA, Page, Visitor
from watchword.domain.accounts import EmailAddress
from watchword.domain.events import MfaDisabled
from watchword.domain.time import MINUTE
from watchword.ports import RequestTrace
from watchword.web.pages.routes import PAGES
from watchword.web.policies import PUBLIC
from watchword.web.routing import Route

NEW = "another battery staple, and a horse"


@pytest.fixture
async def ada(server: Server) -> Visitor:
    await server.register()
    visitor = Visitor(server)
    await visitor.sign_in()
    return visitor


async def confirm(visitor: Visitor) -> Page:
    """The page that asks for a fresh proof."""
    assert visitor.place == "/confirm"
    return await visitor.send(visitor.page.form("/confirm"), password=PASSWORD)


@pytest.mark.parametrize(
    "route", [r for r in PAGES if r.who is not PUBLIC], ids=lambda r: f"{r.method} {r.path}"
)
async def test_a02_a_page_for_users_is_for_nobody_else(server: Server, route: Route) -> None:
    path = route.path.replace("{id}", "x").replace("{provider}", "x")
    answer = await server.client(Accept="text/html").request(
        route.method, path, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 303
    assert answer.headers["location"].partition("?")[0] == "/sign-in"
    assert "set-cookie" not in answer.headers


class TestEveryForm:
    async def test_s07_carries_what_only_this_page_knows(self, ada: Visitor) -> None:
        other = Visitor(ada.server)
        await ada.server.register("bob@example.com")
        await other.sign_in("bob@example.com")
        stolen = (await other.look("/account")).form("/account/name").fields["csrfToken"]
        page = await ada.look("/account")
        for token in ("", "guessed", stolen):
            answer = await ada.send(page.form("/account/name"), name="Eve", csrfToken=token)
            assert answer.status == 403
            assert "Go back, load the page again" in answer.text
        assert (await ada.look("/account")).form("/account/name").fields["name"] == ""

    @pytest.mark.parametrize(
        "path", [r.path for r in PAGES if r.method == "POST" and r.who is not PUBLIC]
    )
    async def test_s07_is_refused_when_nothing_at_all_is_sent(
        self, ada: Visitor, path: str
    ) -> None:
        """The token is missing from what is empty, too."""
        answer = await ada.client.post(
            path.replace("{id}", "x").replace("{provider}", "x"),
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code == 403
        assert (await ada.look("/account")).status == 200
        assert ada.place == "/account"


class TestTheProfile:
    async def test_is_changed(self, ada: Visitor) -> None:
        page = await ada.look("/account")
        done = await ada.send(page.form("/account/name"), name="Ada Lovelace")
        assert "Your name was changed." in done.text
        assert done.form("/account/name").fields["name"] == "Ada Lovelace"

    async def test_keeps_the_name_when_what_stands_beside_it_is_refused(self, ada: Visitor) -> None:
        page = await ada.look("/account")
        page = await ada.send(page.form("/account/name"), name="Ada Lovelace")
        again = await ada.send(page.form("/account/email"), newEmail="no address")
        assert again.problems.keys() == {"newEmail"}
        assert again.form("/account/name").fields["name"] == "Ada Lovelace"
        assert again.form("/account/email").fields["newEmail"] == "no address"

    async def test_p08_another_address_takes_a_fresh_proof_and_a_link(
        self, server: Server, ada: Visitor
    ) -> None:
        server.clock.advance(6 * MINUTE)
        form = (await ada.look("/account")).form("/account/email")
        await ada.send(form, newEmail="ada@example.org")
        page = await confirm(ada)
        assert ada.place == "/account"
        done = await ada.send(page.form("/account/email"), newEmail="ada@example.org")
        assert "A mail is on its way" in done.text
        to = {mail.to for mail in await server.mails()}
        assert {"ada@example.org", ADA} <= to

    async def test_a_new_password_ends_the_other_sessions(
        self, server: Server, ada: Visitor
    ) -> None:
        other = await server.sign_in()
        form = (await ada.look("/account/password")).form("/account/password")
        wrong = await ada.send(form, currentPassword="not it at all", newPassword=NEW)
        assert (wrong.status, wrong.alert) == (403, "The current password is not right.")
        done = await ada.send(form, currentPassword=PASSWORD, newPassword=NEW)
        assert "All other sessions were ended." in done.text
        assert (await other.get("/profile")).status_code == 401

    async def test_of_somebody_without_a_password_asks_for_none(self, server: Server) -> None:
        """Whatever they typed would have been wrong."""
        await server.register()
        await change_rows(server, "UPDATE users SET password_hash = NULL")
        bare = Visitor(server)
        page = await bare.look("/magic-link")
        await bare.send(page.form("/magic-link"), email=ADA)
        link = (await server.mail()).link
        page = await bare.look("/magic-link")
        await bare.send(page.form("/magic-link/complete"), token=link)
        page = await bare.look("/account/password")
        assert not [form for form in page.forms if form.action == "/account/password"]
        assert "/forgot-password" in page.links
        page = await bare.look("/forgot-password")
        await bare.send(page.form("/forgot-password"), email=ADA)
        link = next(mail.link for mail in await server.mails() if "/reset-password#" in mail.text)
        page = await bare.look("/reset-password")
        await bare.send(page.form("/reset-password"), token=link, newPassword=NEW)
        assert "The password was set" in bare.page.text

    async def test_is_deleted_by_who_types_its_address(self, ada: Visitor) -> None:
        form = (await ada.look("/account/delete")).form("/account/delete")
        assert (await ada.send(form, email="bob@example.com")).problems.keys() == {"email"}
        await ada.send(form, email=ADA)
        assert ada.place == "/sign-in"
        assert (await ada.sign_in()).status == 401


class TestDevices:
    async def test_are_shown_this_one_first_and_ended_one_by_one(
        self, server: Server, ada: Visitor
    ) -> None:
        other = await server.sign_in()
        page = await ada.look("/account/devices")
        assert page.text.count("this device") == 1
        done = await ada.send(page.form(f"/account/devices/{other.session_id}/end"))
        assert "The session was ended." in done.text
        assert (await other.get("/profile")).json()["code"] == "SESSION_REVOKED"

    async def test_a03_of_somebody_else_are_not_ended(self, server: Server, ada: Visitor) -> None:
        await server.register("bob@example.com")
        bob = await server.sign_in("bob@example.com")
        await server.sign_in()
        page = await ada.look("/account/devices")
        form = page.forms[1]
        form.action = f"/account/devices/{bob.session_id}/end"
        await ada.send(form)
        assert (await bob.get("/profile")).status_code == 200

    async def test_all_others_end_at_once_and_then_this_one(
        self, server: Server, ada: Visitor
    ) -> None:
        others = [await server.sign_in() for _ in range(2)]
        page = await ada.look("/account/devices")
        await ada.send(page.form("/account/devices/end-others"))
        assert ada.place == "/account/devices"
        for other in others:
            assert (await other.get("/profile")).status_code == 401
        await ada.send(ada.page.form("/account/sign-out-everywhere"))
        assert ada.place == "/sign-in"


class TestTheSecondFactor:
    async def test_is_set_up_lost_and_turned_off(self, server: Server, ada: Visitor) -> None:
        page = await ada.look("/account/two-factor")
        page = await ada.send(page.form("/account/two-factor/app"))
        secret = page.answer.text.partition("<code>")[2].partition("</code>")[0]
        phone = Phone(server, secret)
        form = page.form("/account/two-factor/app/confirm")
        assert (await ada.send(form, code=phone.wrong_code())).status == 401
        page = await ada.send(form, code=phone.code())
        codes = page.answer.text.split("<code>")[1:]
        phone.recovery_codes = [code.partition("</code>")[0] for code in codes]
        assert len(phone.recovery_codes) >= 8
        page = await ada.look("/account/two-factor")
        form = page.forms[3]
        done = await ada.send(form, recoveryCode=phone.recovery_codes[0])
        assert "Your second factor is off." in done.text

    async def test_that_is_confirmed_twice_is_on_and_leads_to_new_codes(
        self, server: Server, ada: Visitor
    ) -> None:
        """Whoever clicks twice sees the answer to the second click alone."""
        page = await ada.look("/account/two-factor")
        page = await ada.send(page.form("/account/two-factor/app"))
        secret = page.answer.text.partition("<code>")[2].partition("</code>")[0]
        form = page.form("/account/two-factor/app/confirm")
        code = Phone(server, secret).code()
        await ada.send(form, code=code)
        again = await ada.send(form, code=code)
        assert (again.status, ada.place) == (200, "/account/two-factor")
        codes = await ada.send(again.form("/account/two-factor/recovery-codes"))
        assert codes.title.startswith("Your recovery codes")

    async def test_takes_a_fresh_proof(self, server: Server, ada: Visitor) -> None:
        server.clock.advance(6 * MINUTE)
        page = await ada.look("/account/two-factor")
        await ada.send(page.form("/account/two-factor/app"))
        await confirm(ada)
        assert ada.place == "/account/two-factor"


async def test_what_happened_is_shown_in_words(ada: Visitor) -> None:
    page = await ada.look("/account/activity")
    assert "Signed in" in page.text
    assert "The account was made" in page.text
    assert "session.signed_in" not in page.text


class TestWhatAnOperatorDid:
    SESSION = "of-the-operator"
    HERS = RequestTrace(ip="203.0.113.99", user_agent="Mozilla/5.0 (X11; Linux) Firefox/150.0")

    async def test_a02_is_shown_without_the_operators_address_and_device(
        self, server: Server, ada: Visitor
    ) -> None:
        await self._gives_a_role(server)
        page = await ada.look("/account/activity")
        assert "The role was changed" in page.text
        assert "by an operator" in page.text
        data = (await take(ada)).text
        assert "account.role_changed" in data
        for told in (page.answer.text, data):
            assert self.HERS.ip not in told
            assert self.SESSION not in told
            assert "Firefox" not in told

    async def test_is_not_taken_for_what_happened_to_the_operator(
        self, server: Server, ada: Visitor
    ) -> None:
        await self._gives_a_role(server)
        root = Visitor(server)
        await root.sign_in("root@example.com")
        page = await root.look("/account/activity")
        (changed,) = [item for item in page.answer.text.split("<li>") if "The role was" in item]
        assert "of another account" in changed
        assert self.HERS.ip in changed

    async def _gives_a_role(self, server: Server) -> None:
        await server.register_admin()
        root = await server.sign_in("root@example.com")
        caller = await server.core.services.access.by_access_token(root.access)
        found = await server.core.store.reading.accounts.find_by_address(EmailAddress.parse(ADA))
        assert found is not None
        await server.core.services.users.change_role(caller, found.id, "admin", self.HERS)
        event = MfaDisabled(
            subject=found.id, actor=caller.account.id, session=self.SESSION, reason="operator"
        )
        async with server.core.store.transaction() as unit:
            await unit.audit.append(event, at=server.clock.now(), trace=self.HERS)


async def test_a_message_of_a_stranger_is_not_shown(ada: Visitor) -> None:
    page = await ada.look("/account?done=<b>Your account is locked, call us</b>")
    assert "locked" not in page.text
