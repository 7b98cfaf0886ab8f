"""Other identity providers: what we are to each of them, and whom they say somebody is.

Invariant: an identity is the pair of issuer and subject (ASVS 10.3.3, 10.5.2). An address is news
about a person, never who the person is.
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from watchword.crypto.secret import Secret
from watchword.domain.accounts import EmailAddress
from watchword.domain.time import Instant

ADDRESS_LENGTH: Final = 2_048
SUBJECT_LENGTH: Final = 255  # OpenID Connect Core section 2

_LAST_PORT: Final = 65_535
_ANY_PORT: Final = 1
_LABEL: Final = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
# Stricter than urlsplit, which drops tabs and line ends, and what stands between "]" and the port.
_ENDPOINT: Final = re.compile(
    rf"(?P<scheme>https?)://(?:(?P<name>{_LABEL}(?:\.{_LABEL})*)|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?][!\"$-\[\]-~]*)?"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a provider says somebody is.

    ``email_verified`` is what may be relied on: that this provider has said, in a way that is known
    to mean it, that the address is this person's (attack O07). ``name`` may be empty, ``amr`` and
    ``acr`` are the provider's own words, ``authenticated_at`` when it last saw a proof.
    """

    issuer: str
    subject: str
    email: EmailAddress | None = None
    email_verified: bool = False
    name: str = ""
    amr: tuple[str, ...] = ()
    acr: str | None = None
    authenticated_at: Instant | None = None

    def __repr__(self) -> str:
        return f"Identity(issuer={self.issuer!r})"


@dataclass(frozen=True, slots=True)
class AppleKey:
    """What Apple wants in the place of a client secret: a key to sign short-lived ones with.

    ``pem`` is an EC key on P-256, in PKCS #8.
    """

    team_id: str
    key_id: str
    pem: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdProvider:
    """A provider that says the rest itself, by discovery at its ``issuer``.

    ``posts_back``: its answer comes as a form post from its own site (response mode ``form_post``),
    so a cookie that binds the browser must be `SameSite=None`.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: Secret | AppleKey
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    posts_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthProvider:
    """A provider of plain OAuth 2: whoever ``userinfo_url`` says the access token's holder is.

    ``issuer`` is the first half of every identity from it. ``emails_url``: GitHub's list of
    addresses; without one, no address counts as verified.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: Secret
    authorize_url: str
    token_url: str
    userinfo_url: str
    emails_url: str | None = None
    scopes: tuple[str, ...] = ()
    posts_back: bool = field(default=False, init=False)


ConfiguredProvider = OpenIdProvider | OAuthProvider


def require_endpoint(text: object) -> str:
    """An address that a secret may be sent to: https, or http on loopback; ValueError otherwise.

    No user, no fragment, and nothing that two readers could take for different things.
    """
    match = _ENDPOINT.fullmatch(text) if isinstance(text, str) else None
    if match is None or len(match[0]) > ADDRESS_LENGTH:
        raise ValueError("not an address")
    host = match["name"] or str(IPv6Address(match["ipv6"]))
    if not 0 < int(match["port"] or _ANY_PORT) <= _LAST_PORT:
        raise ValueError("not an address")
    if match["scheme"] == "http" and not _is_loopback(host):
        raise ValueError("not https")
    return match[0]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
