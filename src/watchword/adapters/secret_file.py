"""The master secret that is made once, when the operator gives none, and never leaves its file."""

import os
from pathlib import Path
from typing import Final

from watchword.crypto.opaque import to_text
from watchword.crypto.secret import Secret
from watchword.domain.errors import Unavailable
from watchword.ports import Randomness

NAME = "secret"
_BYTES = 48
_SHORTEST = 32

REMEDY: Final = (
    "Restore it from a backup. If it is lost for good, empty the table signing_keys: the next start"
    " makes a new one, and everybody signs in again."
)


class SecretUnusable(Unavailable):
    """The file cannot be read or holds no secret; ``remedy`` says what to do."""

    def __init__(self, remedy: str) -> None:
        super().__init__()
        self.remedy = remedy

    def __str__(self) -> str:
        return self.remedy


def read_or_make(folder: Path, randomness: Randomness, *, is_first: bool) -> Secret:
    """The secret of ``folder``, made with mode 0600 if there is none. Of several processes that
    start at once, one makes it and all use it. Unless this ``is_first`` of all starts, a missing
    one is not made anew: what was sealed with it would never open again.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists() and not is_first:
            raise SecretUnusable(f"{path} is missing, and the database was made with it. {REMEDY}")
        if not path.exists():
            _make(path, to_text(randomness.bytes(_BYTES)))
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SecretUnusable(f"{path}: {error.strerror}. Give the service this folder.") from None
    if len(secret) < _SHORTEST:
        raise SecretUnusable(
            f"{path} holds fewer than {_SHORTEST} bytes: restore it from a backup."
        )
    return Secret(secret)


def _make(path: Path, text: str) -> None:
    """Written whole before it has its name, so that nobody reads half a secret."""
    draft = path.with_name(f"{NAME}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
