"""Sends of ended commands that late evidence begins anew.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sends", sa.Column("watched_until", sa.BigInteger(), nullable=True))
