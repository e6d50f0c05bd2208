"""Where a gateway takes frames directly.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _text() -> sa.String:
    """Compared byte by byte in PostgreSQL too."""
    return sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("gateways", sa.Column("line", _text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("gateways", "line")
