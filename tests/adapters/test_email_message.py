"""A mail as bytes: what it says of itself, and that nothing in it makes a header."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.adapters.email_message import MessageWriter
from watchword.domain.letters import MailRefused
from watchword.domain.mail import Mailbox
from watchword.ports.mail import Composed, Mail
from watchword.testing import FakeClock

ID = "018cc251f400aaaa"
HEADERS = [
    *("Date", "Message-ID", "From", "To", "Subject", "Auto-Submitted", "MIME-Version"),
    "Content-Type",
]
NASTY = st.text(st.sampled_from('a\r\n\x0b\x85\u2028 :,<>@"\\=?=0AQBccé\u202e\ud800'), max_size=60)


def write(
    subject: str = "Hello",
    *,
    to: str = "ada@example.com",
    name: str = "Acme",
    text: str = "text\n",
    mail_id: str = ID,
    sender: str = "no-reply@example.com",
) -> bytes:
    writer = MessageWriter(Mailbox(name, sender), FakeClock())
    return writer.write(Mail(mail_id, to, Composed(subject, text, "<p>html</p>\n"))).as_bytes()


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)
    return message


class TestAMessage:
    def test_says_what_it_is(self) -> None:
        message = read(write())
        assert message.keys() == HEADERS
        assert message["Date"] == "Fri, 15 Jan 2027 08:00:00 +0000"
        assert message["Message-ID"] == f"<{ID}@example.com>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message.get_content_type() == "multipart/alternative"

    def test_is_the_same_each_time_it_is_written(self) -> None:
        assert write() == write()

    def test_speaks_every_language(self) -> None:
        message = read(write("Grüße 你好", name="Ümlaut, Inc.", text="你好\n"))
        assert message["Subject"] == "Grüße 你好"
        assert message["From"].addresses[0].display_name == "Ümlaut, Inc."
        assert message["From"].addresses[0].addr_spec == "no-reply@example.com"
        first, _ = message.iter_parts()
        assert first.get_content().strip() == "你好"

    def test_travels_as_ascii_unless_its_addresses_cannot(self) -> None:
        assert write("Grüße", name="Ümlaut", text="你好\n").isascii()
        assert "jörg@example.com".encode() in write(to="jörg@example.com")

    def test_shows_a_link_as_it_is(self) -> None:
        link = "https://auth.example.com/reset-password#token=" + "a=b" * 60
        assert link.encode() in write(text=f"{link}\n")

    def test_has_no_line_that_a_relay_must_refuse(self) -> None:
        content = write("x" * 5_000, text="y" * 5_000)
        assert max(map(len, content.split(b"\r\n"))) <= 998

    @pytest.mark.parametrize("sender", ["no-reply@[192.0.2.7]", "no-reply@[IPv6:2001:db8::1]"])
    def test_may_come_from_a_host_without_a_name(self, sender: str) -> None:
        assert f"From: Acme <{sender}>".encode() in write(sender=sender)


class TestHeaders:
    @given(subject=NASTY, name=NASTY)
    def test_i07_come_from_nowhere_else(self, subject: str, name: str) -> None:
        message = read(write(subject, name=name))
        assert message.keys() == HEADERS
        assert [address.addr_spec for address in message["From"].addresses] == [
            "no-reply@example.com"
        ]
        assert not set(message["Subject"]) & set("\r\n")

    @pytest.mark.parametrize(
        "hidden",
        [
            "=?utf-8?q?=0D=0ABcc:_eve@example.com?=",
            "=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLmNvbQ==?=",
            "a=?us-ascii?q?=0ABcc:eve@example.com?=b",
        ],
    )
    def test_i07_are_not_made_by_encoded_words(self, hidden: str) -> None:
        """CVE-2024-6923"""
        content = write(hidden, name=hidden)
        assert read(content).keys() == HEADERS
        assert b"\nBcc" not in content

    @given(to=NASTY)
    def test_p09_name_one_recipient_or_nobody(self, to: str) -> None:
        try:
            message = read(write(to=to))
        except MailRefused:
            return
        assert message.keys() == HEADERS
        assert len(message["To"].addresses) == 1

    @pytest.mark.parametrize(
        "mail_id", ["", "../../etc/passwd", "a b", "a>\r\nBcc: x", "a" * 65, "é"]
    )
    def test_i07_are_not_made_by_ids(self, mail_id: str) -> None:
        with pytest.raises(MailRefused, match="letters and digits"):
            write(mail_id=mail_id)
