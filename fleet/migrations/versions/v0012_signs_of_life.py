"""When a transaction last showed that it runs.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("alive_time", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("transactions", "alive_time")
