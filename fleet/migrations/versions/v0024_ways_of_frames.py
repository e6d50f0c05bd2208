"""By which way each frame came to its gateway.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    word = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.add_column("sends", sa.Column("line", word, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("sends", "line")
