"""What a provider says about a person, once it is known to have said it."""

import json
from collections.abc import Mapping
from typing import Final

from watchword.adapters.federation.microsoft import is_microsoft
from watchword.domain.accounts import EmailAddress, parse_name
from watchword.domain.errors import FederationFailed, Invalid
from watchword.domain.federation import Identity
from watchword.domain.time import SECOND, Instant

_LATEST: Final = 2**40
_MOST_METHODS: Final = 16
_LONGEST_WORD: Final = 256


def read_identity(
    issuer: str, subject: str, claims: Mapping[str, object], about: Mapping[str, object]
) -> Identity:
    """``claims`` are of the ID token; ``about`` says address and name, there or at userinfo."""
    email = read_email(about.get("email"))
    # Exactly true: a provider that writes "true", or "false", as text has said nothing (O07).
    told = about.get("xms_edov" if is_microsoft(issuer) else "email_verified")
    return Identity(
        issuer=issuer,
        subject=subject,
        email=email,
        email_verified=email is not None and told is True,
        name=read_name(about.get("name")),
        amr=_read_methods(claims.get("amr", [])),
        acr=_read_word(claims.get("acr")),
        authenticated_at=_read_moment(claims.get("auth_time")),
    )


def read_email(text: object) -> EmailAddress | None:
    """None for what is no address: then nothing is known of one."""
    if not isinstance(text, str):
        return None
    try:
        return EmailAddress.parse(text)
    except Invalid:
        return None


def read_name(text: object) -> str:
    """Empty for what cannot stand as a name here."""
    if not isinstance(text, str):
        return ""
    try:
        return parse_name(text)
    except Invalid:
        return ""


def read_apple_name(user: str | None) -> str:
    """The name that Apple posts beside the code, at the first sign-in alone. Nobody has signed it,
    so nothing else of it is looked at.
    """
    try:
        name = json.loads(user or "{}")["name"]
        parts = [name.get("firstName"), name.get("lastName")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return read_name(" ".join(part for part in parts if isinstance(part, str)))


def _read_methods(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_METHODS:
        raise FederationFailed("ID token: amr")
    return tuple(word for item in value if (word := _read_word(item)) is not None)


def _read_word(value: object) -> str | None:
    """Strict, because who asks for a level of assurance goes by it (ASVS 10.3.4)."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_WORD or not value.isprintable():
        raise FederationFailed("ID token: acr or amr")
    return value


def _read_moment(value: object) -> Instant | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _LATEST:
        raise FederationFailed("ID token: auth_time")
    return value * SECOND
