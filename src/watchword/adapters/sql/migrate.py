"""Brings a database up to this version's schema; Alembic is loaded only when there is work."""

import sqlite3
from pathlib import Path

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.sqlite.connections import connect, explain
from watchword.domain.time import MINUTE, SECOND

NEWEST = "0011"
FOLDER = Path(__file__).parent / "migrations"


class SchemaTooNew(StoreFailed):
    """A newer version of Watchword has migrated this database."""


def require_known(revision: str | None) -> None:
    """Raise `SchemaTooNew` for one that comes after `NEWEST`."""
    if revision is not None and revision > NEWEST:
        raise SchemaTooNew(
            f"The database has schema {revision}, this version knows {NEWEST}: install the newer"
            " version of Watchword again, or restore a backup."
        )


def current_revision(path: Path) -> str | None:
    """None for a file that is not there yet, or empty."""
    if not path.exists():
        return None
    connection = connect(path, wait=5 * SECOND)
    try:
        rows = connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchall()
        if not rows:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])
    except sqlite3.Error as error:
        raise explain(error) from error
    finally:
        connection.close()


def migrate(path: Path) -> bool:
    """True when there was something to do. Several processes may call it at once: one works, the
    others wait for the write lock and then find it done.
    """
    revision = current_revision(path)
    if revision == NEWEST:
        return False
    require_known(revision)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreFailed(f"The database file cannot be made ({error.strerror}).") from error
    connection = connect(path, wait=MINUTE)
    try:
        upgrade(connection, "head")
    finally:
        connection.close()
    return True


def upgrade(raw: sqlite3.Connection, revision: str) -> None:
    """All or nothing, on this connection."""
    from alembic import command  # lazy: half a second that only a migration needs
    from alembic.config import Config  # lazy: as above
    from sqlalchemy import create_engine  # lazy: as above
    from sqlalchemy.exc import DBAPIError  # lazy: as above
    from sqlalchemy.pool import StaticPool  # lazy: as above

    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.exec_driver_sql("COMMIT")
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise explain(error.orig) from error
        raise
