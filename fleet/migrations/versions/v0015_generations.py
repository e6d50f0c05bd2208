"""The generation of a station.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _text() -> sa.String:
    """Compared byte by byte in PostgreSQL too."""
    return sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("stations", sa.Column("generation", _text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("stations", "generation")
