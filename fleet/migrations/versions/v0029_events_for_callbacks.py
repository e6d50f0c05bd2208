"""Events for callbacks: who chose them, how far each log was read for them, and their deliveries.

Also when a connector last changed in any way: its state or its error.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, _name(255), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    op.add_column("connectors", _time("changed_time", nullable=True))
    op.add_column("callback_endpoints", sa.Column("event_types", sa.Text(), nullable=True))
    op.add_column("callback_endpoints", sa.Column("station_groups", sa.Text(), nullable=True))
    op.create_table(
        "event_feeds",
        *(_id("tenant"), _id("caller")),
        sa.Column("log", _name(64), server_default="", nullable=False),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "caller", "log", name=op.f("pk_event_feeds")),
    )
    op.create_table(
        "event_deliveries",
        *(_id(name) for name in ("tenant", "id", "thread")),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        _id("caller"),
        sa.Column("subject", _name(64), server_default="", nullable=False),
        *(_id("resource"), _id("station")),
        sa.Column("news", _name(64), server_default="", nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        _time("change_time"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", _name(64), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cause", _name(64), server_default="", nullable=False),
        sa.Column("reason", _name(500), server_default="", nullable=False),
        sa.Column("http_status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        *(_time("create_time"), _time("update_time")),
        *(_time("next_time", nullable=True), _time("resend_time", nullable=True)),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_event_deliveries")),
        sa.UniqueConstraint(
            *("tenant", "thread", "sequence"),
            name=op.f("uq_event_deliveries_tenant_thread_sequence"),
        ),
    )
    for index, *columns in (
        ("ix_event_deliveries_page", "tenant", "create_time", "id"),
        ("ix_event_deliveries_state_page", "tenant", "state", "create_time", "id"),
        ("ix_event_deliveries_resource_page", "tenant", "resource", "create_time", "id"),
    ):
        op.create_index(index, "event_deliveries", columns)


def downgrade() -> None:
    op.drop_table("event_deliveries")
    op.drop_table("event_feeds")
    op.drop_column("callback_endpoints", "station_groups")
    op.drop_column("callback_endpoints", "event_types")
    op.drop_column("connectors", "changed_time")
