"""Where a Redis is, and how to come in. Invariant: user and password are never shown."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from watchword.crypto.secret import Secret

# Not urlsplit: it takes a part of a password with a "/" in it for a port, and says so in its error.
_URL = re.compile(
    r"redis(?P<s>s?)://(?:(?P<user>[^:@/?#\s]*)(?P<password>:[^@/?#\s]*)?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?(?:/(?P<db>[0-9]{0,5}))?"
)
_PORT: Final = 6379
_LAST_PORT: Final = 65_535
_ADVICE: Final = (
    "Write redis://user:password@host:6379/0, or rediss:// for TLS, with what is neither letter nor"
    " digit in user and password percent-encoded."
)


class AddressUnusable(ValueError):
    """It is no URL of a Redis. The text is advice, and quotes nothing."""

    def __init__(self) -> None:
        super().__init__(_ADVICE)


@dataclass(frozen=True, slots=True)
class Address:
    """``database`` is the number of one of the server's databases."""

    host: str
    port: int
    database: int
    is_encrypted: bool
    login: tuple[str, Secret] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: Secret) -> "Address":
        """Raise `AddressUnusable`."""
        match = _URL.fullmatch(url.reveal().decode("utf-8", "replace"))
        port = int(match["port"] or _PORT) if match else 0
        if match is None or not 0 < port <= _LAST_PORT:
            raise AddressUnusable
        login = None
        if match["user"] or match["password"]:
            password = unquote((match["password"] or ":")[1:]).encode()
            login = (unquote(match["user"]), Secret(password))
        host = match["host"].strip("[]")
        return cls(host, port, int(match["db"] or 0), bool(match["s"]), login)
