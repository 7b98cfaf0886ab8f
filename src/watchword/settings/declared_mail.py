# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""The settings of mail, declared as `declared` says, and standing behind the others."""

from dataclasses import dataclass
from pathlib import Path

from watchword.domain.mail import Mailbox, Relay
from watchword.settings.declared import Declared
from watchword.settings.mail import language, mailbox, relay
from watchword.settings.parsing import folder, optional, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredMail(Declared):
    smtp_url: Relay | None = setting(
        "SMTP_URL",
        optional(relay()),
        meaning="`smtp://user:password@host:587?starttls=1` or `smtps://user:password@host:465`; "
        "without it, each mail is a file in `mail` in the data directory.",
    )
    smtp_ca_file: Path | None = setting(
        "SMTP_CA_FILE",
        optional(folder()),
        meaning="PEM file of the certificate authority that a private relay's certificate comes "
        "from; the system's own are then not trusted.",
    )
    mail_from: Mailbox | None = setting(
        "MAIL_FROM",
        optional(mailbox(), absent="no-reply@ the public URL's host"),
        meaning="Whom mail comes from: `Name <no-reply@example.com>`, or an address alone.",
    )
    language: str = setting(
        "LANGUAGE",
        language(),
        default="en",
        meaning="Of mail: a folder of templates.",
    )
    templates: Path | None = setting(
        "TEMPLATES",
        optional(folder()),
        meaning="Folder of templates that take the place of those that come with Watchword, file "
        "by file.",
    )
