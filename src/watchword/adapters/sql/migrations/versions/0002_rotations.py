"""When a session rotated before its last rotation, so that who was overtaken is no thief."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("rotated_before", sa.Text(), nullable=False, server_default="")
    op.add_column("sessions", column)
