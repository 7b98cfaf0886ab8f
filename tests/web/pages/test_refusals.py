"""Pages that could not be shown: what people are told, in words that are theirs."""

import pytest

from tests.driving import PASSWORD, Server
from tests.web.visitor import ADA, Visitor
from watchword.web.answers import Answer
from watchword.web.screens.words import Languages


class NoScreens:
    """Nothing at all can be shown."""

    languages = Languages("en", [], lambda file, error: None)

    def show(self, *_: object, **__: object) -> Answer:
        raise OSError("a disk that is gone")


async def test_x10_whatever_keeps_pages_from_being_shown_there_is_an_answer(
    server: Server,
) -> None:
    object.__setattr__(server.core.services, "screens", NoScreens())
    for path, status in (("/sign-in", 500), ("/nowhere", 404)):
        answer = await Visitor(server).client.get(path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert "disk" not in answer.text
    told = [event for event, _ in server.log.events]
    assert told.count("request_failed") == 3


class TestInGerman:
    @pytest.fixture
    async def ada(self, server: Server) -> Visitor:
        await server.register()
        visitor = Visitor(server, **{"Accept-Language": "de-DE"})
        await visitor.sign_in()
        return visitor

    async def test_an_address_that_takes_a_form_says_so(self, ada: Visitor) -> None:
        for path in ("/sign-in/second-step", "/account/name", "/account/two-factor/app"):
            page = await ada.look(path)
            assert page.status == 405
            assert "Diese Adresse nimmt nur ein Formular entgegen" in page.text

    async def test_what_cannot_be_read_says_what_to_do(self, ada: Visitor) -> None:
        for query in ("?%ff", "?returnTo=%ff"):
            page = await ada.look(f"/sign-in{query}")
            assert page.status == 400
            assert "löschen Sie die Cookies" in page.text

    async def test_a_common_password_is_told_from_another(self, ada: Visitor) -> None:
        form = (await ada.look("/account/password")).form("/account/password")
        again = await ada.send(form, currentPassword=PASSWORD, newPassword="passwordpassword")
        assert again.problems["newPassword"].startswith("Dieses Passwort steht auf einer Liste")
        again = await ada.send(form, currentPassword=PASSWORD, newPassword=f"{ADA}{ADA}")
        assert again.problems["newPassword"].startswith("Dieses Passwort ist nur ein Name")
