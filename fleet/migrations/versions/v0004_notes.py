"""For ExplainCommand: notes, frames as they were written, when an answer was given up.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("sends", sa.Column("action", _name(64), server_default="", nullable=False))
    op.add_column("sends", sa.Column("frame", sa.Text(), nullable=True))
    op.add_column("sends", sa.Column("lost_time", sa.BigInteger(), nullable=True))
    op.create_table(
        "notes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("command", _name(255), nullable=False),
        sa.Column("key", _name(255), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("what", _name(64), server_default="", nullable=False),
        sa.Column("text", _name(500), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        sa.UniqueConstraint("tenant", "command", "key", name=op.f("uq_notes_tenant_command_key")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("notes")
    op.drop_column("sends", "lost_time")
    op.drop_column("sends", "frame")
    op.drop_column("sends", "action")
