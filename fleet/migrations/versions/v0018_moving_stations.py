"""When a gateway that drained closed a station's socket.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("moved_time", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("connections", "moved_time")
