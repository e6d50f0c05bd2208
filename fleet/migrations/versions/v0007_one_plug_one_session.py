"""Ends that no station reported, what is known of a session's token, and stations' clocks.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FALSE = sa.text("false")


def upgrade() -> None:
    op.add_column("transactions", sa.Column("token_time", sa.BigInteger(), nullable=True))
    for flag in ("token_unknown", "end_unreported"):
        op.add_column(
            "transactions", sa.Column(flag, sa.Boolean(), server_default=_FALSE, nullable=False)
        )
    op.add_column("transactions", sa.Column("epoch", sa.Integer(), nullable=True))
    op.add_column("stations", sa.Column("clock", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("stations", "clock")
    for name in ("epoch", "end_unreported", "token_unknown", "token_time"):
        op.drop_column("transactions", name)
