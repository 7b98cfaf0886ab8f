"""Who writes and who carries mail, as the settings say."""

from pathlib import Path

from watchword.adapters.email_message import MessageWriter
from watchword.adapters.mail_folder import MailFolder
from watchword.adapters.smtp import SmtpMailer, make_tls
from watchword.adapters.templates import TemplateComposer, TemplateFault
from watchword.ports import Clock
from watchword.ports.mail import Composer, Mailer
from watchword.settings import Settings
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
