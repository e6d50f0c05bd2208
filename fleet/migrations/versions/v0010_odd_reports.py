"""What stations reported and nobody could take, and what was mended in their messages.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "untaken_reports",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("station", _name(255), nullable=False),
        sa.Column("key", _name(255), nullable=False),
        sa.Column("action", _name(64), server_default="", nullable=False),
        sa.Column("reason", _name(64), server_default="", nullable=False),
        sa.Column("detail", _name(500), server_default="", nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=True),
        sa.Column("ocpp_transaction_id", _name(500), server_default="", nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("received_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_untaken_reports")),
        sa.UniqueConstraint("station", "key", name=op.f("uq_untaken_reports_station_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_untaken_reports_station_received_time", "untaken_reports", ["station", "received_time"]
    )
    op.create_table(
        "mended_reports",
        sa.Column("station", _name(255), nullable=False),
        sa.Column("action", _name(64), server_default="", nullable=False),
        sa.Column("kind", _name(64), server_default="", nullable=False),
        sa.Column("field", _name(500), server_default="", nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_time", sa.BigInteger(), nullable=False),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("station", "action", "kind", name=op.f("pk_mended_reports")),
    )


def downgrade() -> None:
    op.drop_table("mended_reports")
    op.drop_table("untaken_reports")
