"""Connections to one SQLite file, and what its errors mean to people."""

import sqlite3
from pathlib import Path

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.statements import UniqueViolation
from watchword.domain.time import SECOND, Span

# A commit is on the disk before it is answered: FULL also syncs the log in WAL mode.
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -4096",
    "PRAGMA wal_autocheckpoint = 2000",
)
_SETUP_WAIT: Span = 5 * SECOND
_SWITCH_ATTEMPTS = 20

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


def explain(error: sqlite3.Error) -> StoreFailed:
    """What an operator should do about ``error``."""
    return StoreFailed(_REMEDIES.get(_code(error), f"The database failed ({error})."))


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection is in the way, so that trying again may help."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def translate(error: sqlite3.Error) -> Exception:
    """Library errors become ours: a taken key, or a store that cannot answer."""
    if isinstance(error, sqlite3.IntegrityError):
        return UniqueViolation() if "UNIQUE" in str(error) else error
    return explain(error)


def connect(path: Path, *, read_only: bool = False, wait: Span = 0) -> sqlite3.Connection:
    """A connection in autocommit; each statement waits ``wait`` ms for a lock. The file must be
    there: `migrate` makes it, so that a wrong path is not a new, empty database.
    """
    connection = None
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_SETUP_WAIT / SECOND,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        _use_write_ahead_log(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        connection.execute(f"PRAGMA busy_timeout = {wait}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise explain(error) from error
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for another connection that is switching as well: take the write lock
    and give it back, which does wait, then try again.
    """
    for _ in range(_SWITCH_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")
