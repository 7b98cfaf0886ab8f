"""How the record of another system is read: what each field may be, and what is made of them.

Invariant: a field of another type than it should have is refused, never guessed at.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from watchword.crypto import strict_json
from watchword.domain.accounts import Status
from watchword.domain.roles import ADMIN

Record: TypeAlias = Mapping[str, object]

# A hash has fewer than 500. Many records are held at once, so what is kept of each is bounded more
# tightly than the record.
_LONGEST_TEXT: Final = 4_096

# JSON and Django write words, PostgreSQL letters, SQLite numbers.
_CLAIMS: Final = {
    **dict.fromkeys(("true", "t", "1", "yes"), True),
    **dict.fromkeys(("false", "f", "0", "no"), False),
}


class Unreadable(Exception):
    """A record that says nothing; ``reason`` is a sentence that repeats no hash."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def text_of(record: Record, name: str) -> str:
    """Empty when it is missing or null."""
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name}: This must be a text.")
    if len(value) > _LONGEST_TEXT:
        raise Unreadable(f"{name}: This is longer than {_LONGEST_TEXT:,} characters.")
    return value


def flag_of(record: Record, name: str) -> bool:
    """False when it is missing, null or empty."""
    value = record.get(name)
    if value is None or value == "":
        return False
    claim = _CLAIMS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if claim is None:
        raise Unreadable(f"{name}: Use true or false.")
    return claim


def object_of(record: Record, name: str) -> Record:
    """An object, or the text of one, as a table has it; empty when it is missing or null."""
    value = record.get(name)
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            return strict_json.decode(value.encode())
        except ValueError:
            raise Unreadable(f"{name}: This must be a JSON object.") from None
    if not isinstance(value, dict):
        raise Unreadable(f"{name}: This must be an object.")
    return value


def require(record: Record, *names: str) -> None:
    """A column that was left out would be a lost password, or a ban that is lifted unseen."""
    for name in names:
        if name not in record:
            raise Unreadable(f"{name}: Export this field too; it may be empty.")


def joined(record: Record, *names: str) -> str:
    """A name that is kept in parts."""
    return " ".join(part for name in names if (part := text_of(record, name).strip()))


def address_of(record: Record, *names: str) -> str:
    """The first of these fields that could be an address: where people sign in with their
    address, some systems have it as the user name alone. Else what the first one says.
    """
    texts = [text_of(record, name) for name in names]
    return next((text for text in texts if "@" in text), texts[0])


def account(
    *,
    email: str,
    name: str,
    password_hash: str,
    verified: bool,
    active: bool,
    admin: bool = False,
) -> Record:
    """The fields that `watchword.flows.importing` knows."""
    return {
        "email": email,
        "name": name,
        "passwordHash": password_hash,
        "emailVerified": verified,
        "status": Status.ACTIVE.value if active else Status.DISABLED.value,
        "role": ADMIN if admin else "",
    }
