"""Connections to one SQLite file, and what its errors mean to people."""

import sqlite3
from pathlib import Path

from watchword.adapters.sql.statements import UniqueViolation
from watchword.domain.errors import Unavailable

# A commit is on the disk before it is answered: FULL also syncs the log in WAL mode.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
    "PRAGMA wal_autocheckpoint = 2000",
)

_REMEDIES = {
    sqlite3.SQLITE_FULL: "The disk is full: make room, nothing that was confirmed is lost.",
    sqlite3.SQLITE_READONLY: "The database file is read-only: give the service write access.",
    sqlite3.SQLITE_BUSY: "The database is locked by another program: close it.",
    sqlite3.SQLITE_LOCKED: "The database is locked by another program: close it.",
    sqlite3.SQLITE_CANTOPEN: "The database file cannot be opened: check the folder's permissions.",
    sqlite3.SQLITE_IOERR: "The disk reported an error: check it.",
    sqlite3.SQLITE_CORRUPT: "The database file is damaged: restore a backup.",
    sqlite3.SQLITE_NOTADB: "The database file is not a SQLite database: check its path.",
}


class StoreFailed(Unavailable):
    """The database refused; ``remedy`` is for the operator's log, never for a client."""

    def __init__(self, remedy: str) -> None:
        super().__init__()
        self.remedy = remedy

    def __str__(self) -> str:
        return self.remedy


def explain(error: sqlite3.Error) -> StoreFailed:
    """What an operator should do about ``error``."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return StoreFailed(_REMEDIES.get(code, f"The database failed ({type(error).__name__})."))


def translate(error: sqlite3.Error) -> Exception:
    """Library errors become ours: a taken key, or a store that cannot answer."""
    if isinstance(error, sqlite3.IntegrityError):
        return UniqueViolation() if "UNIQUE" in str(error) else error
    return explain(error)


def connect(path: Path, *, read_only: bool = False, wait: float = 0.0) -> sqlite3.Connection:
    """A connection in autocommit; ``wait`` is how many seconds to wait for a lock."""
    try:
        connection = sqlite3.connect(
            path, timeout=wait, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise translate(error) from error
    return connection
