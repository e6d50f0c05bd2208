"""An index by which a gateway finds the live bookings of a pool.

Revision ID: 0034
Revises: 0033
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_bookings_tenant_pool_state_start_time",
        "bookings",
        ["tenant", "pool", "state", "start_time"],
    )


def downgrade() -> None:
    op.drop_index("ix_bookings_tenant_pool_state_start_time", "bookings")
