"""Settings that name a place: origins, networks, an e-mail address.

Invariant: an origin that comes out of here is written exactly as a browser writes it in `Origin`
(RFC 6454 section 6.2), so that comparing text compares origins.
"""

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)
from typing import Final
from urllib.parse import urlsplit

from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import Invalid
from watchword.domain.hosts import is_loopback
from watchword.settings.parsing import Kind, Unreadable

Network = IPv4Network | IPv6Network

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
LAST_PORT: Final = 65_535
# Stricter than urlsplit, which drops tabs and line ends, and what stands between "]" and the port.
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?/?")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_LONGEST_HOST: Final = 253
_ORIGIN_ADVICE = "Write scheme, host and port, nothing else, such as https://auth.example.com."
_SERVER_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
_QUERY = re.compile(r"[A-Za-z0-9._~=&%-]{0,200}")
_SECRET_IN_QUERY = re.compile(r"(?:^|&)[^=&]*(?:key|token|secret|password)[^=&]*=", re.IGNORECASE)
_ARCHIVE_ADVICE = "Write scheme, host and path, such as https://mirror.example.com/city.tar.gz."
_SECRET_ADVICE = (
    "Write no key into it, for addresses are shown and logged. A licence key has a setting of its "
    "own, WATCHWORD_MAXMIND_LICENSE_KEY."
)
_PLAIN_ADVICE = "Write it with https; http is for servers on this machine alone."
_SERVER_ADVICE = "Write scheme, host and path, such as https://breaches.example.com/range."


def origin() -> Kind[str]:
    """Scheme, host and a port that is not the scheme's own; no slash at the end."""
    return Kind(_parse_origin, str)


def _parse_origin(text: str) -> str:
    if not text.isascii():
        raise Unreadable("Write the host in its ASCII form (xn--…).")
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        raise Unreadable(_ORIGIN_ADVICE)
    scheme, host, port = match[1], match[2], int(match[3] or _DEFAULT_PORTS[match[1]])
    try:
        host = parse_host(host)
    except ValueError:
        raise Unreadable(_ORIGIN_ADVICE) from None
    if not 0 < port <= LAST_PORT:
        raise Unreadable(_ORIGIN_ADVICE)
    return f"{scheme}://{host}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"


def parse_host(host: str) -> str:
    """Raise ValueError unless it is a name or an address; addresses in their shortest form."""
    if host.startswith("["):
        return f"[{IPv6Address(host[1:-1])}]"
    if len(host) > _LONGEST_HOST or _NAME.fullmatch(host) is None:
        raise ValueError(host)
    if host.rpartition(".")[2].isdigit():
        return str(IPv4Address(host))
    return host


def server_url() -> Kind[str]:
    """An origin with a path, without a slash at the end. Over http on this machine alone: what is
    asked, and what is answered, is for nobody on the way.
    """
    return Kind(_parse_server_url, str)


def _parse_server_url(text: str) -> str:
    scheme, mark, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    if not mark or _SERVER_PATH.fullmatch(slash + path) is None or ".." in path:
        raise Unreadable(_SERVER_ADVICE)
    try:
        base = _parse_origin(f"{scheme}://{host}")
    except Unreadable:
        raise Unreadable(_SERVER_ADVICE) from None
    if base.startswith("http://") and not is_loopback(urlsplit(base).hostname or ""):
        raise Unreadable(_PLAIN_ADVICE)
    return base + (slash + path).rstrip("/")


def archive_url() -> Kind[str]:
    """As `server_url`, and with a query, in which no secret stands."""
    return Kind(_parse_archive_url, str)


def _parse_archive_url(text: str) -> str:
    address, mark, query = text.partition("?")
    if _QUERY.fullmatch(query) is None:
        raise Unreadable(_ARCHIVE_ADVICE)
    if _SECRET_IN_QUERY.search(query):
        raise Unreadable(_SECRET_ADVICE)
    try:
        return _parse_server_url(address) + mark + query
    except Unreadable as refusal:
        is_plain = str(refusal) == _PLAIN_ADVICE
        raise Unreadable(_PLAIN_ADVICE if is_plain else _ARCHIVE_ADVICE) from None


def network() -> Kind[Network]:
    """An address, or a network whose host bits are zero."""
    return Kind(_parse_network, str)


def _parse_network(text: str) -> Network:
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise Unreadable("Write an address or a network, such as 10.0.0.7 or 10.0.0.0/8.") from None
    if meant.prefixlen == 0:
        raise Unreadable("This trusts everybody. Name the network of your own proxies.")
    try:
        return ip_network(text)
    except ValueError:
        raise Unreadable(f"Write the network by its first address: {meant}.") from None


def email_address() -> Kind[EmailAddress]:
    def parse(text: str) -> EmailAddress:
        try:
            return EmailAddress.parse(text)
        except Invalid as refusal:
            raise Unreadable(refusal.detail) from None

    return Kind(parse, lambda address: address.text)
