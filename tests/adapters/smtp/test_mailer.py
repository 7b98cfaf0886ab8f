"""Mail through a relay: it arrives whole and encrypted or it is said why not, and nothing leaks."""

import asyncio
import logging
import socket
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from tests.adapters.smtp.conftest import (
    LINK,
    PASSWORD,
    Authority,
    Play,
    Script,
    Serve,
    Sink,
    authenticate,
    mail,
    mailer,
    make_authority,
)
from watchword.adapters.smtp import CaFileUnusable, Patience, make_tls
from watchword.domain.letters import MailDelayed, MailRefused
from watchword.domain.mail import Encryption
from watchword.domain.time import SECOND

QUICK = Patience(connect=100, whole=200, goodbye=50)


class TestAGoodRelay:
    async def test_gets_the_mail_whole(self, serve: Serve) -> None:
        sink = Sink()
        await mailer(await serve(sink)).send(mail())
        (envelope,), (message,) = sink.envelopes, sink.messages
        assert (envelope.mail_from, envelope.rcpt_tos) == (
            "no-reply@example.com",
            ["ada@example.com"],
        )
        assert message["Subject"] == "Réset"
        text, html = message.iter_parts()
        assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert LINK in text.get_content()
        assert LINK in html.get_content()

    async def test_gets_each_of_two_at_once(self, serve: Serve) -> None:
        sink = Sink()
        port = await serve(sink)
        shared = mailer(port)
        await asyncio.gather(*(shared.send(mail(f"p{n}@example.com")) for n in range(2)))
        recipients = sorted(envelope.rcpt_tos[0] for envelope in sink.envelopes)
        assert recipients == ["p0@example.com", "p1@example.com"]

    async def test_gets_a_login(self, serve: Serve, authority: Authority) -> None:
        sink = Sink()
        port = await serve(
            sink,
            tls_context=authority.server,
            require_starttls=True,
            authenticator=authenticate,
            auth_required=True,
        )
        encrypted = {"encryption": Encryption.STARTTLS, "ca_file": authority.file}
        await mailer(port, password=PASSWORD, **encrypted).send(mail())  # type: ignore[arg-type]
        assert len(sink.messages) == 1

    async def test_that_knows_unicode_addresses_gets_them(self, serve: Serve) -> None:
        sink = Sink()
        await mailer(await serve(sink, enable_SMTPUTF8=True)).send(mail("jörg@example.com"))
        assert sink.envelopes[0].rcpt_tos == ["jörg@example.com"]
        assert sink.messages[0]["To"] == "jörg@example.com"

    async def test_that_does_not_refuses_them(self, serve: Serve) -> None:
        port = await serve(Sink(), enable_SMTPUTF8=False)
        with pytest.raises(MailRefused, match="SMTPUTF8"):
            await mailer(port).send(mail("jörg@example.com"))

    async def test_is_not_told_the_name_of_this_machine(self, play: Play) -> None:
        script = Script()
        await mailer(await play(script)).send(mail())
        assert script.heard[0] == "EHLO example.com"


class TestEncryption:
    """ASVS 12.2.1, 12.3.1, 12.3.2"""

    async def test_by_starttls_comes_before_anything_is_said(
        self, serve: Serve, authority: Authority
    ) -> None:
        sink = Sink()
        port = await serve(sink, tls_context=authority.server, require_starttls=True)
        encrypted = mailer(port, encryption=Encryption.STARTTLS, ca_file=authority.file)
        await encrypted.send(mail())
        assert len(sink.messages) == 1

    async def test_from_the_first_byte_is_spoken_too(
        self, serve: Serve, authority: Authority
    ) -> None:
        sink = Sink()
        port = await serve(sink, ssl=authority.server)
        await mailer(port, encryption=Encryption.TLS, ca_file=authority.file).send(mail())
        assert len(sink.messages) == 1

    async def test_that_is_not_offered_is_never_done_without(self, play: Play) -> None:
        script = Script({"EHLO": "250-relay\r\n250 AUTH PLAIN LOGIN"})
        port = await play(script)
        with pytest.raises(MailDelayed, match="STARTTLS"):
            await mailer(port, encryption=Encryption.STARTTLS, password=PASSWORD).send(mail())
        assert [line.split()[0] for line in script.heard] == ["EHLO"]

    @pytest.mark.parametrize("answer", ["454 not now", "501 no", "250 what"])
    async def test_that_is_offered_and_refused_is_never_done_without(
        self, answer: str, play: Play
    ) -> None:
        script = Script({"EHLO": "250-relay\r\n250 STARTTLS", "STARTTLS": answer})
        with pytest.raises(MailDelayed, match=answer[:3]):
            await mailer(await play(script), encryption=Encryption.STARTTLS).send(mail())
        assert [line.split()[0] for line in script.heard] == ["EHLO", "STARTTLS"]

    @pytest.mark.parametrize("encryption", [Encryption.STARTTLS, Encryption.TLS])
    async def test_with_a_certificate_of_a_stranger_is_none(
        self, encryption: Encryption, serve: Serve, authority: Authority, tmp_path: Path
    ) -> None:
        sink = Sink()
        stranger = make_authority(tmp_path, "localhost").server
        begins = "ssl" if encryption is Encryption.TLS else "tls_context"
        port = await serve(sink, **{begins: stranger})
        with pytest.raises(MailDelayed, match="not trusted"):
            await mailer(port, encryption=encryption, ca_file=authority.file).send(mail())
        with pytest.raises(MailDelayed, match="not trusted"):
            await mailer(port, encryption=encryption).send(mail())
        assert sink.messages == []

    async def test_with_a_certificate_of_another_host_is_none(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        other = make_authority(tmp_path, "smtp.example.net")
        port = await serve(Sink(), tls_context=other.server)
        with pytest.raises(MailDelayed, match=r"not trusted.*localhost"):
            await mailer(port, encryption=Encryption.STARTTLS, ca_file=other.file).send(mail())

    async def test_needs_an_authority_that_can_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "empty.pem").touch()
        for name in ("absent.pem", "empty.pem"):
            with pytest.raises(CaFileUnusable, match=name):
                make_tls(tmp_path / name)
            broken = mailer(1, encryption=Encryption.TLS, ca_file=tmp_path / name)
            with pytest.raises(MailDelayed, match=name):
                await broken.send(mail())


class TestMailIsDelayed:
    async def test_while_nobody_is_there(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with pytest.raises(MailDelayed, match="connecting"):
                await mailer(unused.getsockname()[1], host="127.0.0.1").send(mail())

    @pytest.mark.parametrize("silent_at", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "."])
    async def test_by_a_relay_that_falls_silent(self, silent_at: str, play: Play) -> None:
        """X05"""
        port = await play(Script({silent_at: "..."}))
        with pytest.raises(MailDelayed, match="no answer in time"):
            await mailer(port, patience=QUICK).send(mail())

    @pytest.mark.parametrize("gone_at", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "."])
    async def test_by_a_relay_that_hangs_up(self, gone_at: str, play: Play) -> None:
        """X05"""
        port = await play(Script({gone_at: None}))
        with pytest.raises(MailDelayed):
            await mailer(port).send(mail())

    @pytest.mark.parametrize("word", ["connect", "MAIL", "RCPT", "DATA", "."])
    async def test_by_an_answer_that_is_not_for_ever(self, word: str, play: Play) -> None:
        port = await play(Script({word: "451 4.3.0 try again"}))
        with pytest.raises(MailDelayed, match=r"451 4\.3\.0"):
            await mailer(port).send(mail())

    @pytest.mark.parametrize(
        ("word", "answer"),
        [
            ("connect", "554 no service here"),
            ("MAIL", "550 5.7.1 not your sender"),
            ("RCPT", "530 5.7.0 authentication required"),
            ("MAIL", "530 5.7.0 must issue STARTTLS first"),
        ],
    )
    async def test_by_what_the_operator_can_mend(self, word: str, answer: str, play: Play) -> None:
        with pytest.raises(MailDelayed, match=answer[:3]):
            await mailer(await play(Script({word: answer}))).send(mail())

    async def test_by_a_password_that_is_wrong(self, serve: Serve, authority: Authority) -> None:
        port = await serve(Sink(), tls_context=authority.server, authenticator=authenticate)
        wrong = mailer(
            port, encryption=Encryption.STARTTLS, ca_file=authority.file, password=b"wr0ng-c4n4ry"
        )
        with pytest.raises(MailDelayed, match=r"^login: the relay answered 535") as caught:
            await wrong.send(mail())
        assert "wr0ng" not in "".join(traceback.format_exception(caught.value))

    async def test_by_answers_that_are_none(self, play: Play) -> None:
        port = await play(Script({"RCPT": "hello there"}))
        with pytest.raises(MailDelayed):
            await mailer(port).send(mail())


class TestMailIsRefused:
    @pytest.mark.parametrize("word", ["RCPT", "DATA", "."])
    async def test_for_ever_by_a_5xx_once_it_is_addressed(self, word: str, play: Play) -> None:
        port = await play(Script({word: "550 5.1.1 nobody of that name"}))
        with pytest.raises(MailRefused, match=r"550 5\.1\.1"):
            await mailer(port).send(mail())

    @pytest.mark.parametrize(
        "to",
        [
            "v@example.com,u@example.org",
            "v@example.com, u@example.org",
            "v@example.com\r\nBcc: u@example.org",
            "v@example.com\nRCPT TO:<u@example.org>",
            "v@example.com%0aBcc:u@example.org\n",
            "V <v@example.com>",
            "<v@example.com> SIZE=1",
            '["v@example.com", "u@example.org"]',
            "v@example.com\x00",
            "",
        ],
    )
    async def test_p09_unless_it_has_one_recipient(self, to: str, play: Play) -> None:
        script = Script()
        with pytest.raises(MailRefused, match="not one e-mail address"):
            await mailer(await play(script)).send(mail(to))
        assert script.heard == []


class TestMailThatWasTaken:
    @pytest.mark.parametrize("goodbye", [None, "...", "550 no", "hello", "421 too late"])
    async def test_is_sent_whatever_comes_after(self, goodbye: str | None, play: Play) -> None:
        script = Script({"QUIT": goodbye})
        await mailer(await play(script), patience=Patience(9 * SECOND, 9 * SECOND, 50)).send(mail())
        assert len(script.taken) == 1

    async def test_has_the_same_id_when_it_was_sent_twice(self, play: Play) -> None:
        script = Script({".": None})
        port = await play(script)
        for _ in range(2):
            with pytest.raises(MailDelayed):
                await mailer(port).send(mail())
        first, second = script.taken
        assert first == second
        assert b"Message-ID: <018cc251f400aaaa@example.com>\r\n" in first


class TestNothingLeaks:
    @pytest.mark.parametrize("word", ["connect", "MAIL", "RCPT", "DATA", "."])
    async def test_of_what_a_relay_quotes(
        self, word: str, play: Play, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        port = await play(Script({word: f"550 5.7.1 blocked: {LINK} {PASSWORD.decode()}"}))
        with pytest.raises((MailRefused, MailDelayed)) as caught:
            await mailer(port, password=None).send(mail())
        shown = "".join(traceback.format_exception(caught.value)) + caplog.text
        assert "c4n4ry" not in shown

    def test_in_a_representation(self) -> None:
        sender = mailer(587, encryption=Encryption.STARTTLS, password=PASSWORD)
        assert "c4n4ry" not in f"{sender!r} {sender._relay!r} {mail()!r}"


def test_nobody_pays_for_the_libraries_before_the_first_mail() -> None:
    program = (
        "import sys, watchword.bootstrap.mail\nprint({'aiosmtplib', 'jinja2'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "set()\n"
