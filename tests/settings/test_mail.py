"""Settings of mail: what a relay's URL may say, and that it never says its password again."""

from pathlib import Path

import pytest

from tests.test_settings import load, problem
from watchword.crypto.secret import Secret
from watchword.domain.mail import Encryption, Mailbox, Relay
from watchword.settings import Settings


def relay(folder: Path, url: str) -> Relay:
    found = load(folder, SMTP_URL=url).smtp_url
    assert found is not None
    return found


class TestTheRelay:
    @pytest.mark.parametrize(
        ("url", "host", "port", "encryption"),
        [
            ("smtp://smtp.example.com:587?starttls=1", "smtp.example.com", 587, "starttls"),
            ("smtp://smtp.example.com", "smtp.example.com", 587, "starttls"),
            ("SMTP://x", None, None, None),
            ("smtp://SMTP.example.com:25/?starttls=0", "smtp.example.com", 25, "none"),
            ("smtp://localhost:1025", "localhost", 1025, "none"),
            ("smtp://127.0.0.1", "127.0.0.1", 25, "none"),
            ("smtp://localhost?starttls=1", "localhost", 587, "starttls"),
            ("smtps://smtp.example.com", "smtp.example.com", 465, "tls"),
            ("smtps://[2001:DB8::1]:4650/", "2001:db8::1", 4650, "tls"),
        ],
    )
    def test_is_a_host_a_port_and_an_encryption(
        self, url: str, host: str | None, port: int | None, encryption: str | None, folder: Path
    ) -> None:
        if host is None:
            assert "smtp://user" in problem(folder, SMTP_URL=url)
            return
        found = relay(folder, url)
        assert (found.host, found.port, found.encryption.value) == (host, port, encryption)

    def test_may_want_a_login(self, folder: Path) -> None:
        login = relay(folder, "smtps://ac%40me:p%3Ass%2Fw+rd%C3%A9@smtp.example.com").login
        assert login is not None
        assert login.user == "ac@me"
        assert login.password == Secret("p:ss/w+rdé".encode())

    @pytest.mark.parametrize(
        "url",
        [
            *("smtp.example.com", "http://smtp.example.com", "smtp://", "smtp:///x"),
            *(
                "smtp://u:p@ss@h.example.com",
                "smtp://u:p#s@h.example.com",
                "smtp://u@h.example.com",
            ),
            *(
                "smtp://u:@h.example.com",
                "smtp://u:%zz@h.example.com",
                "smtp://u:%0a@h.example.com",
            ),
            *("smtp://u:%ff@h.example.com", "smtp://h.example.com:0", "smtp://h.example.com:65536"),
            *("smtp://h.example.com?starttls=2", "smtp://h.example.com?tls=1", "smtp://-h.example"),
            *("smtps://h.example.com?starttls=1", "smtp://h.example.com/path", "smtp://[::1"),
        ],
    )
    def test_is_nothing_else(self, url: str, folder: Path) -> None:
        text = problem(folder, SMTP_URL=url)
        assert text.startswith("WATCHWORD_SMTP_URL: Write smtp://user:password@host:587?starttls=1")
        assert "%40 for @" in text

    def test_gets_no_password_in_plain_text(self, folder: Path) -> None:
        """ASVS 12.2.1"""
        text = problem(folder, SMTP_URL="smtp://acme:c4n4ry@smtp.example.com?starttls=0")
        assert "could be read on the way" in text
        assert "c4n4ry" not in text
        plain = relay(folder, "smtp://acme:c4n4ry@localhost:1025")
        assert plain.encryption is Encryption.NONE

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("smtp://a:b@h.example.com", "smtp://<hidden>@h.example.com:587?starttls=1"),
            ("smtps://[::1]", "smtps://[::1]:465"),
            ("smtp://localhost", "smtp://localhost:25?starttls=0"),
        ],
    )
    def test_is_shown_without_its_login(self, url: str, shown: str, folder: Path) -> None:
        settings = load(folder, SMTP_URL=url)
        rows = {row.name: row.value for row in settings.describe()}
        assert rows["WATCHWORD_SMTP_URL"] == shown

    def test_hides_its_login_everywhere(self, folder: Path) -> None:
        settings = load(folder, SMTP_URL="smtps://u5er:c4n4ry@smtp.example.com")
        shown = f"{settings!r} {settings} {settings.describe()}"
        assert "c4n4ry" not in shown
        assert "u5er" not in shown


class TestTheSender:
    @pytest.mark.parametrize(
        ("text", "name", "address"),
        [
            ("no-reply@example.com", "", "no-reply@example.com"),
            ("Acme <no-reply@example.com>", "Acme", "no-reply@example.com"),
            ('"Acme, Inc." <no-reply@Example.com>', "Acme, Inc.", "no-reply@example.com"),
            ("Ümlaut<a@bücher.example>", "Ümlaut", "a@xn--bcher-kva.example"),
        ],
    )
    def test_has_an_address_and_perhaps_a_name(
        self, text: str, name: str, address: str, folder: Path
    ) -> None:
        assert load(folder, MAIL_FROM=text).sender == Mailbox(name, address)

    @pytest.mark.parametrize(
        "text",
        ["Acme", "a@example.com, b@example.com", "Acme <a@example.com", "A <a@b@c>", "<>", "A <x>"],
    )
    def test_is_one(self, text: str, folder: Path) -> None:
        assert "Write an address" in problem(folder, MAIL_FROM=text)

    def test_has_a_name_that_can_be_printed(self, folder: Path) -> None:
        for name in ("a" * 101, "evil\u202e"):
            assert "printable" in problem(folder, MAIL_FROM=f"{name} <a@example.com>")

    @pytest.mark.parametrize(
        ("url", "address"),
        [
            ("https://auth.example.com", "no-reply@auth.example.com"),
            ("http://localhost:8000", "no-reply@localhost"),
            ("http://192.0.2.7:8000", "no-reply@[192.0.2.7]"),
            ("http://[2001:db8::1]", "no-reply@[IPv6:2001:db8::1]"),
        ],
    )
    def test_is_the_service_at_its_public_url_by_default(self, url: str, address: str) -> None:
        settings = Settings(public_url=url, service_name="Acme")
        assert settings.sender == Mailbox("Acme", address)


class TestTemplates:
    def test_are_of_one_language(self, folder: Path) -> None:
        assert load(folder).language == "en"
        assert load(folder, LANGUAGE="pt-BR").language == "pt-BR"
        for text in ("../en", "e", "English", "en/..", "EN"):
            assert "BCP 47" in problem(folder, LANGUAGE=text)

    def test_and_the_ca_file_count_from_the_folder(self, folder: Path) -> None:
        settings = load(folder, TEMPLATES="words", SMTP_CA_FILE="ca.pem", DATA_DIR="here")
        assert settings.templates == folder / "words"
        assert settings.smtp_ca_file == folder / "ca.pem"
        assert settings.mail_dir == folder / "here" / "mail"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
