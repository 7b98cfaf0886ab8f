"""A part of a transaction that can be undone alone."""

import sqlite3
from contextlib import suppress
from types import TracebackType
from typing import Final

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.sqlite.connections import explain

ROLLED_BACK: Final = "A failed write rolled back everything that was not committed yet."


class Savepoint:
    """Begun when it is made, raising `StoreFailed`; as a block it is undone when that raises."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        try:
            connection.execute("SAVEPOINT turn")
        except sqlite3.Error as error:
            raise explain(error) from error

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        reason = self.end(undo=kind is not None)
        if reason is not None and error is None:
            raise reason

    def end(self, *, undo: bool) -> StoreFailed | None:
        """Why what was done did not stay, if it did not."""
        connection = self._connection
        if not connection.in_transaction:
            return StoreFailed(ROLLED_BACK)
        try:
            if undo:
                connection.execute("ROLLBACK TO turn")
            connection.execute("RELEASE turn")
        except sqlite3.Error as failure:
            with suppress(sqlite3.Error):  # what could not be undone alone is undone with the rest
                connection.execute("ROLLBACK")
            return explain(failure)
        return None
