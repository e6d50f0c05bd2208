"""Pools of EVSEs, policies of bookings, and bookings.

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
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
        "booking_policies",
        *(_id("tenant"), _id("name")),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        _time("create_time"),
        sa.PrimaryKeyConstraint("tenant", "name", "revision", name=op.f("pk_booking_policies")),
    )
    op.create_table(
        "pools",
        *(_id("tenant"), _id("name")),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(_time("create_time"), _time("update_time")),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_pools")),
    )
    op.create_table(
        "pool_members",
        *(_id("tenant"), _id("pool"), _id("station")),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("tenant", "pool", "station", "evse_id"), name=op.f("pk_pool_members")
        ),
        sa.UniqueConstraint(
            *("tenant", "station", "evse_id"), name=op.f("uq_pool_members_tenant_station_evse_id")
        ),
    )
    op.create_table(
        "bookings",
        *(_id("tenant"), _id("name"), _id("pool")),
        sa.Column("state", _name(64), server_default="", nullable=False),
        _id("place"),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(_time("start_time"), _time("end_time"), _time("due_time", nullable=True)),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_bookings")),
    )
    op.create_index(
        "ix_bookings_tenant_pool_start_time", "bookings", ["tenant", "pool", "start_time"]
    )
    op.create_index(
        "ix_bookings_tenant_start_time_name", "bookings", ["tenant", "start_time", "name"]
    )
    op.create_index("ix_bookings_due_time", "bookings", ["due_time"])


def downgrade() -> None:
    for table in ("bookings", "pool_members", "pools", "booking_policies"):
        op.drop_table(table)
