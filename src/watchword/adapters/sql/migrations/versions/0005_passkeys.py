"""Passkeys, each of one user; no two with the same credential id."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
number, blob = sa.BigInteger(), sa.LargeBinary()


def upgrade() -> None:
    owner = sa.ForeignKey("users.id", ondelete="CASCADE")
    op.create_table(
        "passkeys",
        sa.Column("id", text, primary_key=True),
        sa.Column("user_id", text, owner, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("credential_id", blob, nullable=False, unique=True),
        sa.Column("public_key", blob, nullable=False),
        sa.Column("sign_count", number, nullable=False),
        sa.Column("aaguid", text, nullable=False),
        sa.Column("transports", text, nullable=False),
        sa.Column("backup_eligible", number, nullable=False),
        sa.Column("backed_up", number, nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("last_used_at", number),
    )
    op.create_index("passkeys_by_user", "passkeys", ["user_id", "created_at"])
