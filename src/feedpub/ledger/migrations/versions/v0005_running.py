"""Polls that somebody asked for, and the problems that admins were told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make room for both."""
    op.add_column("store", sa.Column("asked_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "alert",
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("about", name="pk_alert"),
    )
