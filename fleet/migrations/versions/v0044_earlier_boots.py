"""On which socket a station's boot before its latest one came.

Revision ID: 0044
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "stations",
        sa.Column("earlier_boot_connection_id", sa.Text(), nullable=False, server_default=""),
    )


def downgrade() -> None:
    op.drop_column("stations", "earlier_boot_connection_id")
