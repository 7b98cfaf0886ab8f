"""Other identity providers, from the page and back to it."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.web.contract import rows
from tests.web.federated import CALLBACK, Scene, beside
from tests.web.second_factor import enrol
from tests.web.visitor import ADA, Page, Visitor
from watchword.domain.time import MINUTE

LINK = "/account/providers/link"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with beside(tmp_path) as made:
        yield made


async def go(scene: Scene, visitor: Visitor, **asked: str) -> Page:
    """By the link of the page to the provider, and back."""
    page = await visitor.look(f"/sign-in?{urlencode(asked)}")
    (link,) = [link for link in page.links if link.startswith("/auth/other?")]
    answer = await visitor.client.get(link)
    pairs = scene.provider.approve(answer.headers["location"])
    return await visitor.look(f"{CALLBACK}?{urlencode(pairs)}")


async def test_the_page_leads_there_and_back_to_where_one_wanted_to_go(scene: Scene) -> None:
    scene.become("ada", ADA)
    visitor = Visitor(scene.server)
    await go(scene, visitor, returnTo="/account/devices")
    assert visitor.place == "/account/devices"
    assert {cookie.name for cookie in visitor.client.cookies.jar} >= {"session"}


async def test_o02_an_answer_that_nobody_asked_for_leads_to_the_page_that_says_so(
    scene: Scene,
) -> None:
    scene.become("ada", ADA)
    victim, thief = Visitor(scene.server), Visitor(scene.server)
    page = await thief.look("/sign-in")
    (link,) = [link for link in page.links if link.startswith("/auth/other?")]
    pairs = scene.provider.approve((await thief.client.get(link)).headers["location"])
    page = await victim.look(f"{CALLBACK}?{urlencode(pairs)}")
    assert victim.place == "/sign-in"
    assert page.alert == "Signing in with this provider did not work. Start again."
    assert not victim.client.cookies


async def test_s14_a_second_factor_is_asked_for_by_a_page(scene: Scene) -> None:
    scene.become("ada", ADA)
    visitor = Visitor(scene.server)
    await go(scene, visitor)
    browser = await scene.enter(transport="cookie")
    phone = await enrol(scene.server, await browser.hold())
    again = Visitor(scene.server)
    page = await go(scene, again)
    assert page.title.startswith("Second factor")
    assert not again.client.cookies
    await again.send(page.forms[0], code=phone.next_code())
    assert again.place == "/account"


async def come_back_to_link(scene: Scene, visitor: Visitor, *, posted: bool = False) -> Page:
    """From the page of one's providers to this one, and back to what is asked there."""
    page = await visitor.look("/account/providers")
    leaving = await visitor.send(page.form("/account/providers/other/link"))
    (url,) = [link for link in leaving.links if link.startswith("http")]
    pairs = dict(scene.provider.approve(url))
    if not posted:
        return await visitor.look(f"{CALLBACK}?{urlencode(pairs)}")
    # What browsers send from another site: neither strict nor lax cookies.
    held = {cookie.name: cookie.value for cookie in visitor.client.cookies.jar}
    bare = scene.server.client(Accept="text/html", Cookie=f"federation={held['federation']}")
    visitor.page = Page(await bare.post(CALLBACK, data=pairs))
    return visitor.page


async def ada_links(scene: Scene) -> tuple[Visitor, Page]:
    """Ada, signed in, in front of the page that asks her."""
    scene.become("ada-elsewhere", "countess@example.com")
    await scene.server.register()
    visitor = Visitor(scene.server)
    await visitor.sign_in()
    return visitor, await come_back_to_link(scene, visitor)


def linked(scene: Scene) -> int:
    ((count,),) = rows(scene.server, "SELECT count(*) FROM identities")
    return int(count)


class TestLinking:
    async def test_is_done_after_a_yes_and_undone(self, scene: Scene) -> None:
        visitor, page = await ada_links(scene)
        page = await visitor.send(page.form(LINK), choice="link")
        assert visitor.place == "/account/providers"
        assert "You can sign in by this provider from now on." in page.text
        assert "countess@example.com" in page.text
        assert "federation" not in {cookie.name for cookie in visitor.client.cookies.jar}
        (unlink,) = [form for form in page.forms if form.action.endswith("/unlink")]
        page = await visitor.send(unlink)
        assert "This way to sign in was removed." in page.text

    async def test_names_both_accounts_and_waits_for_an_answer(self, scene: Scene) -> None:
        _, page = await ada_links(scene)
        assert page.title.startswith("Link your account at Other?")
        for told in (ADA, "countess@example.com", "Ada", "whoever holds the account at Other"):
            assert told in page.text
        assert linked(scene) == 0

    async def test_that_the_provider_says_no_to_is_told_where_it_was_begun(
        self, scene: Scene
    ) -> None:
        await scene.server.register()
        visitor = Visitor(scene.server)
        await visitor.sign_in()
        page = await visitor.look("/account/providers")
        leaving = await visitor.send(page.form("/account/providers/other/link"))
        (url,) = [link for link in leaving.links if link.startswith("http")]
        state = dict(scene.provider.approve(url))["state"]
        page = await visitor.look(f"{CALLBACK}?error=access_denied&state={state}")
        assert visitor.place == "/account/providers"
        assert page.alert == (
            "Nothing was linked this time. Start again if the provider is missing here."
        )
        assert page.focus == ["alert"]
        assert linked(scene) == 0

    @pytest.mark.parametrize("choice", ["no", "", "LINK"])
    async def test_is_not_done_after_a_no(self, scene: Scene, choice: str) -> None:
        visitor, asked = await ada_links(scene)
        page = await visitor.send(asked.form(LINK), choice=choice)
        assert (visitor.place, "Nothing was linked." in page.text) == ("/account/providers", True)
        page = await visitor.send(asked.form(LINK), choice="link")
        assert (page.status, page.alert[:23]) == (400, "That took too long, or ")
        assert linked(scene) == 0

    async def test_o04_is_done_once_by_two_clicks(self, scene: Scene) -> None:
        visitor, page = await ada_links(scene)
        form = page.form(LINK)
        await visitor.send(form, choice="link")
        assert (await visitor.send(form, choice="link")).status == 400
        assert linked(scene) == 1

    async def test_o02_is_done_in_the_browser_that_began_alone(self, scene: Scene) -> None:
        _, page = await ada_links(scene)
        other = Visitor(scene.server)
        await other.sign_in()
        form = page.form(LINK)
        form.fields["csrfToken"] = (await other.look("/account")).forms[0].fields["csrfToken"]
        assert (await other.send(form, choice="link")).status == 400
        assert linked(scene) == 0

    async def test_s07_is_done_in_the_session_that_began_alone(self, scene: Scene) -> None:
        visitor, page = await ada_links(scene)
        await scene.server.register("bob@example.com")
        await visitor.look("/account")
        await visitor.send(visitor.page.form("/sign-out"))
        await visitor.sign_in("bob@example.com")
        form = page.form(LINK)
        assert (await visitor.send(form, choice="link")).status == 403
        form.fields["csrfToken"] = (await visitor.look("/account")).forms[0].fields["csrfToken"]
        assert (await visitor.send(form, choice="link")).status == 400
        assert linked(scene) == 0

    async def test_o13_is_not_asked_about_once_the_session_has_ended(self, scene: Scene) -> None:
        scene.become("ada-elsewhere", "countess@example.com")
        await scene.server.register()
        visitor = Visitor(scene.server)
        await visitor.sign_in()
        page = await visitor.look("/account/providers")
        leaving = await visitor.send(page.form("/account/providers/other/link"))
        (url,) = [link for link in leaving.links if link.startswith("http")]
        ((session_id,),) = rows(scene.server, "SELECT id FROM sessions")
        other = await scene.server.sign_in()
        await other.request("DELETE", f"/sessions/{session_id}")
        await visitor.look(f"{CALLBACK}?{urlencode(scene.provider.approve(url))}")
        assert (visitor.place, scene.provider.count("/token")) == ("/sign-in", 1)
        assert linked(scene) == 0

    async def test_o13_takes_a_proof_that_is_still_fresh(self, scene: Scene) -> None:
        visitor, page = await ada_links(scene)
        scene.server.clock.advance(6 * MINUTE)
        await visitor.send(page.form(LINK), choice="link")
        assert visitor.place == "/confirm"
        assert visitor.asked() == {"returnTo": "/account/providers"}
        assert linked(scene) == 0

    async def test_is_done_when_the_provider_posts_its_answer(self, tmp_path: Path) -> None:
        async with beside(tmp_path, posts_back=True) as scene:
            scene.become("ada-elsewhere", "countess@example.com")
            await scene.server.register()
            visitor = Visitor(scene.server)
            await visitor.sign_in()
            page = await come_back_to_link(scene, visitor, posted=True)
            assert linked(scene) == 0
            await visitor.send(page.form(LINK), choice="link")
            assert linked(scene) == 1

    async def test_of_who_tells_nothing_says_so(self, scene: Scene) -> None:
        scene.provider.claims = {"email": ..., "name": ...}
        await scene.server.register()
        visitor = Visitor(scene.server)
        await visitor.sign_in()
        page = await come_back_to_link(scene, visitor)
        assert "Other tells neither a name nor an address." in page.text

    async def test_i09_shows_what_the_provider_says_as_text(self, scene: Scene) -> None:
        scene.provider.claims = {"name": "<script>alert(1)</script>"}
        await scene.server.register()
        visitor = Visitor(scene.server)
        await visitor.sign_in()
        page = await come_back_to_link(scene, visitor)
        assert "<script>alert(1)" not in page.answer.text
        assert "&lt;script&gt;" in page.answer.text


async def test_a_page_that_is_left_tells_the_provider_nothing_of_where_it_was(
    scene: Scene,
) -> None:
    visitor = Visitor(scene.server)
    page = await visitor.look("/sign-in?returnTo=/account")
    (link,) = [link for link in page.links if link.startswith("/auth/other?")]
    answer = await visitor.client.get(link)
    asked = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert "/account" not in str(asked)
    assert answer.headers["referrer-policy"] == "no-referrer"
