"""An account and the address that names it; one person's spellings of an address are one key."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from watchword.domain.errors import AccountDisabled, FieldError, Invalid
from watchword.domain.time import Instant

NAME_LIMIT = 200
ADDRESS_LIMIT = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets

# What nearly everybody has: small letters, digits and the commonest signs, below a top-level domain
# of letters. Nothing in it can be folded or reordered, so its text and its key are itself, and
# the validator, which takes thirty times as long, would say no more. Labels with hyphens in their
# third and fourth place (Punycode) and reserved domains are left to it.
_LABEL = "(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_RESERVED = "|".join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))
_ORDINARY = re.compile(
    rf"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?!(?:.*\.)?(?:{_RESERVED})\Z)(?:{_LABEL}\.)+[a-z]{{2,63}}"
)


class Status(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as it is shown and mailed to (``text``) and as it is looked up (``key``).

    Every spelling that reaches one account has one key, so a limit or a lockout that counts by key
    cannot be walked around by case, spaces, trailing dots or Unicode forms. A local part whose
    compatibility form turns into ASCII letters (a Kelvin sign, full-width letters) is refused: it
    can only be meant to look like another address.
    """

    text: str
    key: str

    @classmethod
    def parse(cls, raw: str, *, field: str = "email") -> "EmailAddress":
        text = raw.strip(" \t").rstrip(".")
        if not text or len(text) > ADDRESS_LIMIT:
            raise Invalid(FieldError(field, "Enter an e-mail address."))
        if _ORDINARY.fullmatch(text):
            return cls(text, text)
        local = text.rpartition("@")[0]
        if _disguises_ascii(local):
            raise Invalid(FieldError(field, "This e-mail address holds look-alike letters."))
        try:
            valid = validate_email(text, check_deliverability=False, allow_quoted_local=False)
        except (EmailNotValidError, ValueError, RecursionError):
            raise Invalid(FieldError(field, "This is not a valid e-mail address.")) from None
        domain = (valid.ascii_domain or valid.domain).lower()
        return cls(f"{valid.local_part}@{domain}", f"{valid.local_part.lower()}@{domain}")


def _disguises_ascii(local: str) -> bool:
    for character in local:
        if character.isascii():
            continue
        folded = unicodedata.normalize("NFKC", character).lower()
        if folded.isascii() and folded:
            return True
    return False


def parse_name(raw: str, *, field: str = "name", limit: int = NAME_LIMIT) -> str:
    """A name in NFC, trimmed; control and direction-changing characters are refused."""
    if len(raw) > limit * 4:
        raise Invalid(FieldError(field, f"Use at most {limit} characters."))
    name = unicodedata.normalize("NFC", raw).strip()
    if len(name) > limit:
        raise Invalid(FieldError(field, f"Use at most {limit} characters."))
    if not name.isprintable() and any(map(_is_control, name)):
        raise Invalid(FieldError(field, "A name cannot hold control characters."))
    return name


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} or character in _DIRECTION


# U+202A-202E and U+2066-2069 reorder what follows them, in a console as in a mail.
_DIRECTION = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


@dataclass(frozen=True, slots=True)
class Account:
    """A person who can sign in. ``password_hash`` is None for one who has no password."""

    id: str
    email: EmailAddress
    name: str
    role: str
    status: Status
    email_verified: bool
    mfa_enabled: bool
    password_hash: str | None
    created_at: Instant

    @property
    def is_active(self) -> bool:
        return self.status is Status.ACTIVE

    def require_active(self) -> None:
        if not self.is_active:
            raise AccountDisabled

    def __repr__(self) -> str:
        return f"Account(id={self.id!r}, role={self.role!r}, status={self.status.value!r})"
