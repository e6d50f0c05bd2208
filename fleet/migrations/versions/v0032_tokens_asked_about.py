"""What a station was told about the token of a start that it has agreed to.

Revision ID: 0032
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None

_TIMES = ("token_refused_time", "token_unclear_time")


def upgrade() -> None:
    for name in _TIMES:
        op.add_column("sends", sa.Column(name, sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for name in _TIMES:
        op.drop_column("sends", name)
