"""What `doctor` wants to know of a database file. Invariant: nothing in it is changed."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from watchword.adapters.sql.accounts import HAS_ADMIN
from watchword.adapters.sql.migrate import NEWEST, current_revision
from watchword.adapters.sql.sqlite.connections import connect, explain
from watchword.domain.time import SECOND, Instant, Span

_WAIT: Span = 5 * SECOND
_FAULTS = "PRAGMA quick_check(10)"
_SEALED_KEYS = "SELECT kid, sealed FROM signing_keys"
_NEWEST_EVENT = "SELECT MAX(at) FROM audit_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """``revision`` of the schema (None: there is none yet) beside the one of this version, what is
    damaged, and when the last audited event was.
    """

    revision: str | None
    newest_revision: str = NEWEST
    faults: Sequence[str] = ()
    has_admin: bool = False
    last_event_at: Instant | None = None
    sealed_keys: Sequence[tuple[str, bytes]] = ()


def has_signing_keys(path: Path) -> bool:
    """Whether a server has been here before, with a secret of its own."""
    if current_revision(path) is None:
        return False
    connection = connect(path, wait=_WAIT)
    try:
        return connection.execute(_SEALED_KEYS).fetchone() is not None
    except sqlite3.Error as error:
        raise explain(error) from error
    finally:
        connection.close()


def examine(path: Path) -> Examination:
    """Reads the whole file. Raise `StoreFailed` when it cannot be opened, read and locked."""
    revision = current_revision(path)
    if revision is None:
        return Examination(revision=None)
    connection = connect(path, wait=_WAIT)
    try:
        faults = [str(row[0]) for row in connection.execute(_FAULTS) if row[0] != "ok"]
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        if revision != NEWEST:
            return Examination(revision=revision, faults=faults)
        return Examination(
            revision=revision,
            faults=faults,
            has_admin=connection.execute(HAS_ADMIN).fetchone() is not None,
            last_event_at=connection.execute(_NEWEST_EVENT).fetchone()[0],
            sealed_keys=connection.execute(_SEALED_KEYS).fetchall(),
        )
    except sqlite3.Error as error:
        raise explain(error) from error
    finally:
        connection.close()
