"""Brings a PostgreSQL database up to this version's schema, in one transaction.

Alembic writes the migrations out as a script, and the driver that everything else runs on runs it:
no second driver, and all or nothing.
"""

import io
from typing import Final

from watchword.adapters.sql.failures import StoreFailed
from watchword.adapters.sql.migrate import FOLDER, NEWEST, require_known
from watchword.adapters.sql.postgres.address import Address
from watchword.adapters.sql.postgres.driver import FAILURES, Connection, connect
from watchword.adapters.sql.postgres.failures import explain
from watchword.domain.time import MINUTE, SECOND, Span

_PATIENCE: Final[Span] = 10 * MINUTE
_LOCK: Final = 0x77617463_68776F00  # "watchword" in bytes
_BEGIN: Final = f"""
BEGIN;
SET LOCAL statement_timeout = {_PATIENCE};
SET LOCAL idle_in_transaction_session_timeout = {_PATIENCE};
SELECT pg_advisory_xact_lock({_LOCK});
"""
# A question to the catalogue: `to_regclass` would answer by what was so before we had to wait.
_IS_THERE: Final = """
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables
    WHERE tablename = 'alembic_version' AND schemaname = ANY (current_schemas(false)))
"""
_REVISION: Final = "SELECT version_num FROM alembic_version"


async def current_revision(address: Address) -> str | None:
    """None for a database without tables. Raise `StoreFailed`."""
    connection = await _connected(address)
    try:
        return await _revision(connection)
    except FAILURES as error:
        raise explain(error) from None
    finally:
        connection.terminate()


async def migrate(address: Address, *, to: str = NEWEST) -> bool:
    """True when there was something to do. Several nodes may call it at once: one works, the
    others wait and then find it done. Raise `SchemaTooNew`, `StoreFailed`.
    """
    connection = await _connected(address)
    try:
        revision = await _revision(connection)
        if revision == to:
            return False
        require_known(revision)
        await connection.execute(_BEGIN, timeout=_PATIENCE / SECOND)
        revision = await _revision(connection)
        require_known(revision)
        if revision == to:
            return False
        await connection.execute(_script(revision, to), timeout=_PATIENCE / SECOND)
        tag = await connection.execute("COMMIT")
    except FAILURES as error:
        raise explain(error) from None
    finally:
        connection.terminate()
    if tag != "COMMIT":
        raise StoreFailed("The database rolled the migration back.")
    return True


async def _connected(address: Address) -> Connection:
    try:
        return await connect(address)
    except FAILURES as error:
        raise explain(error) from None


async def _revision(connection: Connection) -> str | None:
    (is_there,) = (await connection.fetch(_IS_THERE))[0]
    if not is_there:
        return None
    rows = await connection.fetch(_REVISION)
    return str(rows[0][0]) if rows else None


def _script(revision: str | None, to: str) -> str:
    from alembic import command  # lazy: half a second that only a migration needs
    from alembic.config import Config  # lazy: as above

    script = io.StringIO()
    config = Config(output_buffer=script)
    config.set_main_option("script_location", str(FOLDER))
    command.upgrade(config, f"{revision or 'base'}:{to}", sql=True)
    return script.getvalue()
