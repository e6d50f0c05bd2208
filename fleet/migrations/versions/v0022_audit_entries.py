"""Who changed what, and which calls were denied.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _text(name: str, limit: int) -> sa.Column[str]:
    return sa.Column(name, _name(limit), server_default="", nullable=False)


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("id", _name(255), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        _text("caller", 500),
        _text("method", 64),
        _text("resource", 500),
        _text("station", 500),
        *(_text(name, 64) for name in ("code", "reason", "request_id", "trace_id")),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_page", "audit_entries", ["tenant", "create_time", "id"])


def downgrade() -> None:
    op.drop_table("audit_entries")
