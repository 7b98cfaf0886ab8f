"""Supabase: rows of the table ``auth.users``."""

from datetime import UTC, datetime

from watchword.cli.formats.fields import (
    Record,
    account,
    flag_of,
    object_of,
    require,
    text_of,
)
from watchword.cli.formats.format import Format
from watchword.domain.time import SECOND, Instant

_NEEDED = ("email", "encrypted_password", "banned_until")


def supabase(now: Instant) -> Format:
    """``now`` decides whether a ban is over."""

    def read(record: Record) -> Record | None:
        require(record, *_NEEDED)
        if text_of(record, "deleted_at") or flag_of(record, "is_anonymous"):
            return None
        about = object_of(record, "raw_user_meta_data")
        return account(
            email=text_of(record, "email"),
            name=text_of(about, "full_name") or text_of(about, "name"),
            password_hash=text_of(record, "encrypted_password"),
            verified=bool(text_of(record, "email_confirmed_at")),
            active=not _is_banned(text_of(record, "banned_until"), now),
        )

    return Format(read=read, columns=_NEEDED)


def _is_banned(until: str, now: Instant) -> bool:
    """A moment that cannot be read (PostgreSQL's infinity) has no end."""
    if not until:
        return False
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return True
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() * SECOND > now
