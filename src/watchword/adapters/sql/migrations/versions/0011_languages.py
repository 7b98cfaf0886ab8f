"""The language that a letter is written in; nodes of a former version leave it to the default."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("letters", sa.Column("language", text, nullable=False, server_default=""))
