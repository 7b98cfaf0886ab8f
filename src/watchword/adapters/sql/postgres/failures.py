"""What PostgreSQL's errors mean to people. Invariant: no text has anything of an address."""

from collections.abc import Mapping
from typing import Final

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.postgres.driver import CLASHES, PostgresError, Unique
from watchword.adapters.sql.statements import UniqueViolation

_UNREACHABLE: Final = "The database cannot be reached: see that it runs and that its address holds."
_SLOW: Final = "The database did not answer in time."
_STOPPED: Final = "The database was stopped or is starting: it is tried again."
_CLASHED: Final = "The transaction met others: nothing of it has happened, try again."
_NOT_LET_IN: Final = "The database does not let us in: check user, password and pg_hba.conf."
_READ_ONLY: Final = "The database is read-only: a standby, or one that was told so."
_IS_STANDBY, _CANCELLED, _GOING = "25006", "57014", frozenset({"08", "57", "58"})
# By SQLSTATE, or its first two characters (PostgreSQL, appendix A).
_REMEDIES: Final[Mapping[str, str]] = {
    "08": _UNREACHABLE,
    "25006": _READ_ONLY,
    "25P02": "The transaction is over: a statement in it had failed.",
    "25P03": "The transaction was idle for too long, and is over.",
    "28": _NOT_LET_IN,
    "3D000": "There is no such database: create it first.",
    "3F000": "There is no such schema: create it first.",
    "42501": "The database forbids it: grant our user the tables of its schema.",
    "42P01": "The tables are not there: run `watchword migrate`.",
    "53100": "The database's disk is full: make room, nothing that was confirmed is lost.",
    "53200": "The database is out of memory.",
    "53300": "The database takes no more connections: raise its max_connections, or lower"
    " WATCHWORD_DATABASE_POOL.",
    "55P03": _SLOW,
    "57014": _SLOW,
    "57P": _STOPPED,
    "58": "The database's machine reported an error: check its disk.",
    "XX": "The database reported that it is damaged: see its log.",
}


class Clashed(StoreFailed):
    """Others were in the way: nothing of it has happened, and it may be tried again."""


def explain(error: Exception) -> StoreFailed:
    """What an operator should do about ``error``, one of `driver.FAILURES`."""
    if isinstance(error, CLASHES):
        return Clashed(_CLASHED)
    if isinstance(error, PostgresError):
        state = str(getattr(error, "sqlstate", None) or "")
        for length in (5, 3, 2):
            if state[:length] in _REMEDIES:
                return StoreFailed(_REMEDIES[state[:length]])
        # Of a statement that does not fit the schema; the text of others may hold what is stored.
        told = f": {error.args[0]}" if state.startswith("42") else ""
        return StoreFailed(f"The database failed ({type(error).__name__}, {state}{told}).")
    if isinstance(error, TimeoutError):
        return StoreFailed(_SLOW)
    if type(error).__name__ == "TargetServerAttributeNotMatched":
        return StoreFailed(_READ_ONLY)
    return StoreFailed(_UNREACHABLE)


def is_gone(error: Exception) -> bool:
    """Whether the connection is of no use any more, and those that were opened with it neither."""
    if not isinstance(error, PostgresError):
        return not isinstance(error, TimeoutError)
    state = str(getattr(error, "sqlstate", None) or "")
    return state == _IS_STANDBY or (state[:2] in _GOING and state != _CANCELLED)


def translate(error: Exception) -> Exception:
    """The driver's errors become ours: a taken key, or a store that cannot answer."""
    return UniqueViolation() if isinstance(error, Unique) else explain(error)
