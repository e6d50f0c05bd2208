"""Ids that nobody can use up: 64 bits for what is counted, numbers of OCPP unique per station.

Revision ID: 0023
Revises: 0022

On PostgreSQL the tables are written anew, under a lock that stops all reading and writing of them
(docs/operating.md says how long). SQLite's integers have 64 bits anyway.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_WIDE = {
    "sends": ("id",),
    "claims": ("send",),
    "transactions": ("id", "epoch"),
    "wire_ids": ("id",),
}
_COUNTED = ("sends", "transactions", "wire_ids")
_RUNNING = sa.text("minted AND state = 'ACTIVE'")


def upgrade() -> None:
    _make("bigint")
    with op.batch_alter_table("reservations") as table:
        table.drop_constraint("uq_reservations_wire_id", type_="unique")
        table.create_unique_constraint(
            op.f("uq_reservations_wire_id_station"), ["wire_id", "station"]
        )
    op.create_index(
        "ix_transactions_minted",
        "transactions",
        ["ocpp_transaction_id"],
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )


def downgrade() -> None:
    op.drop_index("ix_transactions_minted", "transactions")
    with op.batch_alter_table("reservations") as table:
        table.drop_constraint("uq_reservations_wire_id_station", type_="unique")
        table.create_unique_constraint(op.f("uq_reservations_wire_id"), ["wire_id"])
    _make("integer")


def _make(type_: str) -> None:
    """Give the columns this type; all of one table at once, so that it is written once."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in _WIDE.items():
        changes = ", ".join(f"ALTER COLUMN {column} TYPE {type_}" for column in columns)
        op.execute(f"ALTER TABLE {table} {changes}")
    for table in _COUNTED:
        op.execute(f"ALTER SEQUENCE {table}_id_seq AS {type_}")
