"""The pause after a booking that it was promised. Of earlier ones it is not known: the pool's.

Revision ID: 0041
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pause = sa.Column("pause_s", sa.Integer(), nullable=False, server_default="0")
    op.add_column("bookings", pause)


def downgrade() -> None:
    with op.batch_alter_table("bookings") as batch:
        batch.drop_column("pause_s")
