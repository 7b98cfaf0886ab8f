"""Other identity providers: what we are to each of them, and whom they say somebody is.

Invariant: an identity is the pair of issuer and subject (ASVS 10.3.3, 10.5.2). An address is news
about a person, never who the person is.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from watchword.crypto.secret import Secret
from watchword.domain.accounts import EmailAddress
from watchword.domain.time import Instant

ADDRESS_LENGTH: Final = 2_048
SUBJECT_LENGTH: Final = 255  # OpenID Connect Core section 2

_VISIBLE: Final = re.compile(r"[!-~]+")


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

    No user, no fragment, and no character that two readers could take for different things.
    """
    if not isinstance(text, str) or len(text) > ADDRESS_LENGTH or not _VISIBLE.fullmatch(text):
        raise ValueError("not an address")
    parts = urlsplit(text)
    is_plain = not (parts.fragment or "#" in text or "\\" in text or "@" in parts.netloc)
    if not parts.hostname or not is_plain or parts.port == 0:
        raise ValueError("not an address")
    if parts.scheme != "https" and not _is_loopback_http(parts):
        raise ValueError("not https")
    return text


def _is_loopback_http(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
