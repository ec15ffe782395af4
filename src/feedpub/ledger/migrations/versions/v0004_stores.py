"""Which kind of store gave each cursor, so that one of another kind is known to be another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make room for it. Whatever is there was read from the embedded store: there was no other kind."""
    op.add_column("store", sa.Column("kind", sa.String(), nullable=True))
    op.execute("UPDATE store SET kind = 'sql' WHERE cursor IS NOT NULL")
    op.add_column("store", sa.Column("news_since", sa.BigInteger(), nullable=True))
