"""Letters that wait to be sent, and what a link is bound to: an address, a browser."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
number = sa.BigInteger()


def upgrade() -> None:
    op.add_column("links", sa.Column("address", text, nullable=False, server_default=""))
    op.add_column("links", sa.Column("binding", sa.LargeBinary()))
    op.add_column("links", sa.Column("detail", text, nullable=False, server_default=""))
    op.create_table(
        "letters",
        sa.Column("id", text, primary_key=True),
        sa.Column("reason", text, nullable=False),
        sa.Column("address", text, nullable=False),
        sa.Column("user_id", text, nullable=False),
        sa.Column("ip", text, nullable=False),
        sa.Column("user_agent", text, nullable=False),
        sa.Column("detail", text, nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("due_at", number, nullable=False),
        sa.Column("attempts", number, nullable=False),
    )
    op.create_index("letters_by_due", "letters", ["due_at"])
    op.create_index("letters_by_user", "letters", ["user_id"])
