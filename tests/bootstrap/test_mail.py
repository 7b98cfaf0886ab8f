"""Mail as the settings say: through the relay that is named, else into a folder that is told of."""

from pathlib import Path

import pytest

from watchword.adapters.mail_folder import MailFolder
from watchword.adapters.smtp import SmtpMailer
from watchword.bootstrap.mail import make_composer, make_mailer
from watchword.domain.errors import Unavailable
from watchword.domain.letters import Reason
from watchword.domain.mail import Encryption, Relay
from watchword.ports.mail import Mail
from watchword.settings import Settings
from watchword.testing import FakeClock

RELAY = Relay("smtp.example.com", 465, Encryption.TLS)


class Log(list[tuple[str, dict[str, object]]]):
    def info(self, event: str, **fields: object) -> None:
        self.append((event, fields))

    warning = error = info


class TestTheMailer:
    def test_is_the_relay_where_one_is_named(self, tmp_path: Path) -> None:
        assert isinstance(make_mailer(Settings(smtp_url=RELAY), FakeClock(), Log()), SmtpMailer)
        assert isinstance(make_mailer(Settings(), FakeClock(), Log()), MailFolder)

    def test_is_not_made_with_a_ca_file_of_no_use(self, tmp_path: Path) -> None:
        settings = Settings(smtp_url=RELAY, smtp_ca_file=tmp_path / "absent.pem")
        with pytest.raises(Unavailable, match=r"absent\.pem"):
            make_mailer(settings, FakeClock(), Log())

    async def test_says_where_the_file_is_and_keeps_its_link_to_itself(
        self, tmp_path: Path
    ) -> None:
        log, settings = Log(), Settings(data_dir=tmp_path)
        facts = {"service": "Acme", "link": "http://localhost:8000/x#token=wwl_c4n4ry"}
        content = make_composer(settings, log).compose(
            Reason.VERIFY_EMAIL, facts, at=0, language=""
        )
        mailer = make_mailer(settings, FakeClock(), log)
        await mailer.send(Mail("018cc251f400aaaa", "ada@example.com", content))
        file = tmp_path / "mail" / "018cc251f400aaaa.eml"
        assert log == [("mail_written", {"to": "ada@example.com", "file": file})]
        assert b"c4n4ry" in file.read_bytes()


class TestTheComposer:
    def test_is_not_made_of_broken_templates(self, tmp_path: Path) -> None:
        (tmp_path / "mail" / "en").mkdir(parents=True)
        (tmp_path / "mail" / "en" / "new_device.txt").write_text("{{ nmae }}")
        with pytest.raises(Unavailable, match=r"new_device\.txt, line 1: 'nmae' is undefined"):
            make_composer(Settings(templates=tmp_path), Log())

    def test_is_not_made_for_a_language_that_is_not_there(self) -> None:
        with pytest.raises(Unavailable, match="it is missing"):
            make_composer(Settings(language="xx"), Log())

    def test_logs_a_template_that_fails_later(self, tmp_path: Path) -> None:
        picky = tmp_path / "mail" / "en" / "new_device.subject.txt"
        picky.parent.mkdir(parents=True)
        picky.write_text("{{ {'': 'Somebody', 'a name': 'Some name'}[name] }}")
        log = Log()
        composer = make_composer(Settings(templates=tmp_path), log)
        mail = composer.compose(
            Reason.NEW_DEVICE, {"service": "Acme", "name": "Ada"}, at=0, language=""
        )
        assert mail.subject == "New device at Acme"
        assert log == [("template_failed", {"file": f"{picky}, line 1"})]
