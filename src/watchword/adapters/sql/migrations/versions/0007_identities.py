"""Accounts elsewhere that lead to an account here; each issuer and subject to one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
number = sa.BigInteger()


def upgrade() -> None:
    owner = sa.ForeignKey("users.id", ondelete="CASCADE")
    op.create_table(
        "identities",
        sa.Column("issuer", text, nullable=False),
        sa.Column("subject", text, nullable=False),
        sa.Column("user_id", text, owner, nullable=False),
        sa.Column("provider", text, nullable=False),
        sa.Column("address", text, nullable=False),
        sa.Column("address_proven", number, nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("last_used_at", number, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("identities_by_user", "identities", ["user_id", "created_at"])
