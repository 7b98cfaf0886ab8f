"""fastapi-users: rows of its table ``user``."""

from typing import Final

from watchword.cli.formats.fields import Record, account, flag_of, joined, require, text_of
from watchword.cli.formats.format import Format

_COLUMNS: Final = ("email", "hashed_password", "is_active")


def fastapi_users(*, grant_admin: bool) -> Format:
    """``grant_admin`` makes superusers administrators."""

    def read(record: Record) -> Record:
        require(record, *_COLUMNS)
        return account(
            email=text_of(record, "email"),
            name=text_of(record, "name") or joined(record, "first_name", "last_name"),
            password_hash=text_of(record, "hashed_password"),
            verified=flag_of(record, "is_verified"),
            active=flag_of(record, "is_active"),
            admin=grant_admin and flag_of(record, "is_superuser"),
        )

    return Format(read=read, columns=_COLUMNS)
