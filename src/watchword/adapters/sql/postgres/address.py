"""Where a PostgreSQL database is, and how it is reached. Invariant: no text shows a password."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from watchword.domain.revocations import OVERLAP
from watchword.domain.time import SECOND, Span

_SCHEMES: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_POOL_SIZE, _STATEMENTS = 10, 256
_MOST: Final = 1_000
# Every wait is bounded: first for a connection, then for an answer on it.
CONNECT_WITHIN: Final[Span] = 3 * SECOND
ANSWER_WITHIN: Final[Span] = 5 * SECOND
SEARCH_WITHIN: Final[Span] = 30 * SECOND
_SETTINGS: Final = {
    "application_name": "watchword",
    # What nobody waits for any more ends on the server as well, and gives its locks back.
    "statement_timeout": str(SEARCH_WITHIN),
    # Also that of a process that was stopped in the middle of it: who comes back to a feed reads
    # what was noted in the last `OVERLAP`.
    "idle_in_transaction_session_timeout": str(OVERLAP // 2),
}


class AddressInvalid(ValueError):
    """A URL that names no PostgreSQL database; its text repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """``dsn`` as libpq reads it; ``pool_size`` connections at most, beside the one that listens;
    ``settings`` of the server for each of them.

    ``statements`` are kept prepared on each connection; 0 where a pooler hands every transaction
    to another server process (PgBouncer's transaction mode).
    """

    dsn: str = field(repr=False)
    pool_size: int = _POOL_SIZE
    statements: int = _STATEMENTS
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str, *, pool_size: int = _POOL_SIZE) -> "Address":
        """``postgresql://user:password@host:port/database?option=value``, with libpq's options
        (``sslmode``, ``sslrootcert``, ``target_session_attrs``, …) and one of our own,
        ``statement_cache_size``. Raise `AddressInvalid`.
        """
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise AddressInvalid("Begin it with postgresql://")
        options = parse_qsl(parts.query, keep_blank_values=True)
        own = {name: value for name, value in options if name in _OWN_OPTIONS}
        theirs = [(name, value) for name, value in options if name not in own]
        known = {name for name, _ in theirs}
        if "target_session_attrs" not in known:  # of several hosts, the one that may be written to
            theirs.append(("target_session_attrs", "read-write"))
        dsn = urlunsplit(("postgresql", parts.netloc, parts.path or "/", urlencode(theirs), ""))
        statements = _number(own, "statement_cache_size", _STATEMENTS)
        settings = {name: value for name, value in _SETTINGS.items() if name not in known}
        return cls(
            dsn,
            pool_size=pool_size,
            statements=statements,
            settings=settings if statements else {},  # a pooler refuses those it does not know
        )


_OWN_OPTIONS: Final = frozenset({"statement_cache_size"})


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or int(text) > _MOST:
        raise AddressInvalid(f"Give {name} as a number from 0 to {_MOST}.")
    return int(text)
