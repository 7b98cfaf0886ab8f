"""Brings a database up to this version's schema; Alembic is loaded only when there is work."""

import sqlite3
from pathlib import Path

from watchword.adapters.sql.sqlite.connections import StoreFailed, connect, explain

NEWEST = "0001"
_FOLDER = Path(__file__).parent / "migrations"


class SchemaTooNew(StoreFailed):
    """A newer version of Watchword has migrated this database."""


def current_revision(path: Path) -> str | None:
    """None for a file that is not there yet, or empty."""
    if not path.exists():
        return None
    connection = connect(path, wait=5.0)
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
    """True when something was done. Several processes may call it at once: one works, the
    others wait for the write lock and then find nothing to do."""
    revision = current_revision(path)
    if revision == NEWEST:
        return False
    if revision is not None and revision > NEWEST:
        raise SchemaTooNew(
            f"The database has schema {revision}, this version knows {NEWEST}: install the newer"
            " version of Watchword again, or restore a backup."
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    connection = connect(path, wait=60.0)
    try:
        _upgrade(connection)
    except sqlite3.Error as error:
        raise explain(error) from error
    finally:
        connection.close()
    return True


def _upgrade(raw: sqlite3.Connection) -> None:
    from alembic import command  # lazy: half a second that only a migration needs
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.exec_driver_sql("COMMIT")
