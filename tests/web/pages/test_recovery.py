"""Links from mails, followed by pages: nothing is used up by looking."""

import pytest

from tests.driving import PASSWORD, Server
from tests.web.visitor import ADA, Visitor

NEW = "another battery staple, and a horse"


async def test_a_lost_password_is_set_anew(server: Server) -> None:
    await server.register()
    visitor = Visitor(server)
    page = await visitor.look("/forgot-password")
    sent = await visitor.send(page.form("/forgot-password"), email=ADA)
    assert sent.title.startswith("Look into your mail")
    link = (await server.mail()).link
    form = (await visitor.look("/reset-password")).form("/reset-password")
    refused = await visitor.send(form, token=link, newPassword="short")
    assert refused.problems.keys() == {"newPassword"}
    done = await visitor.send(refused.form("/reset-password"), newPassword=NEW)
    assert "The password was set" in done.text
    await visitor.sign_in(password=NEW)
    assert visitor.place == "/account"


async def test_p01_a_link_is_good_once(server: Server) -> None:
    await server.register()
    visitor = Visitor(server)
    page = await visitor.look("/forgot-password")
    await visitor.send(page.form("/forgot-password"), email=ADA)
    token = (await server.mail()).token
    form = (await visitor.look("/reset-password")).form("/reset-password")
    for status in (200, 400):
        page = await visitor.send(form, token=token, newPassword=NEW)
        assert page.status == status
    assert page.alert.startswith("This link is not valid any more")


async def test_a_link_that_is_not_good_makes_room_for_another(server: Server) -> None:
    """Its token stood hidden in the form, and nothing could be pasted in its place."""
    for path, typed in (
        ("/reset-password", {"newPassword": NEW}),
        ("/setup", {"email": ADA, "password": NEW}),
    ):
        visitor = Visitor(server)
        form = (await visitor.look(path)).form(path)
        again = await visitor.send(form, token="of-last-week", **typed)
        assert again.alert.startswith("This link is not valid any more")
        assert again.form(path).fields["token"] == ""
        assert 'type="hidden"' not in again.answer.text


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/forgot-password", "/forgot-password"),
        ("/magic-link", "/magic-link"),
        ("/verify-email", "/verify-email/resend"),
    ],
)
async def test_e04_asking_says_the_same_of_every_address(
    server: Server, path: str, action: str
) -> None:
    await server.register()
    texts = []
    for email in (ADA, "nobody@example.com"):
        visitor = Visitor(server)
        page = await visitor.look(path)
        sent = await visitor.send(page.form(action), email=email)
        assert sent.status == 200
        texts.append(sent.answer.text.replace(email, "…"))
    assert texts[0] == texts[1]


async def test_an_address_is_confirmed(server: Server) -> None:
    await server.register()
    visitor = Visitor(server)
    page = await visitor.look("/verify-email")
    await visitor.send(page.form("/verify-email/resend"), email=ADA)
    token = (await server.mail()).token
    page = await visitor.look("/verify-email")
    done = await visitor.send(page.form("/verify-email"), token=token)
    assert "The address was confirmed" in done.text
    assert (await visitor.send(page.form("/verify-email"), token=token)).status == 400


class TestALinkThatSignsIn:
    async def test_p12_works_in_the_browser_that_asked_and_in_no_other(
        self, server: Server
    ) -> None:
        await server.register()
        visitor, other = Visitor(server), Visitor(server)
        page = await visitor.look("/magic-link")
        await visitor.send(page.form("/magic-link"), email=ADA)
        token = (await server.mail()).token
        form = (await other.look("/magic-link")).form("/magic-link/complete")
        assert (await other.send(form, token=token)).status == 400
        await visitor.send(form, token=token)
        assert visitor.place == "/account"

    async def test_is_offered_nowhere_in_the_strict_profile(self, strict_server: Server) -> None:
        visitor = Visitor(strict_server)
        assert (await visitor.look("/magic-link")).status == 404
        assert "/magic-link" not in (await visitor.look("/sign-in")).links

    async def test_keeps_where_one_wanted_to_go(self, server: Server) -> None:
        page = await Visitor(server).look("/magic-link?returnTo=/account/activity")
        for form in page.forms:
            assert form.fields["returnTo"] == "/account/activity"
        assert PASSWORD not in page.answer.text
