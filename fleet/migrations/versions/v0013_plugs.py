"""When the connector of a running session was shown as free, and how exactly its start is known.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("freed_time", sa.BigInteger(), nullable=True))
    op.add_column("transactions", sa.Column("start_slack_s", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("transactions", "start_slack_s")
    op.drop_column("transactions", "freed_time")
