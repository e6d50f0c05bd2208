"""What was said about tokens within a session, and the mask of the token that a frame carries.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    masked = sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")
    op.add_column("transactions", sa.Column("judged", sa.Text(), nullable=True))
    op.add_column("sends", sa.Column("token_masked", masked, server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("sends", "token_masked")
    op.drop_column("transactions", "judged")
