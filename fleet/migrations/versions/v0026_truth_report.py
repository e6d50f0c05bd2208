"""The cause and the time of a command's outcome, for reports.

Commands that were written before have neither: reports count them without. To fill them in would
read and write every command while the processes wait.

Revision ID: 0026
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    word = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.add_column("commands", sa.Column("outcome_cause", word, nullable=True))
    op.add_column("commands", sa.Column("outcome_time", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("commands", "outcome_time")
    op.drop_column("commands", "outcome_cause")
