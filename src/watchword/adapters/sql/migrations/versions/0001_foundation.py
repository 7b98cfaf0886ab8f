"""Accounts, sessions, links, devices, keys, limits, lockouts, changes and the audit log."""

from typing import TypeVar

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# PostgreSQL puts the next version of a row on the same page, without touching its indexes.
_ROOM = {"fillfactor": 70}
Kept = TypeVar("Kept")
# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
words = sa.Text()  # searched without regard to case, by the rules of the database
number, blob = sa.BigInteger(), sa.LargeBinary()


def _required(name: str, kind: "sa.types.TypeEngine[Kept]") -> sa.Column[Kept]:
    return sa.Column(name, kind, nullable=False)


def _owner() -> sa.Column[str]:
    return sa.Column("user_id", text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def _counter(name: str) -> sa.Column[int]:
    """SQLite only counts on from the highest number ever given for an AUTOINCREMENT key."""
    kind = number.with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, primary_key=True, autoincrement=True)


def upgrade() -> None:
    _accounts()
    _sessions()
    _credentials()
    _counters()
    _records()


def _accounts() -> None:
    op.create_table(
        "users",
        sa.Column("id", text, primary_key=True),
        _required("email", words),
        sa.Column("email_key", text, nullable=False, unique=True),
        _required("name", words),
        _required("role", text),
        _required("status", text),
        _required("email_verified", number),
        _required("mfa_enabled", number),
        sa.Column("password_hash", text),
        _required("created_at", number),
    )
    op.create_index("users_by_role", "users", ["role", "status"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", text, primary_key=True),
        _owner(),
        _required("transport", text),
        _required("generation", number),
        _required("proof", number),
        _required("salt", blob),
        _required("rotated_at", number),
        _required("created_at", number),
        _required("last_seen_at", number),
        _required("idle_ttl", number),
        _required("idle_expires_at", number),
        _required("expires_at", number),
        _required("authenticated_at", number),
        _required("amr", text),
        _required("ip", text),
        _required("user_agent", text),
        _required("remembered", number),
        sa.Column("ended_at", number),
        sa.Column("ended_reason", text),
        postgresql_with=_ROOM,
    )
    op.create_index("sessions_by_user", "sessions", ["user_id", "ended_at", "created_at"])
    op.create_index("sessions_by_end", "sessions", ["expires_at"])
    op.create_index("sessions_by_ending", "sessions", ["ended_at"])


def _credentials() -> None:
    op.create_table(
        "links",
        sa.Column("token_hash", blob, primary_key=True),
        _required("purpose", text),
        _required("user_id", text),
        _required("created_at", number),
        _required("expires_at", number),
    )
    op.create_index("links_by_user", "links", ["user_id", "purpose"])
    op.create_index("links_by_end", "links", ["expires_at"])
    op.create_table(
        "devices",
        _owner(),
        _required("device_hash", blob),
        _required("first_seen_at", number),
        _required("last_seen_at", number),
        sa.PrimaryKeyConstraint("user_id", "device_hash"),
    )
    op.create_index("devices_by_use", "devices", ["last_seen_at"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", text, primary_key=True),
        _required("algorithm", text),
        _required("sealed", blob),
        _required("created_at", number),
        sa.Column("activated_at", number),
        sa.Column("retires_at", number),
    )


def _counters() -> None:
    op.create_table(
        "limits",
        sa.Column("key", text, primary_key=True),
        _required("hits", number),
        _required("resets_at", number),
        postgresql_with=_ROOM,
    )
    op.create_index("limits_by_end", "limits", ["resets_at"])
    op.create_table(
        "lockouts",
        sa.Column("key", text, primary_key=True),
        _required("failures", number),
        _required("locks", number),
        _required("consecutive", number),
        _required("locked_until", number),
        _required("last_at", number),
    )
    op.create_index("lockouts_by_use", "lockouts", ["last_at"])


def _records() -> None:
    op.create_table(
        "changes",
        _counter("seq"),
        _required("topic", text),
        _required("subject", text),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_events",
        _counter("seq"),
        _required("at", number),
        _required("type", text),
        sa.Column("subject", text),
        sa.Column("actor", text),
        sa.Column("session", text),
        _required("request_id", text),
        _required("ip", text),
        _required("user_agent", text),
        _required("details", text),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_subject", "audit_events", ["subject", "seq"])
    op.create_index("audit_by_actor", "audit_events", ["actor", "seq"])
    op.create_index("audit_by_type", "audit_events", ["type", "seq"])
    op.create_index("audit_by_time", "audit_events", ["at"])
