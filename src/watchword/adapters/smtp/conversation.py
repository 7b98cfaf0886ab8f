"""What is said to a relay for one mail, and what its answers mean."""

import asyncio
import re
import ssl
from contextlib import suppress
from email.message import EmailMessage
from typing import Final

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from watchword.adapters.smtp.patience import Patience
from watchword.domain.letters import MailDelayed, MailRefused
from watchword.domain.mail import Encryption, Relay
from watchword.domain.time import SECOND

_LOG_IN_FIRST: Final = 530
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=\s|$)", re.ASCII)  # RFC 3463


class _Client(aiosmtplib.SMTP):
    """The password only goes where it cannot be read, so CRAM-MD5 would protect nothing; it would
    let a wrong password count as one more failure at the relay.
    """

    AUTH_METHODS = ("plain", "login")


class Conversation:
    """Good for one mail."""

    def __init__(self, relay: Relay, tls: ssl.SSLContext | None, patience: Patience) -> None:
        self._relay = relay
        self._tls = tls
        self._patience = patience
        self._step = "connecting"
        self._is_addressed = False

    async def carry(self, message: EmailMessage) -> None:
        """Return once the relay has taken it; whatever happens after that does not matter."""
        client = self._make_client(message)
        try:
            async with asyncio.timeout(self._patience.whole / SECOND):
                await self._greet(client)
                await self._hand_over(client, message)
            await self._part(client)
        except SMTPResponseException as answer:
            raise self._judge(answer) from None
        except (SMTPException, OSError) as error:
            raise MailDelayed(f"{self._step}: {_words(error)}") from None
        finally:
            client.close()

    def _make_client(self, message: EmailMessage) -> _Client:
        return _Client(
            hostname=self._relay.host,
            port=self._relay.port,
            # Else it asks the network for a name of this machine.
            local_hostname=message["From"].addresses[0].domain,
            timeout=self._patience.whole / SECOND,
            use_tls=self._relay.encryption is Encryption.TLS,
            start_tls=False,  # left out, it would be tried, and plain text would do
            tls_context=self._tls,
        )

    async def _greet(self, client: _Client) -> None:
        await client.connect(timeout=self._patience.connect / SECOND)
        if self._relay.encryption is Encryption.STARTTLS:
            self._step = "STARTTLS"
            await client.starttls()
        if self._relay.login is not None:
            self._step = "login"
            await client.login(self._relay.login.user, self._relay.login.password.reveal())
        self._step = "greeting"
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()

    async def _hand_over(self, client: _Client, message: EmailMessage) -> None:
        sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
        is_ascii = (sender + recipient).isascii()
        if not is_ascii and not client.supports_extension("smtputf8"):
            raise MailRefused("the relay knows no addresses beyond ASCII (SMTPUTF8)")
        options = [] if is_ascii else ["SMTPUTF8"]
        encoding = "ascii" if is_ascii else "utf-8"
        self._step = "sender"
        await client.mail(sender, options=options, encoding=encoding)
        self._step, self._is_addressed = "recipient", True
        await client.rcpt(recipient, encoding=encoding)
        self._step = "content"
        await client.data(message.as_bytes())

    async def _part(self, client: _Client) -> None:
        with suppress(SMTPException, OSError):
            await client.quit(timeout=self._patience.goodbye / SECOND)

    def _judge(self, answer: SMTPResponseException) -> MailRefused | MailDelayed:
        enhanced = _ENHANCED.match(answer.message)
        code = f"{answer.code} {enhanced[0]}" if enhanced else str(answer.code)
        told = f"{self._step}: the relay answered {code}"
        is_final = answer.code in range(500, 600) and answer.code != _LOG_IN_FIRST
        return MailRefused(told) if is_final and self._is_addressed else MailDelayed(told)


def _words(error: SMTPException | OSError) -> str:
    """The library's and the system's own words hold nothing of what was sent or answered."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    match cause:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted ({cause.verify_message})"
        case TimeoutError():
            return "no answer in time"
        case SMTPException():
            return cause.message
        case _:
            return cause.strerror or type(cause).__name__
