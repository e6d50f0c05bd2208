"""Lists of commands by an outcome that few have.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_WHERE = "outcome_code NOT IN ('', 'SUCCEEDED')"


def upgrade() -> None:
    op.create_index(
        "ix_commands_outcome_page",
        "commands",
        ["tenant", "outcome_code", "create_time", "name"],
        sqlite_where=sa.text(_WHERE),
        postgresql_where=sa.text(_WHERE),
    )


def downgrade() -> None:
    op.drop_index("ix_commands_outcome_page", "commands")
