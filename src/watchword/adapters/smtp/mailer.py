"""The mailer that hands each mail to a relay.

Invariant: an exception holds neither password nor content, nor any text of the relay: relays quote
addresses, and their filters quote links.
"""

import asyncio
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from watchword.adapters.smtp.patience import Patience
from watchword.adapters.smtp.trust import CaFileUnusable, make_tls
from watchword.domain.letters import MailDelayed
from watchword.domain.mail import Encryption, Relay
from watchword.ports.mail import Mail


class SmtpMailer:
    """One connection for each mail: nothing to keep alive, and no mail waits for another.

    Before the recipient is named, whatever goes wrong is the operator's or the network's to mend,
    and the mail is delayed. From then on a 5xx refuses it, save 530 (RFC 4954: log in first).
    """

    def __init__(
        self,
        relay: Relay,
        write: Callable[[Mail], EmailMessage],
        *,
        ca_file: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._relay = relay
        self._write = write
        self._ca_file = ca_file
        self._patience = patience or Patience()
        self._tls: ssl.SSLContext | None = None

    async def send(self, mail: Mail) -> None:
        from watchword.adapters.smtp.conversation import (  # lazy: not before the first mail
            Conversation,
        )

        message = self._write(mail)
        tls = await self._get_tls()
        await Conversation(self._relay, tls, self._patience).carry(message)

    async def _get_tls(self) -> ssl.SSLContext | None:
        """Read on a thread: a system has some hundred authorities."""
        if self._relay.encryption is not Encryption.NONE and self._tls is None:
            try:
                self._tls = await asyncio.to_thread(make_tls, self._ca_file)
            except CaFileUnusable as error:
                raise MailDelayed(str(error)) from None
        return self._tls
