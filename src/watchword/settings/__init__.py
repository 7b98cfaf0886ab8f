"""What an operator decides: the environment and `.env`, read once, checked whole, then frozen.

Invariant: `loading` is the only reader of the environment, and no message here repeats a value.
"""

from watchword.settings.choices import (
    Profile,
    Revocation,
    RevocationMessages,
    SessionLimit,
    SessionStore,
)
from watchword.settings.declared import LogFormat, LogLevel
from watchword.settings.loading import SettingsError
from watchword.settings.model import Settings
from watchword.settings.parsing import Row
from watchword.settings.stores import ServerUrl

__all__ = [
    "LogFormat",
    "LogLevel",
    "Profile",
    "Revocation",
    "RevocationMessages",
    "Row",
    "ServerUrl",
    "SessionLimit",
    "SessionStore",
    "Settings",
    "SettingsError",
]
