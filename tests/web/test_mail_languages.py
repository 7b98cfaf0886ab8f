"""Mail in the language of the request that caused it, whoever sends it and whenever."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.driving import PASSWORD, Received, Server, serving
from tests.web.contract import change_rows, rows
from tests.web.mailed import ADA, OPEN
from tests.web.raw import AS_JSON, Text, ask
from tests.web.visitor import Visitor
from watchword.ports import RequestTrace
from watchword.settings.choices import EmailVerification

GERMAN = {"Accept-Language": "de-CH, de;q=0.9, en;q=0.5"}
FRENCH = {"Accept-Language": "fr-FR, fr;q=0.9"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def language_of(mail: Received) -> str:
    (language,) = re.findall(r'<html lang="(\w+)">', mail.html)
    return str(language)


async def forget(server: Server, headers: Mapping[str, str]) -> None:
    client = server.client(**headers)
    answer = await client.post("/auth/forgot-password", json={"email": ADA})
    assert answer.status_code == 202


class TestALink:
    async def test_is_mailed_in_the_language_of_who_asked_for_it(self, server: Server) -> None:
        await server.register()
        await forget(server, GERMAN)
        german = await server.mail()
        assert german.subject == "Neues Passwort für Watchword festlegen"
        assert "1 Stunde lang" in german.text
        assert language_of(german) == "de"
        await forget(server, {"Accept-Language": "en, de;q=0.5"})
        assert language_of(await server.mail()) == "en"

    async def test_is_good_in_every_language(self, server: Server) -> None:
        await server.register()
        await forget(server, GERMAN)
        body = {"token": (await server.mail()).token, "newPassword": "marble otter lantern quay"}
        assert (await server.client().post("/auth/reset-password", json=body)).status_code == 200

    async def test_is_asked_for_on_a_page_and_mailed_in_its_language(self, server: Server) -> None:
        await server.register()
        visitor = Visitor(server, **GERMAN)
        page = await visitor.look("/forgot-password")
        await visitor.send(page.form("/forgot-password"), email=ADA)
        assert page.language == language_of(await server.mail()) == "de"


class TestANotice:
    async def test_is_in_the_language_of_the_sign_in_that_it_tells_of(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **OPEN) as server:
            await server.register()
            await server.sign_in()
            await server.mails()
            login = {"email": ADA, "password": PASSWORD, "transport": "body"}
            await server.client("203.0.113.9", **GERMAN).post("/auth/login", json=login)
            assert (await server.mail()).subject == "Neues Gerät bei Watchword"

    async def test_e03_of_a_registration_is_in_the_language_of_who_registered(
        self, tmp_path: Path
    ) -> None:
        """What is kept of the owner names no language, so it is that of the request."""
        required = EmailVerification.REQUIRED
        async with serving(tmp_path, **OPEN, email_verification=required) as server:
            body = {"email": ADA, "password": PASSWORD}
            for headers in ({}, GERMAN):
                await server.client(**headers).post("/auth/register", json=body)
            mails = await server.mails()
        subjects = {language_of(mail): mail.subject for mail in mails}
        assert subjects == {
            "en": "Confirm your e-mail address for Watchword",
            "de": "Sie haben schon ein Konto bei Watchword",
        }


class TestWithoutALanguageThatIsThere:
    @pytest.mark.parametrize("headers", [{}, FRENCH, {"Accept-Language": "*"}])
    async def test_it_is_that_of_the_installation(
        self, headers: Mapping[str, str], tmp_path: Path
    ) -> None:
        async with serving(tmp_path, **OPEN, language="de") as server:
            await server.register()
            await forget(server, headers)
            assert language_of(await server.mail()) == "de"

    async def test_it_is_so_for_a_command_too(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **OPEN, language="de") as server:
            await server.register()
            trace = RequestTrace(user_agent="command: watchword users")
            await server.core.services.by_mail.recovery.forgot(ADA, trace)
            mail = await server.mail()
        assert language_of(mail) == "de"
        assert "Gerät" not in mail.text


def french(folder: Path) -> dict[str, Any]:
    words = folder / "templates" / "mail" / "languages"
    words.mkdir(parents=True)
    (words / "fr.toml").write_text('"Set a new password" = "Choisir"\n', "utf-8")
    return {**OPEN, "templates": folder / "templates"}


class TestAnOperatorsLanguage:
    async def test_is_one_that_can_be_asked_for(self, tmp_path: Path) -> None:
        async with serving(tmp_path / "data", **french(tmp_path)) as server:
            await server.register()
            await forget(server, FRENCH)
            mail = await server.mail()
            assert language_of(mail) == "fr"
            assert "Choisir" in mail.html

    async def test_of_another_node_alone_is_the_default_here(self, tmp_path: Path) -> None:
        async with serving(tmp_path / "data", **french(tmp_path)) as there:
            await there.register()
            await forget(there, FRENCH)
        async with serving(tmp_path / "data", seed=1, **OPEN) as here:
            assert language_of(await here.mail()) == "en"


class TestALetterThatWaits:
    async def test_is_sent_by_another_node_in_its_own_language(self, tmp_path: Path) -> None:
        async with serving(tmp_path, **OPEN) as there:
            await there.register()
            await forget(there, {**GERMAN, "User-Agent": FIREFOX})
        async with serving(tmp_path, seed=1, **OPEN) as here:
            mail = await here.mail()
        assert language_of(mail) == "de"
        assert "Firefox 140 unter Linux" in mail.text

    async def test_of_a_former_version_is_in_the_default(self, server: Server) -> None:
        await server.register()
        await forget(server, {**GERMAN, "User-Agent": FIREFOX})
        await change_rows(server, "UPDATE letters SET language = ''")
        mail = await server.mail()
        assert language_of(mail) == "en"
        assert "Firefox 140 on Linux" in mail.text

    async def test_i08_tells_the_audit_log_its_user_agent_alone(self, server: Server) -> None:
        await server.register()
        await forget(server, {**GERMAN, "User-Agent": FIREFOX})
        await server.mails()
        query = "SELECT user_agent FROM audit_events WHERE type = 'mail.link_sent'"
        assert rows(server, query) == [(FIREFOX,)]

    @pytest.mark.parametrize("agent", [b"Agent\nfr", b"Agent\r\nfr", b"\xe2\x80\xa8fr", b"\nfr"])
    async def test_i07_is_in_no_language_that_a_user_agent_names(
        self, tmp_path: Path, agent: bytes
    ) -> None:
        async with serving(tmp_path / "data", **french(tmp_path)) as server:
            await server.register()
            body = json.dumps({"email": ADA}).encode()
            headers: list[tuple[Text, Text]] = [AS_JSON, (b"user-agent", agent)]
            await ask(server, "POST", "/auth/forgot-password", headers=headers, body=body)
            assert language_of(await server.mail()) == "en"
