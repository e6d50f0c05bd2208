"""The newest rotation of each station's password.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_DUE = sa.text("due_time IS NOT NULL")


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "password_rotations",
        sa.Column("station", _name(255), nullable=False),
        sa.Column("state", _name(64), server_default="", nullable=False),
        sa.Column("request_time", sa.BigInteger(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("doubt", sa.Integer(), nullable=False),
        sa.Column("answer", _name(500), server_default="", nullable=False),
        sa.Column("message_id", _name(500), server_default="", nullable=False),
        sa.Column("sent_time", sa.BigInteger(), nullable=True),
        sa.Column("answer_time", sa.BigInteger(), nullable=True),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.Column("due_time", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("station", name=op.f("pk_password_rotations")),
    )
    op.create_index(
        "ix_password_rotations_due_time",
        "password_rotations",
        ["due_time"],
        sqlite_where=_DUE,
        postgresql_where=_DUE,
    )


def downgrade() -> None:
    op.drop_table("password_rotations")
