"""How mail leaves: whose name it bears, and the relay that takes it.

Invariant: a relay's password goes out encrypted, or not beyond this machine (ASVS 12.2.1).
"""

from dataclasses import dataclass
from enum import StrEnum

from watchword.crypto.secret import Secret
from watchword.domain.hosts import is_loopback


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name that people read, which may be empty (RFC 5322 section 3.4)."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class Encryption(StrEnum):
    """``STARTTLS`` begins plain and must then be encrypted (RFC 3207), ``TLS`` is encrypted from
    the first byte (RFC 8314), ``NONE`` never is.
    """

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Relay:
    """An SMTP server; ``host`` is a name or an address, an IPv6 address without its brackets.

    Raise `ValueError` for a login that would go over a network in plain text.
    """

    host: str
    port: int
    encryption: Encryption
    login: Login | None = None

    def __post_init__(self) -> None:
        if self.login is not None and self.is_plain:
            raise ValueError("Without TLS, the password could be read on the way.")

    @property
    def is_plain(self) -> bool:
        """Whether mail can be read on its way there."""
        return self.encryption is Encryption.NONE and not is_loopback(self.host)
