"""What operators do for the people whom they look after."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import Server, serving
from tests.web.pages.operator import (
    BOB,
    ROLES,
    ROOT,
    an_operator,
    confirm,
    events_of,
    id_of,
    signed_in,
    somebody_with,
)
from tests.web.second_factor import somebody
from tests.web.visitor import ADA, Visitor
from watchword.domain.roles import Permission, Roles
from watchword.domain.time import MINUTE
from watchword.ports import RequestTrace

TRACE = RequestTrace()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, roles=ROLES) as running:
        yield running


@pytest.fixture
async def root(server: Server) -> Visitor:
    await server.register(BOB)
    return await an_operator(server)


async def page_of(root: Visitor, email: str = BOB) -> str:
    """Their page, which is looked at."""
    path = f"/console/users/{await id_of(root.server, email)}"
    assert (await root.look(path)).status == 200
    return path


async def actor_and_subject(server: Server, type_: str) -> tuple[str | None, str | None]:
    newest = (await events_of(server, type_))[0]
    return newest.actor, newest.subject


class TestSearching:
    async def test_finds_by_text_role_and_status(self, root: Visitor) -> None:
        assert BOB in (await root.look("/console/users?q=bob")).text
        assert BOB not in (await root.look("/console/users?role=admin")).text
        assert ROOT in root.page.text
        assert "Nobody is like that." in (await root.look("/console/users?status=disabled")).text

    async def test_i06_says_no_to_what_it_does_not_know(self, root: Visitor) -> None:
        for query in ("status=asleep", "role=emperor", "cursor=forged", "order=email", "q=a&q=b"):
            assert (await root.look(f"/console/users?{query}")).status == 422

    async def test_goes_on_by_a_cursor_with_what_was_asked(self, root: Visitor) -> None:
        for number in range(51):
            await root.server.register(f"user{number}@example.org")
        page = await root.look("/console/users?q=example.org")
        (more,) = [link for link in page.links if "cursor=" in link]
        assert "q=example.org" in more
        both = page.text + (await root.look(more)).text
        assert all(both.count(f"user{number}@example.org") == 1 for number in range(51))

    async def test_i09_shows_a_name_and_runs_nothing(self, root: Visitor) -> None:
        bob = await signed_in(root.server, BOB)
        form = (await bob.look("/account")).form("/account/name")
        await bob.send(form, name="<script>alert(1)</script>")
        assert "<script>alert" not in (await root.look("/console/users")).answer.text
        assert "<script>alert(1)</script>" in root.page.text
        assert "<script>alert" not in (await root.look(await page_of(root))).answer.text


class TestAUser:
    async def test_that_nobody_has_is_not_found(self, root: Visitor) -> None:
        assert (await root.look("/console/users/nobody")).status == 404

    async def test_is_shown_with_sessions_and_history(self, root: Visitor) -> None:
        await root.server.sign_in(BOB)
        await page_of(root)
        assert "last used" in root.page.text
        assert "Signed in" in root.page.text

    async def test_a09_gets_another_role_by_who_is_written_down(self, root: Visitor) -> None:
        path = await page_of(root)
        done = await root.send(root.page.form(f"{path}/role"), choice="auditor")
        assert "The role was changed." in done.text
        assert await actor_and_subject(root.server, "account.role_changed") == (
            await id_of(root.server, ROOT),
            await id_of(root.server, BOB),
        )

    async def test_a01_gets_no_role_that_is_none(self, root: Visitor) -> None:
        path = await page_of(root)
        again = await root.send(root.page.form(f"{path}/role"), choice="emperor")
        assert again.status == 422
        assert "Not a role here" in again.text

    async def test_a01_gets_no_status_that_is_none(self, root: Visitor) -> None:
        path = await page_of(root)
        again = await root.send(root.page.form(f"{path}/status"), choice="asleep")
        assert (again.status, again.alert) == (422, "Use active or disabled.")

    async def test_a07_is_disabled_at_once_and_enabled(self, root: Visitor) -> None:
        bob = await root.server.sign_in(BOB)
        path = await page_of(root)
        done = await root.send(root.page.form(f"{path}/status"))
        assert "The status was changed." in done.text
        assert (await bob.get("/profile")).status_code == 401
        assert await actor_and_subject(root.server, "account.status_changed") == (
            await id_of(root.server, ROOT),
            await id_of(root.server, BOB),
        )
        await root.send(done.form(f"{path}/status"))
        assert (await root.server.sign_in(BOB)).access

    async def test_is_signed_out_everywhere(self, root: Visitor) -> None:
        bob = await root.server.sign_in(BOB)
        path = await page_of(root)
        done = await root.send(root.page.form(f"{path}/end-sessions"))
        assert "The user's sessions were ended." in done.text
        assert (await bob.get("/profile")).json()["code"] == "SESSION_REVOKED"
        assert await actor_and_subject(root.server, "session.all_ended") == (
            await id_of(root.server, ROOT),
            await id_of(root.server, BOB),
        )

    async def test_is_deleted_for_good(self, root: Visitor) -> None:
        path, bob_id = await page_of(root), await id_of(root.server, BOB)
        await root.send(root.page.form(f"{path}/delete"))
        assert root.place == "/console/users"
        assert (await root.look(path)).status == 404
        assert await actor_and_subject(root.server, "account.deleted") == (
            await id_of(root.server, ROOT),
            bob_id,
        )

    async def test_a04_that_is_the_last_administrator_stays_one(self, root: Visitor) -> None:
        path = await page_of(root, ROOT)
        for action, fields in (("role", {"choice": "user"}), ("status", {}), ("delete", {})):
            page = await root.look(path)
            assert (await root.send(page.form(f"{path}/{action}"), **fields)).status == 409
        assert (await root.look("/console")).status == 200

    async def test_a_form_that_was_sent_too_late_is_shown_again_after_a_proof(
        self, root: Visitor
    ) -> None:
        path = await page_of(root)
        form = root.page.form(f"{path}/status")
        root.server.clock.advance(6 * MINUTE)
        await root.send(form)
        await confirm(root)
        assert root.place == path
        assert root.page.form(f"{path}/status").fields["choice"] == "disabled"


class TestInviting:
    async def test_a09_makes_an_account_and_a_mail_by_who_is_written_down(
        self, root: Visitor
    ) -> None:
        page = await root.look("/console/invite")
        done = await root.send(
            page.form("/console/invite"), email="new@example.com", name="New", role="auditor"
        )
        assert "The user was invited by mail." in done.text
        mails = await root.server.mails()
        assert [mail.to for mail in mails if "#token=" in mail.text] == ["new@example.com"]
        assert await actor_and_subject(root.server, "account.invited") == (
            await id_of(root.server, ROOT),
            await id_of(root.server, "new@example.com"),
        )

    async def test_is_shown_and_told_to_who_may_do_nothing_else(self, tmp_path: Path) -> None:
        roles = Roles.of({"host": frozenset({Permission.USERS_INVITE})})
        async with serving(tmp_path, roles=roles) as server:
            host = await somebody_with(server, "host", "hal@example.com")
            assert "/console/invite" in host.page.links
            page = await host.look("/console/invite")
            assert page.links.count("/console/invite") == 2
            done = await host.send(page.form("/console/invite"), email=ADA, role="user")
            assert (done.status, host.place) == (200, "/console/invite")
            assert "The user was invited by mail." in done.text

    async def test_p09_writes_to_one_address_alone(self, root: Visitor) -> None:
        form = (await root.look("/console/invite")).form("/console/invite")
        for address in ("a@example.com,b@example.com", "a@example.com\nBcc: b@example.com", ""):
            page = await root.send(form, email=address, role="user")
            assert page.problems.keys() == {"email"}
        assert not [mail for mail in await root.server.mails() if "#token=" in mail.text]

    async def test_a01_gives_no_role_that_is_none(self, root: Visitor) -> None:
        form = (await root.look("/console/invite")).form("/console/invite")
        again = await root.send(form, email="new@example.com", name="New", role="emperor")
        assert again.status == 422
        assert again.problems.keys() == {"role"}
        assert again.focus == ["role"]
        assert again.form("/console/invite").fields["name"] == "New"

    async def test_a05_takes_nobody_above_oneself(self, root: Visitor) -> None:
        support = await somebody_with(root.server, "support", "sue@example.com")
        path = await page_of(support)
        again = await support.send(support.page.form(f"{path}/role"), choice="admin")
        assert again.status == 403
        assert "Change the role" in again.text


class TestALostSecondFactor:
    async def test_a09_is_removed_by_who_is_written_down_and_its_owner_hears_of_it(
        self, server: Server
    ) -> None:
        phone, _ = await somebody(server)
        await server.mails()
        root = await an_operator(server)
        path = await page_of(root, ADA)
        done = await root.send(root.page.form(f"{path}/reset-second-factor"))
        assert "The second factor was removed" in done.text
        (event, *_) = await events_of(server, "credential.mfa_disabled")
        assert (event.actor, event.subject) == (await id_of(server, ROOT), await id_of(server, ADA))
        assert '"reason":"operator"' in event.details
        (mail,) = [mail for mail in await server.mails() if mail.to == ADA]
        assert phone.secret not in mail.text
        assert (await server.sign_in()).access

    async def test_b11_takes_the_recovery_codes_with_it(self, server: Server) -> None:
        phone, _ = await somebody(server)
        ada = Visitor(server)
        asked = await ada.sign_in()
        root = await an_operator(server)
        path = await page_of(root, ADA)
        await root.send(root.page.form(f"{path}/reset-second-factor"))
        form = asked.forms[1]
        assert (await ada.send(form, recoveryCode=phone.recovery_codes[0])).status == 401

    async def test_that_nobody_has_is_not_offered_and_cannot_be_removed(
        self, root: Visitor
    ) -> None:
        path = await page_of(root)
        assert not root.page.answer.text.count("reset-second-factor")
        form = root.page.form(f"{path}/end-sessions")
        form.action = f"{path}/reset-second-factor"
        assert (await root.send(form)).status == 409
        assert await events_of(root.server, "credential.mfa_disabled") == []

    async def test_a08_is_not_removed_by_its_owner_without_a_code(self, server: Server) -> None:
        """A session that was stolen would turn off what guards the account."""
        phone, _ = await somebody(server)
        ada_id = await id_of(server, ADA)
        await server.core.services.users.change_role(None, ada_id, "admin", TRACE)
        ada = Visitor(server)
        asked = await ada.sign_in()
        await ada.send(asked.forms[0], code=phone.next_code())
        path = await page_of(ada, ADA)
        assert not ada.page.answer.text.count("reset-second-factor")
        form = ada.page.form(f"{path}/end-sessions")
        form.action = f"{path}/reset-second-factor"
        assert (await ada.send(form)).status == 409
        assert await events_of(server, "credential.mfa_disabled") == []

    async def test_a05_of_somebody_above_oneself_stays(self, server: Server) -> None:
        await somebody(server)
        await server.core.services.users.change_role(None, await id_of(server, ADA), "admin", TRACE)
        support = await somebody_with(server, "support", "sue@example.com")
        path = await page_of(support, ADA)
        again = await support.send(support.page.form(f"{path}/reset-second-factor"))
        assert again.status == 403
        assert await events_of(server, "credential.mfa_disabled") == []
