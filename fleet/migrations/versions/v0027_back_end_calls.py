"""What another back end (CSMS) asked of its stations: its commands, their answers and effects.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _known(name: str, limit: int) -> sa.Column[str]:
    return sa.Column(name, _name(limit), server_default="", nullable=False)


def upgrade() -> None:
    op.create_table(
        "back_end_calls",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("station", _name(255), nullable=False),
        _known("connection_id", 500),
        _known("message_id", 500),
        _known("kind", 64),
        _known("mode", 64),
        sa.Column("evse_id", sa.Integer(), nullable=True),
        _known("named_id", 500),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("token_digest", _name(255), nullable=True),
        sa.Column("group_digest", _name(255), nullable=True),
        sa.Column("expire_time", sa.BigInteger(), nullable=True),
        sa.Column("send_time", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_time", sa.BigInteger(), nullable=True),
        _known("code", 64),
        _known("cause", 64),
        sa.Column("effect_time", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_back_end_calls")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_back_end_calls_tenant_send_time", "back_end_calls", ["tenant", "send_time", "id"]
    )
    op.create_index(
        "ix_back_end_calls_station_send_time", "back_end_calls", ["station", "send_time"]
    )


def downgrade() -> None:
    op.drop_table("back_end_calls")
