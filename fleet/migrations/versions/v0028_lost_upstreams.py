"""What happens to a station's connection when the back end (CSMS) behind the gateway is lost.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("upstream_loss", sa.Text(), nullable=False, server_default="")
    op.add_column("stations", column)


def downgrade() -> None:
    op.drop_column("stations", "upstream_loss")
