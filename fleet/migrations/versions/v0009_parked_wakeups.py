"""Wake-ups that Temporal refused wait for their next try, or are parked.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")
    one, none = sa.text("1"), sa.text("0")
    op.add_column("wakeups", sa.Column("told", sa.Integer(), server_default=one, nullable=False))
    op.add_column("wakeups", sa.Column("tries", sa.Integer(), server_default=none, nullable=False))
    op.add_column("wakeups", sa.Column("next_time", sa.BigInteger(), nullable=True))
    op.add_column("wakeups", sa.Column("parked_time", sa.BigInteger(), nullable=True))
    op.add_column("wakeups", sa.Column("parked_reason", text, server_default="", nullable=False))
    op.create_index("ix_wakeups_workflow_id", "wakeups", ["workflow_id"])
    op.create_index("ix_wakeups_next_time", "wakeups", ["next_time"])


def downgrade() -> None:
    op.drop_index("ix_wakeups_next_time", "wakeups")
    op.drop_index("ix_wakeups_workflow_id", "wakeups")
    for column in ("parked_reason", "parked_time", "next_time", "tries", "told"):
        op.drop_column("wakeups", column)
