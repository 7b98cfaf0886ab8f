"""Whose passkeys they are, as the settings say; the library comes when it is needed."""

import sys

from watchword.bootstrap.passkeys import Library, make_relying_party
from watchword.crypto.passkeys import Requirement
from watchword.settings import Settings
from watchword.settings.choices import Profile

PAGE = "https://app.example.com"


class TestTheRelyingParty:
    def test_is_the_host_of_the_public_url(self) -> None:
        party = make_relying_party(
            Settings(public_url="https://example.com:8443", service_name="Acme")
        )
        assert (party.id, party.name) == ("example.com", "Acme")
        assert party.origins == ("https://example.com:8443",)

    def test_lets_those_pages_ask_that_may_call_the_api(self) -> None:
        party = make_relying_party(Settings(public_url="https://example.com", cors_origins=(PAGE,)))
        assert party.origins == ("https://example.com", PAGE)

    def test_wants_the_person_verified_in_the_strict_profile(self) -> None:
        strict = make_relying_party(Settings(profile=Profile.STRICT))
        assert strict.user_verification is Requirement.REQUIRED
        assert make_relying_party(Settings()).user_verification is Requirement.PREFERRED


class TestTheLibrary:
    async def test_is_there_when_it_was_waited_for(self) -> None:
        library = Library()
        for _ in range(2):
            await library()
            assert "webauthn" in sys.modules
