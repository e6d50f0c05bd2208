"""Reservations, the facts that prove a restart, and wake-ups that start a workflow.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _word(name: str, limit: int = 64) -> "sa.Column[str]":
    return sa.Column(name, _name(limit), server_default="", nullable=False)


def upgrade() -> None:
    op.add_column("stations", _word("boot_reason"))
    op.add_column("stations", _word("boot_connection_id", 500))
    op.add_column("connectors", sa.Column("reported_time", sa.BigInteger(), nullable=True))
    op.add_column("connections", sa.Column("disconnected_time", sa.BigInteger(), nullable=True))
    op.add_column("wakeups", sa.Column("start", sa.Text(), nullable=True))
    _wire_ids()
    _reservations()
    _reservation_reports()
    op.create_index(
        "ix_transactions_reservation",
        "transactions",
        ["station", "reservation_id"],
        sqlite_where=sa.text("reservation_id IS NOT NULL"),
        postgresql_where=sa.text("reservation_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_transactions_reservation", "transactions")
    op.drop_table("reservation_reports")
    op.drop_table("reservations")
    op.drop_table("wire_ids")
    op.drop_column("wakeups", "start")
    op.drop_column("connections", "disconnected_time")
    op.drop_column("connectors", "reported_time")
    op.drop_column("stations", "boot_connection_id")
    op.drop_column("stations", "boot_reason")


def _wire_ids() -> None:
    op.create_table(
        "wire_ids",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("reservation", _name(255), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wire_ids")),
        sa.UniqueConstraint("tenant", "reservation", name=op.f("uq_wire_ids_tenant_reservation")),
        sqlite_autoincrement=True,
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("name", _name(255), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        sa.Column("key", _name(255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("station", _name(255), nullable=False),
        _word("kind"),
        _word("state"),
        _word("outcome_code"),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        _word("workflow_id", 500),
        sa.Column("wire_id", sa.Integer(), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=True),
        sa.Column("command", _name(255), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_reservations")),
        sa.UniqueConstraint("wire_id", name=op.f("uq_reservations_wire_id")),
    )
    of_tenant = ["tenant", "create_time", "name"]
    op.create_index("ix_reservations_page", "reservations", of_tenant)
    of_station = ["tenant", "station", "create_time", "name"]
    op.create_index("ix_reservations_station_page", "reservations", of_station)
    op.create_index("ix_reservations_station_end_time", "reservations", ["station", "end_time"])
    op.create_index(
        "ix_reservations_open",
        "reservations",
        ["station", "create_time"],
        sqlite_where=sa.text("end_time IS NULL"),
        postgresql_where=sa.text("end_time IS NULL"),
    )


def _reservation_reports() -> None:
    op.create_table(
        "reservation_reports",
        sa.Column("station", _name(255), nullable=False),
        sa.Column("wire_id", sa.Integer(), autoincrement=False, nullable=False),
        _word("status"),
        sa.Column("received_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("station", "wire_id", name=op.f("pk_reservation_reports")),
    )
