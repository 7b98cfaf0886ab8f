"""Links from mails, followed by pages: nothing is used up by looking."""

import pytest

from tests.driving import ORIGIN, PASSWORD, Server
from tests.web.second_factor import somebody
from tests.web.visitor import ADA, Page, Visitor
from watchword.crypto.opaque import to_text
from watchword.domain.accounts import EmailAddress

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

    async def test_leads_where_one_wanted_to_go_though_the_mail_does_not_say(
        self, server: Server
    ) -> None:
        visitor = await asking(server, "/account/activity?x=1")
        mail = await server.mail()
        assert "activity" not in mail.text + mail.html
        await follow(visitor, mail.link)
        assert str(visitor.page.answer.url).endswith("/account/activity?x=1")

    async def test_leads_there_past_the_second_factor_too(self, server: Server) -> None:
        phone, _ = await somebody(server)
        await server.mails()
        visitor = await asking(server, "/account/activity")
        page = await follow(visitor, (await server.mail()).link)
        form = next(form for form in page.forms if "code" in form.names)
        await visitor.send(form, code=phone.next_code())
        assert visitor.place == "/account/activity"

    @pytest.mark.parametrize(
        "hostile",
        [
            *("https://evil.example/", "//evil.example", "/\\evil.example", "/%2f/evil.example"),
            *(
                "javascript:alert(1)",
                "/\t/evil.example",
                "/a\r\nset-cookie: a=b",
                "/" + "a" * 2_048,
            ),
        ],
        ids=lambda hostile: ascii(hostile[:20]),
    )
    async def test_o09_keeps_no_hostile_target_and_follows_none(
        self, server: Server, hostile: str
    ) -> None:
        """Neither one that the form says, nor one that somebody has put into the cookie since, nor
        one that stands beside a link that is pasted.
        """
        visitor = await asking(server, hostile)
        name = "magicLink"
        kept = visitor.client.cookies[name]
        assert "." not in kept
        forged = f"{kept}.{to_text(hostile.encode())}"
        visitor.client.cookies.clear()
        visitor.client.cookies.set(name, forged)
        link = (await server.mail()).link
        form = (await visitor.look("/magic-link")).form("/magic-link/complete")
        form.fields["returnTo"] = hostile
        await visitor.send(form, token=link)
        assert str(visitor.page.answer.url) == f"{ORIGIN}/account"

    @pytest.mark.parametrize("kept", ["", ".", ".x", "..", ".\xff", ".____", "." + "A" * 5_000])
    async def test_i01_a_cookie_that_says_nothing_leads_to_the_account(
        self, server: Server, kept: str
    ) -> None:
        visitor = await asking(server, "/account/activity")
        bound = visitor.client.cookies["magicLink"].partition(".")[0]
        visitor.client.cookies.clear()
        page = await visitor.look("/magic-link")
        form = page.form("/magic-link/complete")
        answer = await visitor.client.post(
            form.action,
            data={**form.fields, "token": (await server.mail()).link},
            headers=[
                (b"sec-fetch-site", b"same-origin"),
                (b"cookie", f"magicLink={bound}{kept}".encode("latin-1")),
            ],
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")

    async def test_p12_of_a_stranger_who_asked_leads_its_owner_nowhere(
        self, server: Server
    ) -> None:
        """Who asks in the name of another has the target in their own browser, and not the link."""
        await asking(server, "/account/delete")
        link = (await server.mail()).link
        owner = Visitor(server)
        page = await follow(owner, link)
        assert (page.status, owner.place) == (400, "/magic-link/complete")
        assert "/account/delete" not in page.answer.text

    async def test_asked_for_once_more_forgets_where_one_wanted_to_go_before(
        self, server: Server
    ) -> None:
        visitor = await asking(server, "/account/activity")
        await server.mails()
        page = await visitor.look("/magic-link")
        await visitor.send(page.form("/magic-link"), email=ADA)
        await follow(visitor, (await server.mail()).link)
        assert visitor.place == "/account"
        assert "magicLink" not in visitor.client.cookies


async def asking(server: Server, return_to: str) -> Visitor:
    """A browser that asked for a link, for Ada's account."""
    found = await server.core.store.reading.accounts.find_by_address(EmailAddress.parse(ADA))
    if found is None:
        await server.register()
    visitor = Visitor(server)
    form = (await visitor.look("/magic-link")).form("/magic-link")
    form.fields["returnTo"] = return_to
    assert (await visitor.send(form, email=ADA)).status == 200
    return visitor


async def follow(visitor: Visitor, link: str) -> Page:
    """Without a script: it is pasted, on a page that does not say where one wanted to go."""
    page = await visitor.look("/magic-link")
    return await visitor.send(page.form("/magic-link/complete"), token=link)
