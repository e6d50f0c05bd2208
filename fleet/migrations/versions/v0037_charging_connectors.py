"""When a connector last began to be shown as one with a session.

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connectors", sa.Column("charging_time", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("connectors", "charging_time")
