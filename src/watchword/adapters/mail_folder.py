"""Mail as files, for as long as there is no relay: whoever may read the folder may read the mail.

Invariant: a file is there whole or not at all, and nobody but its owner can read it.
"""

import asyncio
import os
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from watchword.domain.letters import MailDelayed
from watchword.ports.mail import Mail


class MailFolder:
    """Each mail is ``<id>.eml``: ids sort by time, and a second sending overwrites the first.

    ``told`` is given the recipient and the file, and nothing of what is in it.
    """

    def __init__(
        self,
        folder: Path,
        write: Callable[[Mail], EmailMessage],
        told: Callable[[str, Path], None],
    ) -> None:
        self._folder = folder
        self._write = write
        self._told = told

    async def send(self, mail: Mail) -> None:
        content = self._write(mail).as_bytes()
        path = self._folder / f"{mail.id}.eml"
        try:
            await asyncio.to_thread(_put, path, content)
        except OSError as error:
            raise MailDelayed(f"{self._folder}: {error.strerror}") from None
        self._told(mail.to, path)


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
