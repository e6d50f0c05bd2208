"""How often a living socket of a station was displaced, and its quarantine.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("displaced_times", sa.Text(), nullable=True))
    op.add_column("connections", sa.Column("quarantine_end", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("connections", "quarantine_end")
    op.drop_column("connections", "displaced_times")
