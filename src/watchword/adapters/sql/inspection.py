"""What is damaged in a database file. Invariant: nothing in it is changed."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from watchword.adapters.sql.sqlite.connections import connect, explain
from watchword.domain.time import SECOND, Span

_WAIT: Span = 5 * SECOND
_FAULTS = "PRAGMA quick_check(10)"


def find_faults(path: Path) -> Sequence[str]:
    """Reads the whole file. Raise `StoreFailed` when it cannot be opened, read and locked."""
    connection = connect(path, wait=_WAIT)
    try:
        faults = [str(row[0]) for row in connection.execute(_FAULTS) if row[0] != "ok"]
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise explain(error) from error
    finally:
        connection.close()
    return faults
