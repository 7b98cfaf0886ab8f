"""Auth0: the export of password hashes that its support makes, and exports of its bulk job."""

from watchword.cli.formats.fields import (
    Record,
    Unreadable,
    account,
    flag_of,
    joined,
    text_of,
)
from watchword.cli.formats.format import Format


def auth0() -> Format:
    return Format(read=_read, columns=("email", "passwordHash"))


def _read(record: Record) -> Record:
    if "custom_password_hash" in record:
        raise Unreadable("custom_password_hash: Only passwordHash is read, as an export has it.")
    email, verified = text_of(record, "email"), flag_of(record, "email_verified")
    if not email:
        email, verified = _identified(record)
    return account(
        email=email,
        name=_name(record, email),
        password_hash=text_of(record, "passwordHash"),
        verified=verified,
        active=not flag_of(record, "blocked"),
    )


def _identified(record: Record) -> tuple[str, bool]:
    """Newer accounts may have their address in the list of identifiers alone."""
    identifiers = record.get("identifiers")
    for one in identifiers if isinstance(identifiers, list) else ():
        if isinstance(one, dict) and one.get("type") == "email":
            return text_of(one, "value"), flag_of(one, "verified")
    return "", False


def _name(record: Record, email: str) -> str:
    """Auth0 puts the address in place of a name that nobody gave."""
    name = text_of(record, "name")
    if name and name != email:
        return name
    return joined(record, "given_name", "family_name") or text_of(record, "nickname")
