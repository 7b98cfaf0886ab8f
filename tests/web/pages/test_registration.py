"""Making an account by pages, and the first administrator's."""

from pathlib import Path

import pytest

from tests.driving import PASSWORD, Server, serving
from tests.web.visitor import ADA, Visitor
from watchword.ports import RequestTrace
from watchword.settings.choices import EmailVerification


async def test_a_newcomer_is_signed_in_and_goes_on_where_they_wanted_to(server: Server) -> None:
    visitor = Visitor(server)
    page = await visitor.look("/register?returnTo=/account/devices")
    await visitor.send(page.form("/register"), email=ADA, name="Ada", password=PASSWORD)
    assert (visitor.page.status, visitor.place) == (200, "/account/devices")


async def test_what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(server: Server) -> None:
    visitor = Visitor(server)
    page = await visitor.look("/register")
    again = await visitor.send(page.form("/register"), email=ADA, name="Ada", password="short")
    assert again.status == 422
    assert again.problems == {
        "password": "Use 12 characters or more; a few words in a row work well."
    }
    assert again.focus == ["password"]
    assert again.form("/register").fields == {"email": ADA, "name": "Ada", "password": ""}
    assert 'aria-invalid="true" aria-describedby="password-problem password-hint"' in (
        again.answer.text
    )


async def test_every_field_that_is_wrong_is_named(server: Server) -> None:
    page = await Visitor(server).look("/register")
    again = await Visitor(server).send(page.form("/register"), email="x", password="short")
    assert again.problems.keys() == {"email", "password"}
    assert again.focus == ["email"]


@pytest.mark.parametrize("length", [5_000, 60_000])
async def test_i02_what_is_far_too_long_is_said_beside_its_field_too(
    server: Server, length: int
) -> None:
    visitor = Visitor(server)
    form = (await visitor.look("/register")).form("/register")
    again = await visitor.send(form, email=ADA, name="x" * length, password=PASSWORD)
    assert (again.status, again.problems) == (422, {"name": "Use at most 200 characters."})
    assert again.form("/register").fields["email"] == ADA
    again = await visitor.send(form, email="x" * length, name="Ada", password=PASSWORD)
    assert again.problems == {"email": "Enter an e-mail address."}
    again = await visitor.send(form, email=ADA, name="Ada", password="x" * length)
    assert again.problems == {"password": "Use at most 1,024 bytes."}


async def test_i09_what_was_typed_is_inert(server: Server) -> None:
    evil = '"><script>alert(1)</script>'
    page = await Visitor(server).look("/register")
    again = await Visitor(server).send(page.form("/register"), email=evil, name=evil, password="x")
    assert "<script>alert" not in again.answer.text
    assert again.form("/register").fields["name"] == evil


async def test_e03_where_addresses_are_confirmed_the_page_says_the_same_of_all(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, email_verification=EmailVerification.REQUIRED) as server:
        pages = []
        for _ in range(2):
            visitor = Visitor(server)
            page = await visitor.look("/register")
            done = await visitor.send(page.form("/register"), email=ADA, password=PASSWORD)
            pages.append((done.status, done.answer.text))
        assert pages[0] == pages[1]
        assert pages[0][0] == 200
        subjects = [mail.subject for mail in await server.mails()]
        assert len(subjects) == 2


async def test_the_set_up_link_makes_the_administrator_once(server: Server) -> None:
    token = await server.core.services.setup.make_link(RequestTrace())
    visitor = Visitor(server)
    page = await visitor.look("/setup")
    form = page.form("/setup")
    short = await visitor.send(form, token=token, email=ADA, password="short")
    assert short.problems.keys() == {"password"}
    assert short.form("/setup").fields["token"] == token
    link = f"http://localhost:8000/setup#token={token}"
    await visitor.send(form, token=link, email=ADA, password=PASSWORD)
    assert visitor.place == "/account"
    again = await Visitor(server).send(
        form, token=token, email="eve@example.com", password=PASSWORD
    )
    assert again.status == 400
    assert again.alert.startswith("This link is not valid any more")
