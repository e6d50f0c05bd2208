"""The cause and the time of a command's outcome, for reports; changes of stations and sessions.

Also an index by which the sessions that run are found among all others.

Commands that were written before have neither: reports count them without. To fill them in would
read and write every command while the processes wait.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("commands", sa.Column("outcome_cause", _name(64), nullable=True))
    op.add_column("commands", sa.Column("outcome_time", sa.BigInteger(), nullable=True))
    op.add_column(
        "gateways",
        sa.Column("told_lost", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_table(
        "station_changes",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("station", _name(255), nullable=False),
        sa.Column("session", _name(255), nullable=True),
        sa.Column("what", _name(64), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_station_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_station_changes_tenant_tx_id_seq", "station_changes", ["tenant", "tx_id", "seq"]
    )
    op.create_index("ix_station_changes_station_tx_id", "station_changes", ["station", "tx_id"])
    is_active = sa.text("state = 'ACTIVE'")
    op.create_index(
        "ix_transactions_active_page",
        "transactions",
        ["tenant", "received_time", "name"],
        sqlite_where=is_active,
        postgresql_where=is_active,
    )


def downgrade() -> None:
    op.drop_index("ix_transactions_active_page", "transactions")
    op.drop_table("station_changes")
    op.drop_column("gateways", "told_lost")
    op.drop_column("commands", "outcome_time")
    op.drop_column("commands", "outcome_cause")
