"""Firebase Authentication: ``auth:export`` to JSON, with the project's hash parameters.

Its CSV is not read. The tool that writes it leaves quotes and line breaks in display names as
they are, so a name can forge a whole line: an account of any address, verified, with a password
that its forger knows.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchword.adapters.argon2 import is_supported
from watchword.cli.formats.fields import Record, account, flag_of, text_of
from watchword.cli.formats.format import Format
from watchword.cli.terminal import fail

_ENTRY = re.compile(r"^\s*(\w+)\s*:\s*([^\s,]+),?\s*$", re.MULTILINE)
_NAMES: Final = ("base64_signer_key", "base64_salt_separator", "rounds", "mem_cost")
_WHY_NO_TABLE: Final = (
    "In Firebase's CSV, a display name can forge an account. Export to JSON:"
    " firebase auth:export users.json."
)
_WEB_SAFE: Final = str.maketrans("-_", "+/")
_LARGEST: Final = 65_536  # bytes; the real one has a few hundred


@dataclass(frozen=True, slots=True, repr=False)
class HashConfig:
    """What the hashes of a project have in common; ``signer_key`` is a secret of it."""

    signer_key: str
    salt_separator: str
    rounds: str
    mem_cost: str

    @classmethod
    def read(cls, path: Path) -> "HashConfig":
        """From a file with what the console shows as ``hash_config { … }``."""
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode(errors="replace")
        entries = dict(_ENTRY.findall(text))
        if entries.get("algorithm") != "SCRYPT" or any(name not in entries for name in _NAMES):
            raise fail(
                f"{path} must hold the password hash parameters as the Firebase console shows"
                f" them: hash_config {{ algorithm: SCRYPT, {': …, '.join(_NAMES)}: … }}, one on"
                " each line."
            )
        config = cls(*(entries[name] for name in _NAMES))
        if not is_supported(config.encoded("AAAA", config.signer_key)):
            raise fail(f"{path}: No password can be verified with these hash parameters.")
        return config

    def encoded(self, salt: str, digest: str) -> str:
        """A text that needs nothing beside it to be verified with."""
        return (
            f"$fbscrypt$v=1,n={self.mem_cost},r={self.rounds},p=1"
            f",ss={self.salt_separator},sk={self.signer_key}${salt}${digest}"
        )


def firebase(config: HashConfig) -> Format:
    def read(record: Record) -> Record:
        digest, salt = (
            text_of(record, name).translate(_WEB_SAFE) for name in ("passwordHash", "salt")
        )
        return account(
            email=text_of(record, "email"),
            name=text_of(record, "displayName"),
            password_hash=config.encoded(salt, digest) if digest else "",
            verified=flag_of(record, "emailVerified"),
            active=not flag_of(record, "disabled"),
        )

    return Format(read=read, members="users", why_no_table=_WHY_NO_TABLE)
