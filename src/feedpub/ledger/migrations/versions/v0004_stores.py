"""Which kind of store each one was last, so that one of another kind is known to be another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make room for it. What is there already is taken for what the config says."""
    op.add_column("store", sa.Column("kind", sa.String(), nullable=True))
    op.add_column("store", sa.Column("news_since", sa.BigInteger(), nullable=True))
