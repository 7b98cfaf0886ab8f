"""Second factors: an app that makes codes, codes for when it is lost, devices that are trusted."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does.
text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
number, blob = sa.BigInteger(), sa.LargeBinary()


def upgrade() -> None:
    op.create_table(
        "totp",
        _owner(),
        sa.Column("sealed_secret", blob, nullable=False),
        sa.Column("last_step", number, nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("confirmed_at", number),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recovery_codes",
        _owner(),
        sa.Column("code_hash", blob, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.add_column("devices", sa.Column("trusted_until", number))


def _owner() -> sa.Column[str]:
    owner = sa.ForeignKey("users.id", ondelete="CASCADE")
    return sa.Column("user_id", text, owner, primary_key=True)
