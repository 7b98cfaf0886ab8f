import pytest

from watchword.crypto.secret import Secret
from watchword.domain.hosts import is_loopback
from watchword.domain.mail import Encryption, Login, Mailbox, Relay

LOGIN = Login("acme", Secret(b"c4n4ry"))


class TestARelay:
    @pytest.mark.parametrize("host", ["smtp.example.com", "192.0.2.7", "localhost.example.com"])
    def test_beyond_this_machine_gets_no_password_in_plain_text(self, host: str) -> None:
        """ASVS 12.2.1"""
        with pytest.raises(ValueError, match="could be read on the way"):
            Relay(host, 25, Encryption.NONE, LOGIN)
        assert Relay(host, 25, Encryption.NONE).is_plain
        assert not Relay(host, 587, Encryption.STARTTLS, LOGIN).is_plain

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1", "mail.localhost"])
    def test_on_this_machine_may(self, host: str) -> None:
        assert is_loopback(host)
        assert not Relay(host, 25, Encryption.NONE, LOGIN).is_plain

    def test_shows_neither_user_nor_password(self) -> None:
        shown = repr(Relay("smtp.example.com", 465, Encryption.TLS, LOGIN))
        assert "acme" not in shown
        assert "c4n4ry" not in shown


def test_a_mailbox_knows_its_domain() -> None:
    assert Mailbox("", "no-reply@example.com").domain == "example.com"
