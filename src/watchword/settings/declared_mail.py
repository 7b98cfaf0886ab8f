# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""The settings of mail, declared as `declared` says, and standing behind the others."""

from dataclasses import dataclass
from pathlib import Path

from watchword.domain.mail import Mailbox, Relay
from watchword.ports import Allowance
from watchword.settings.choices import EmailVerification
from watchword.settings.declared_services import DeclaredServices
from watchword.settings.mail import language, mailbox, relay
from watchword.settings.parsing import allowance, folder, one_of, optional, or_off, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredMail(DeclaredServices):
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
        meaning="Of pages and mails, for browsers that ask for none that is there; of mails that a "
        "command causes.",
    )
    templates: Path | None = setting(
        "TEMPLATES",
        optional(folder()),
        meaning="Folder of templates that take the place of those that come with Watchword, file "
        "by file.",
    )
    limit_mail: Allowance | None = setting(
        "LIMIT_MAIL",
        or_off(allowance()),
        default="3/1h",
        meaning="Mails that one address is sent on the word of strangers, `count/period`, or "
        "`off`; above it the answers stay the same.",
    )
    limit_mail_client: Allowance | None = setting(
        "LIMIT_MAIL_CLIENT",
        or_off(allowance()),
        default="10/1h",
        meaning="Requests for such mails per client address, `count/period`, or `off`.",
    )
    email_verification: EmailVerification = setting(
        "EMAIL_VERIFICATION",
        one_of(tuple(EmailVerification)),
        default="off",
        meaning="`required`: nobody signs in with a password before they have followed the link "
        "that was mailed to them; or `off`.",
    )
