"""Waiting for another process that writes to the same file."""

import sqlite3

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.sqlite.connections import explain, is_busy
from watchword.domain.time import Span

_PATIENCE: Span = 10


def ask_for_lock(connection: sqlite3.Connection, wait: Span) -> StoreFailed | None:
    """Begin a transaction that writes, within ``wait`` ms, or tell why there is none.

    Ask often: SQLite's own wait asks ever more rarely, so that a process which is always busy
    would leave the others out for seconds.
    """
    failure: StoreFailed | None = None
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
    for _ in range(max(1, wait // _PATIENCE)):
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            failure = explain(error)
            if not is_busy(error):
                return failure
        else:
            return None
    return failure
