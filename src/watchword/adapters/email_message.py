"""A mail as the bytes that travel (RFC 5322, MIME), made by the standard library's `email`.

Invariant: exactly one recipient, and no header that is not named here, whatever the name, the
subject or the address hold (attacks I07, P09).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Final, Literal

from watchword.domain.accounts import EmailAddress
from watchword.domain.devices import printable
from watchword.domain.errors import Invalid
from watchword.domain.letters import MailRefused
from watchword.domain.mail import Mailbox
from watchword.domain.time import SECOND
from watchword.ports import Clock
from watchword.ports.mail import Mail

_LONGEST_HEADER: Final = 200
_LONGEST_LINE: Final = 998  # bytes, less the line's end: RFC 5321 section 4.5.3.1.6
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MessageWriter:
    """Two writings of one mail have the same Message-ID, so that a mail which had to be sent
    twice can be told to be one.
    """

    sender: Mailbox
    clock: Clock

    def write(self, mail: Mail) -> EmailMessage:
        """Raise `MailRefused` unless ``mail.to`` is one address and nothing else."""
        if _ID.fullmatch(mail.id) is None:  # it becomes a header and the name of a file
            raise MailRefused("its id holds more than letters and digits")
        recipient, sender = _address(mail.to), self._sender()
        is_ascii = (recipient.username + sender.username).isascii()
        message = EmailMessage(policy=SMTP if is_ascii else SMTPUTF8)
        now = datetime.fromtimestamp(self.clock.now() // SECOND, UTC)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail.id}@{self.sender.domain}>"
        message["From"] = sender
        message["To"] = recipient
        message["Subject"] = _one_line(mail.content.subject)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        text, html = mail.content.text, mail.content.html
        message.set_content(text, cte=_encoding(text))
        message.add_alternative(html, subtype="html", cte=_encoding(html))
        # Else `email` draws one at random. "=_" is in no quoted-printable text (RFC 2045 6.7).
        message.set_boundary(f"=_{mail.id}")
        return message

    def _sender(self) -> Address:
        username, _, domain = self.sender.address.rpartition("@")
        return Address(_one_line(self.sender.name), username, domain)


def _address(text: str) -> Address:
    try:
        parsed = EmailAddress.parse(text).text
    except Invalid:
        raise MailRefused("what it is addressed to is not one e-mail address") from None
    username, _, domain = parsed.rpartition("@")
    return Address("", username, domain)


def _one_line(text: str) -> str:
    """Text that is itself written like an encoded word (RFC 2047) would be decoded by `email`, and
    what comes out of it, a line's end perhaps, written into the header (CVE-2024-6923).
    """
    return printable(" ".join(text.split()), _LONGEST_HEADER).replace("=?", "= ?")


def _encoding(text: str) -> Literal["7bit", "quoted-printable"]:
    """As it is where that is allowed: then a link can be read in the file, too."""
    is_plain = text.isascii() and all(len(line) <= _LONGEST_LINE for line in text.splitlines())
    return "7bit" if is_plain else "quoted-printable"
