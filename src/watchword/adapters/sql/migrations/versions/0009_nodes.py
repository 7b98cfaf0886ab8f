"""The nodes that may believe what they remember: who ends a session strictly waits for each."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("name", text, primary_key=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("backend", "bound", "is_leaving")
        ),
    )
