"""Fewer pages for a sign-in to write: tables that are their own key, indexes of what is asked for.

On SQLite a table that is found by its key alone needs no second tree. A live session is not among
the ended ones, and what somebody caused to themselves is found by its subject.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
number = sa.BigInteger()


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _counters()
        _devices()
    _index_only("sessions_by_ending", "sessions", ["ended_at"], where="ended_at IS NOT NULL")
    _index_only(
        "audit_by_actor",
        "audit_events",
        ["actor", "seq"],
        where="actor IS NOT NULL AND (subject IS NULL OR actor <> subject)",
    )


def _counters() -> None:
    key = sa.Column("key", text, primary_key=True)
    _key_by_itself("limits", key, *_required("hits", "resets_at"))
    op.create_index("limits_by_end", "limits", ["resets_at"])
    _key_by_itself(
        "lockouts",
        sa.Column("key", text, primary_key=True),
        *_required("failures", "locks", "consecutive", "locked_until", "last_at"),
    )
    op.create_index("lockouts_by_use", "lockouts", ["last_at"])


def _devices() -> None:
    owner = sa.ForeignKey("users.id", ondelete="CASCADE")
    _key_by_itself(
        "devices",
        sa.Column("user_id", text, owner, primary_key=True),
        sa.Column("device_hash", sa.LargeBinary(), primary_key=True),
        *_required("first_seen_at", "last_seen_at"),
    )
    op.create_index("devices_by_use", "devices", ["last_seen_at"])


def _required(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, number, nullable=False) for name in names]


def _key_by_itself(
    name: str, *columns: "sa.Column[str] | sa.Column[bytes] | sa.Column[int]"
) -> None:
    new = f"{name}_new"
    op.create_table(new, *columns, sqlite_with_rowid=False)
    names = ", ".join(column.name for column in columns)
    op.execute(f"INSERT INTO {new} ({names}) SELECT {names} FROM {name}")  # noqa: S608  constant
    op.drop_table(name)
    op.rename_table(new, name)


def _index_only(name: str, table: str, columns: list[str], *, where: str) -> None:
    condition = sa.text(where)
    op.drop_index(name, table)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
