"""What is spent; other posts of a subject, and a person's own words for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make room for what networks charge, and for more than one post of a subject."""
    op.create_table(
        "spent",
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target", "month", name="pk_spent"),
    )
    op.add_column("delivery", sa.Column("also", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("delivery", sa.Column("words", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_delivery_target_said_at", "delivery", ["target", "said_at"])
