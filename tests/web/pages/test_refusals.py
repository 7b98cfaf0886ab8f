"""Pages that could not be shown: what people are told, in words that are theirs."""

import pytest

from tests.driving import PASSWORD, Server
from tests.web.visitor import ADA, Visitor


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
