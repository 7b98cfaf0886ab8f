"""Django: ``dumpdata auth.user``, and rows of the table ``auth_user`` or of a model like it."""

from typing import Final

from watchword.cli.formats.fields import (
    Record,
    account,
    address_of,
    flag_of,
    joined,
    object_of,
    require,
    text_of,
)
from watchword.cli.formats.format import Format

_COLUMNS: Final = ("email", "password", "is_active")
_UNUSABLE: Final = "!"

# What Django puts before a hash that says by itself which kind it is.
_WRAPPINGS: Final = {"argon2$": "$", "bcrypt$": ""}


def django(*, grant_admin: bool) -> Format:
    """``grant_admin`` makes superusers administrators."""

    def read(record: Record) -> Record | None:
        row = object_of(record, "fields") if "model" in record else record
        if "model" in record and "password" not in row:
            return None  # a group, a permission: dumpdata writes what it was asked for
        require(row, *_COLUMNS[1:])
        return account(
            email=address_of(row, "email", "username"),
            name=joined(row, "first_name", "last_name"),
            password_hash=_bare(text_of(row, "password")),
            verified=False,  # Django's own user has no such fact
            active=flag_of(row, "is_active"),
            admin=grant_admin and flag_of(row, "is_superuser"),
        )

    return Format(read=read, columns=_COLUMNS)


def _bare(encoded: str) -> str:
    if encoded.startswith(_UNUSABLE):
        return ""
    for wrapping, instead in _WRAPPINGS.items():
        if encoded.startswith(wrapping):
            return instead + encoded.removeprefix(wrapping)
    return encoded
