"""What a browser is asked for, in the form that it reads without help."""

import pytest
from webauthn.helpers import parse_authentication_options_json, parse_registration_options_json

from watchword.crypto.passkeys import Descriptor, RelyingParty, Requirement, UserEntity

CHALLENGE = bytes(range(32))
ADA = UserEntity(b"\x01" * 32, "ada@example.com", "Ada")
OWN = Descriptor(b"\x02" * 16, ("internal",))
PARTY = RelyingParty.at("https://auth.example.org", "Example")


class TestTheRelyingParty:
    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("https://auth.example.org", "auth.example.org"),
            ("https://auth.example.org:8443", "auth.example.org"),
            ("http://localhost:8000", "localhost"),
        ],
    )
    def test_is_the_host_of_the_public_url(self, url: str, host: str) -> None:
        party = RelyingParty.at(url, "Example")
        assert (party.id, party.origins) == (host, (url,))

    def test_takes_further_origins_once(self) -> None:
        app = "android:apk-key-hash:abc"
        party = RelyingParty.at("https://a.example", "A", origins=[app, "https://a.example", app])
        assert party.origins == ("https://a.example", app)

    @pytest.mark.parametrize("url", ["", "example.org", "https://", "/path"])
    def test_needs_a_host(self, url: str) -> None:
        with pytest.raises(ValueError, match="no host"):
            RelyingParty.at(url, "Example")


class TestCreationOptions:
    def test_ask_for_a_passkey_and_for_no_attestation(self) -> None:
        assert PARTY.creation_options(ADA, CHALLENGE, exclude=[OWN]) == {
            "rp": {"id": "auth.example.org", "name": "Example"},
            "user": {
                "id": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
                "name": "ada@example.com",
                "displayName": "Ada",
            },
            "challenge": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "pubKeyCredParams": [
                {"type": "public-key", "alg": -8},
                {"type": "public-key", "alg": -7},
                {"type": "public-key", "alg": -257},
            ],
            "timeout": 300_000,
            "excludeCredentials": [
                {"type": "public-key", "id": "AgICAgICAgICAgICAgICAg", "transports": ["internal"]}
            ],
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": True,
                "userVerification": "preferred",
            },
            "attestation": "none",
        }

    def test_are_read_by_others(self) -> None:
        read = parse_registration_options_json(PARTY.creation_options(ADA, CHALLENGE))
        assert (read.challenge, read.user.id, read.rp.id) == (CHALLENGE, ADA.handle, PARTY.id)

    def test_follow_the_policy(self) -> None:
        party = RelyingParty.at(
            "https://auth.example.org",
            "Example",
            user_verification=Requirement.REQUIRED,
            resident_key=Requirement.PREFERRED,
        )
        assert party.creation_options(ADA, CHALLENGE)["authenticatorSelection"] == {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "required",
        }
        assert party.request_options(CHALLENGE)["userVerification"] == "required"


class TestRequestOptions:
    def test_e05_name_nobody_unless_they_are_told_to(self) -> None:
        assert PARTY.request_options(CHALLENGE) == {
            "challenge": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "timeout": 300_000,
            "rpId": "auth.example.org",
            "allowCredentials": [],
            "userVerification": "preferred",
        }

    def test_are_read_by_others(self) -> None:
        read = parse_authentication_options_json(PARTY.request_options(CHALLENGE, allow=[OWN]))
        assert read.challenge == CHALLENGE
        assert [known.id for known in read.allow_credentials or []] == [OWN.credential_id]
