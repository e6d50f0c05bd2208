"""The operator's own labels of a station.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stations", sa.Column("labels", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("stations", "labels")
