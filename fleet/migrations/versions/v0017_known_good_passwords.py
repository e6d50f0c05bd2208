"""A digest of the chosen password that a station has used.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stations", sa.Column("known_good_password", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("stations", "known_good_password")
