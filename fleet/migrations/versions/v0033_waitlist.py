"""The waiting lists of pools, and series of bookings.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, _name(255), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "booking_series",
        *(_id("tenant"), _id("name"), _id("pool")),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_booking_series")),
    )
    op.create_table(
        "waitlist_entries",
        *(_id("tenant"), _id("name"), _id("pool")),
        sa.Column("state", _name(64), server_default="", nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(_time("start_time"), _time("end_time"), _time("due_time", nullable=True)),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_waitlist_entries")),
    )
    op.create_index(
        "ix_waitlist_entries_tenant_pool_state", "waitlist_entries", ["tenant", "pool", "state"]
    )
    op.create_index("ix_waitlist_entries_due_time", "waitlist_entries", ["due_time"])


def downgrade() -> None:
    for table in ("waitlist_entries", "booking_series"):
        op.drop_table(table)
