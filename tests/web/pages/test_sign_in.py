"""Signing in by pages, without a script."""

from pathlib import Path

import pytest

from tests.driving import PASSWORD, Server, serving
from tests.web.second_factor import Phone, enrol
from tests.web.visitor import ADA, Visitor
from watchword.domain.time import MINUTE
from watchword.settings.choices import Pages

ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]


async def test_a_right_password_leads_to_ones_account(server: Server) -> None:
    await server.register()
    visitor = Visitor(server)
    page = await visitor.sign_in()
    assert (page.status, visitor.place) == (200, "/account")
    assert ADA in page.text


async def test_s01_gives_one_opaque_cookie_and_no_token_of_another_transport(
    server: Server,
) -> None:
    await server.register()
    visitor = Visitor(server)
    await visitor.sign_in()
    names = {cookie.name for cookie in visitor.client.cookies.jar}
    assert names == {"session", "device"}


async def test_a_wrong_password_keeps_the_address_and_never_the_password(server: Server) -> None:
    await server.register()
    page = await Visitor(server).sign_in(password="not it, and still long enough")
    assert page.status == 401
    assert page.alert == "The e-mail address or the password is not right."
    assert page.title.startswith("Error")
    assert page.form("/sign-in").fields["email"] == ADA
    assert "not it, and" not in page.answer.text
    assert page.focus == ["alert"]


async def test_e01_says_the_same_of_an_address_without_an_account(server: Server) -> None:
    await server.register()
    pages = [
        (await Visitor(server).sign_in(email, "not it, and still long enough")).text
        for email in (ADA, "nobody@example.com")
    ]
    assert pages[0] == pages[1]


async def test_what_else_an_address_carries_is_nobodys_business(server: Server) -> None:
    for path in ("/sign-in", "/register", "/forgot-password", "/reset-password", "/setup"):
        page = await Visitor(server).look(f"{path}?utm_source=mail&utm_source=again&fbclid=x")
        assert (page.status, len(page.forms) > 0) == (200, True)


async def test_whoever_is_signed_in_goes_on(server: Server) -> None:
    await server.register()
    visitor = Visitor(server)
    await visitor.sign_in()
    await visitor.look("/sign-in?returnTo=/account/devices")
    assert visitor.place == "/account/devices"


async def test_a_page_for_users_is_come_back_to(server: Server) -> None:
    await server.register()
    visitor = Visitor(server)
    page = await visitor.look("/account/activity?cursor=")
    assert (visitor.place, visitor.asked()) == (
        "/sign-in",
        {"returnTo": "/account/activity?cursor="},
    )
    await visitor.send(page.form("/sign-in"), email=ADA, password=PASSWORD)
    assert visitor.place == "/account/activity"


@pytest.mark.parametrize("place", ELSEWHERE)
async def test_o09_leads_to_no_other_site(server: Server, place: str) -> None:
    await server.register()
    visitor = Visitor(server)
    page = await visitor.look(f"/sign-in?returnTo={place}")
    assert "evil" not in page.answer.text
    assert "javascript" not in page.answer.text
    form = page.form("/sign-in")
    form.names.append("returnTo")
    await visitor.send(form, email=ADA, password=PASSWORD, returnTo=place)
    assert visitor.place == "/account"


async def test_s05_a_form_of_another_site_signs_nobody_in(server: Server) -> None:
    await server.register()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        client = server.client(Accept="text/html")
        answer = await client.post(
            "/sign-in", data={"email": ADA, "password": PASSWORD}, headers=headers
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_session_and_takes_a_token_of_the_page(server: Server) -> None:
    await server.register()
    visitor = Visitor(server)
    form = (await visitor.sign_in()).form("/sign-out")
    held = visitor.client.cookies["session"]
    forged = await visitor.client.post(
        "/sign-out", data={"csrfToken": "guessed"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert forged.status_code == 403
    await visitor.send(form)
    assert visitor.place == "/sign-in"
    visitor.client.cookies.set("session", held)
    await visitor.look("/account")
    assert visitor.place == "/sign-in"


class TestWithASecondFactor:
    @pytest.fixture
    async def app(self, server: Server) -> Phone:
        await server.register()
        return await enrol(server, await server.sign_in())

    async def test_s14_asks_for_it_before_there_is_a_cookie(
        self, server: Server, app: Phone
    ) -> None:
        visitor = Visitor(server)
        page = await visitor.sign_in()
        assert page.title.startswith("Second factor")
        assert not visitor.client.cookies
        form = page.forms[0]
        wrong = await visitor.send(form, code=app.wrong_code())
        assert (wrong.status, wrong.alert) == (401, "The code is not right, or was used before.")
        assert not visitor.client.cookies
        await visitor.send(wrong.forms[0], code=app.next_code())
        assert visitor.place == "/account"

    async def test_a_recovery_code_does_as_well(self, server: Server, app: Phone) -> None:
        visitor = Visitor(server)
        page = await visitor.sign_in()
        await visitor.send(page.forms[1], recoveryCode=app.recovery_codes[0])
        assert visitor.place == "/account"

    async def test_a_wrong_one_leaves_the_form_as_it_was(self, server: Server, app: Phone) -> None:
        visitor = Visitor(server)
        form = (await visitor.sign_in()).forms[0]
        again = await visitor.send(form, code=app.wrong_code(), trustDevice="yes")
        assert again.forms[0].fields["trustDevice"] == "yes"
        assert "<details>" in again.answer.text
        again = await visitor.send(again.forms[1], recoveryCode="AAAA-BBBB")
        assert again.status == 401
        assert "<details open>" in again.answer.text

    async def test_that_comes_too_late_begins_anew(self, server: Server, app: Phone) -> None:
        visitor = Visitor(server)
        page = await visitor.sign_in()
        server.clock.advance(6 * MINUTE)
        late = await visitor.send(page.forms[0], code=app.next_code())
        assert late.status == 401
        assert late.alert.startswith("That took too long")
        assert late.form("/sign-in").method == "post"


class TestWherePagesAreOff:
    async def test_there_are_none_and_the_api_is(self, tmp_path: Path) -> None:
        async with serving(tmp_path, pages=Pages.OFF) as server:
            for path in ("/", "/sign-in", "/account", "/assets/pages.css"):
                answer = await server.client(Accept="text/html").get(path)
                assert answer.status_code == 404
                assert answer.json()["code"] == "NOT_FOUND"
            assert (await server.client().get("/health")).status_code == 200
