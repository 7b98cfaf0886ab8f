"""Other identity providers, from the page and back to it."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.web.federated import CALLBACK, Scene, beside
from tests.web.second_factor import enrol
from tests.web.visitor import ADA, Page, Visitor


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


async def test_another_is_linked_and_removed(scene: Scene) -> None:
    scene.become("ada", ADA)
    visitor = Visitor(scene.server)
    await scene.server.register()
    await visitor.sign_in()
    page = await visitor.look("/account/providers")
    leaving = await visitor.send(page.form("/account/providers/other/link"))
    (url,) = [link for link in leaving.links if link.startswith("http")]
    pairs = scene.provider.approve(url)
    page = await visitor.look(f"{CALLBACK}?{urlencode(pairs)}")
    assert "You can sign in by this provider from now on." in page.text
    (unlink,) = [form for form in page.forms if form.action.endswith("/unlink")]
    page = await visitor.send(unlink)
    assert "This way to sign in was removed." in page.text


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
