"""Every page and every form, read in German by somebody who notices what nobody has translated."""

import re
from pathlib import Path
from typing import Any

from tests.driving import Server, serving
from tests.web.pages.operator import BOB, ROLES, ROOT, id_of
from tests.web.passkeys import add, an_authenticator
from tests.web.second_factor import Phone, enrol
from tests.web.visitor import Form, Visitor
from watchword.web.pages.routes import PAGES
from watchword.web.screens.words import Words

SAME: set[str] = {"Name", "Passkeys", "{number} ms"}
FOR_STRANGERS = ("/sign-in", "/register", "/forgot-password", "/magic-link", "/verify-email")
GERMAN = {"Accept-Language": "de"}


class Listening(Words):
    """``missed`` are the texts that were said as they stand in the sources."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.language, words._said)
        self.missed: set[str] = set()

    def _translated(self, text: str) -> str:
        said = super()._translated(text)
        if said == text and re.search("[a-z]{2}", text):
            self.missed.add(text)
        return said


async def test_no_page_says_anything_in_english(tmp_path: Path) -> None:
    limits: dict[str, Any] = dict.fromkeys(("limit_auth", "limit_sign_in", "limit_mail_client"))
    async with serving(tmp_path, roles=ROLES, **limits) as server:
        await server.register(BOB)
        await server.register_admin()
        holder = await server.sign_in(ROOT)
        await add(holder, an_authenticator(), name="Key")
        root, heard = await who_listens(server, await enrol(server, holder))
        bob = await id_of(server, BOB)
        paths = [
            route.path for route in PAGES if route.method == "GET" and "{name}" not in route.path
        ]
        for path in paths:
            if path.endswith(("/data", "/export", "/figures")):
                continue
            page = await root.look(path.replace("{id}", bob))
            assert (page.status, page.language) == (200, "de"), path
            for form in page.forms:
                if form.method == "post" and "sign-out" not in form.action:
                    await root.send(form, **nonsense(form))
        stranger = Visitor(server, **GERMAN)
        for path in FOR_STRANGERS:
            for form in (await stranger.look(path)).forms:
                await stranger.send(form, **nonsense(form))
        # Of names, and only a forged form comes to it.
        assert {text for text in heard.missed - SAME if "Use one of: " not in text} == set()


async def who_listens(server: Server, app: Phone) -> tuple[Visitor, Listening]:
    languages = server.core.services.screens.languages
    heard = Listening(languages.chosen(b"de"))
    languages.__dict__["_known"] = {**languages._known, "de": heard}
    root = Visitor(server, **GERMAN)
    asked = await root.sign_in(ROOT)
    await root.send(asked.forms[0], code=app.wrong_code())
    await root.send(asked.forms[0], code=app.next_code())
    assert root.place == "/account"
    return root, heard


def nonsense(form: Form) -> dict[str, str]:
    """In what is empty; what the page has filled in is sent as it is."""
    return {name: "x" for name in form.names if not form.fields.get(name)}
