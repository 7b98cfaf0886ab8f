"""What an address and a user agent say about where a request comes from: evidence, never proof."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from watchword.domain.time import DAY, Span

USER_AGENT_LIMIT = 512
DEVICE_LIFETIME: Span = 400 * DAY  # as long as browsers keep a cookie

# Chrome Mobile WebView 120, iOS 17.1: no dot between letters, and no number to call.
_NAME_AND_VERSION = re.compile(
    r"[A-Za-z]{1,20}(?:[ /+-][A-Za-z]{1,20}){0,3}(?: [0-9]{1,4}(?:\.[0-9]{1,4})?)?"
)


@dataclass(frozen=True, slots=True)
class Device:
    """What a user agent claims to be; None where it says nothing."""

    browser: str | None
    os: str | None
    type: str

    @property
    def in_mail(self) -> "Device":
        """``Firefox`` and ``Linux``, or less. A stranger writes what goes to somebody else's
        address, so a text that could be a message, an address or a number is left out of it (attack
        I07).
        """
        return Device(_in_mail(self.browser), _in_mail(self.os), self.type)


def _in_mail(name: str | None) -> str | None:
    return name if name and _NAME_AND_VERSION.fullmatch(name) else None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from. ``user_agent`` is printable text, cut to its limit."""

    ip: str
    user_agent: str


def printable(text: str, limit: int = USER_AGENT_LIMIT) -> str:
    """Foreign text fit for a log line, a list and a mail: no control characters, cut to size."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:limit])


@lru_cache(maxsize=4_096)
def limit_bucket(ip: str) -> str:
    """The key under which a client address is counted: IPv6 by its /64, mapped IPv4 as IPv4.

    One customer line usually holds a whole /64, so counting single IPv6 addresses counts nothing.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64)) + "/64"
    return str(address)
