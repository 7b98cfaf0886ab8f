"""Who writes and who carries mail, as the settings say."""

from dataclasses import dataclass
from pathlib import Path

from watchword.adapters.email_message import MessageWriter
from watchword.adapters.mail_folder import MailFolder
from watchword.adapters.smtp import SmtpMailer, make_tls
from watchword.adapters.templates import TemplateComposer, TemplateFault, find_languages
from watchword.bootstrap.parts import Ground
from watchword.domain.letters import Letter
from watchword.flows.correspondence import Correspondence
from watchword.flows.sending import Sender
from watchword.ports import Clock
from watchword.ports.mail import Composer, Mailer
from watchword.settings import Settings
from watchword.web.languages import Negotiation
from watchword.web.services import RequestLog


def make_mailer(settings: Settings, clock: Clock, log: RequestLog) -> Mailer:
    """A relay where one is named, else a folder. Raise `Unavailable` for a CA file of no use."""
    write = MessageWriter(settings.sender, clock).write
    if settings.smtp_url is not None:
        if settings.smtp_ca_file is not None:
            make_tls(settings.smtp_ca_file)
        return SmtpMailer(settings.smtp_url, write, ca_file=settings.smtp_ca_file)

    def told(recipient: str, file: Path) -> None:
        log.info("mail_written", to=recipient, file=file)

    return MailFolder(settings.mail_dir, write, told)


def make_composer(settings: Settings, log: RequestLog) -> Composer:
    """Raise `Unavailable` that names each template to mend, if they are not all our own."""

    def failed(fault: TemplateFault) -> None:
        log.error("template_failed", file=fault.file)

    composer = TemplateComposer(settings.language, settings.templates, failed)
    if not composer.is_ours:
        composer.check()
    return composer


def make_mail_languages(settings: Settings) -> Negotiation:
    """Those that a request may ask for mail in."""
    theirs = settings.templates / "mail" if settings.templates is not None else None
    return Negotiation(find_languages(theirs), settings.language)


@dataclass(frozen=True, slots=True)
class MailLines:
    """What becomes of letters, in the log; neither what is in them nor whom they go to."""

    log: RequestLog

    def sent(self, letter: Letter) -> None:
        self.log.info("mail_sent", letter=letter.id, reason=letter.reason.value)

    def delayed(self, letter: Letter, reason: str) -> None:
        self.log.warning(
            "mail_delayed",
            letter=letter.id,
            reason=letter.reason.value,
            attempts=letter.attempts,
            problem=reason,
        )

    def given_up(self, letter: Letter, reason: str) -> None:
        self.log.error(
            "mail_given_up",
            letter=letter.id,
            reason=letter.reason.value,
            attempts=letter.attempts,
            problem=reason,
        )

    def not_looked(self, error: Exception) -> None:
        self.log.error("outbox_failed", problem=type(error).__name__)


def make_sender(ground: Ground) -> Sender:
    """Raise as `make_mailer` and `make_composer`."""
    settings, log = ground.settings, ground.log
    lines = MailLines(log)
    correspondence = Correspondence(
        store=ground.store,
        composer=make_composer(settings, log),
        mailer=make_mailer(settings, ground.clock, log),
        user_agents=ground.user_agents,
        places=ground.places,
        clock=ground.clock,
        randomness=ground.randomness,
        log=lines,
        service=settings.service_name,
        public_url=settings.public_url,
    )
    return Sender(correspondence, lines.not_looked)
