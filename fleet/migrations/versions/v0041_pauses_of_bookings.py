"""The pause after a booking that it was promised, and how old entries of waiting lists are found.

Of earlier bookings the pause is not known: it is the pool's.

Revision ID: 0041
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0038"
branch_labels = None
depends_on = None

_OLD = "ix_waitlist_entries_tenant_start_time_name"


def upgrade() -> None:
    pause = sa.Column("pause_s", sa.Integer(), nullable=False, server_default="0")
    op.add_column("bookings", pause)
    op.create_index(_OLD, "waitlist_entries", ["tenant", "start_time", "name"])


def downgrade() -> None:
    op.drop_index(_OLD, "waitlist_entries")
    with op.batch_alter_table("bookings") as batch:
        batch.drop_column("pause_s")
