"""A fresh proof of who one is, and the second factor where that is what it takes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.driving import ORIGIN, PASSWORD, Server, serving
from tests.web.pages.operator import ROOT, an_operator
from tests.web.second_factor import Phone, enrol
from tests.web.visitor import Visitor
from watchword.domain.time import MINUTE


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, mfa_roles=("admin",)) as running:
        yield running


async def spared(server: Server) -> tuple[Visitor, Phone]:
    """Signed in by a password alone, for this browser is trusted."""
    await server.register()
    app = await enrol(server, await server.sign_in())
    ada = Visitor(server)
    page = await ada.sign_in()
    await ada.send(page.forms[0], code=app.next_code(), trustDevice="yes")
    await ada.send(ada.page.form("/sign-out"))
    await ada.sign_in()
    assert ada.place == "/account"
    return ada, app


class TestWhoWasSparedTheSecondFactor:
    async def test_a08_shows_it_before_new_recovery_codes(self, server: Server) -> None:
        ada, app = await spared(server)
        page = await ada.look("/account/two-factor")
        await ada.send(page.form("/account/two-factor/recovery-codes"))
        assert (ada.place, ada.asked()) == ("/confirm", {"returnTo": "/account/two-factor"})
        page = await ada.send(ada.page.forms[1], code=app.next_code())
        done = await ada.send(page.form("/account/two-factor/recovery-codes"))
        assert done.title.startswith("Your recovery codes")

    async def test_a08_shows_it_before_a_passkey(self, server: Server) -> None:
        ada, app = await spared(server)
        await ada.look("/account/passkeys/add")
        assert (ada.place, ada.asked()) == ("/confirm", {"returnTo": "/account/passkeys/add"})
        await ada.send(ada.page.forms[1], code=app.next_code())
        assert ada.place == "/account/passkeys/add"

    async def test_is_asked_for_it_first(self, server: Server) -> None:
        ada, _ = await spared(server)
        page = await ada.look("/confirm")
        assert [form.names[-1] for form in page.forms[1:]] == ["code", "password"]
        assert page.focus == ["code"]


class TestARoleThatTakesASecondFactor:
    async def test_of_somebody_who_has_none_says_to_turn_one_on(self, server: Server) -> None:
        root = await an_operator(server)
        page = await root.look("/console")
        assert root.place == "/confirm"
        assert "takes a second factor" in page.text
        assert "/account/two-factor" in page.links

    async def test_is_in_force_once_it_was_shown(self, server: Server) -> None:
        await server.register_admin()
        app = await enrol(server, await server.sign_in(ROOT))
        root = Visitor(server)
        page = await root.sign_in(ROOT)
        await root.send(page.forms[0], code=app.next_code())
        assert (await root.look("/console")).status == 200
        assert root.place == "/console"


async def test_two_proofs_at_once_leave_one_signed_in(server: Server) -> None:
    await server.register()
    ada = Visitor(server)
    await ada.sign_in()
    server.clock.advance(6 * MINUTE)
    form = (await ada.look("/confirm?returnTo=/account/delete")).form("/confirm")
    answers = await asyncio.gather(
        *(
            ada.client.post(
                form.action,
                data={**form.fields, "password": PASSWORD},
                headers={"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
            )
            for _ in range(3)
        )
    )
    assert {answer.status_code for answer in answers} == {303}
    assert sum("set-cookie" in answer.headers for answer in answers) == 1
    page = await ada.look("/account/delete")
    assert (ada.place, page.form("/account/delete").fields["email"]) == ("/account/delete", "")
