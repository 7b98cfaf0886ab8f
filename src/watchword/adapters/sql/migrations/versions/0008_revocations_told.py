"""When each change was noted, and from which proof on a session goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

number = sa.BigInteger()


def upgrade() -> None:
    for name in ("at", "proof"):
        op.add_column("changes", sa.Column(name, number, nullable=False, server_default="0"))
    # Each came with an audit event in one transaction, so none is younger than the newest of them.
    op.execute("UPDATE changes SET at = (SELECT COALESCE(MAX(at), 0) FROM audit_events)")
    op.create_index("changes_by_time", "changes", ["at"])
