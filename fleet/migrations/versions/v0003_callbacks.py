"""Callbacks: settings and secrets of credentials, and the result of each post.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _word(name: str, limit: int = 64) -> "sa.Column[str]":
    return sa.Column(name, _name(limit), server_default="", nullable=False)


def upgrade() -> None:
    op.create_table(
        "callback_endpoints",
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("caller", _name(255), nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        _word("events"),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _word("disable_reason", 500),
        sa.Column("disable_time", sa.BigInteger(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", sa.BigInteger(), nullable=True),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "caller", name=op.f("pk_callback_endpoints")),
    )
    op.create_table(
        "callback_deliveries",
        sa.Column("tenant", _name(255), nullable=False),
        sa.Column("id", _name(255), nullable=False),
        sa.Column("command", _name(255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _word("news"),
        sa.Column("url", sa.Text(), nullable=False),
        _word("state"),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _word("cause"),
        _word("reason", 500),
        sa.Column("http_status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.Column("next_time", sa.BigInteger(), nullable=True),
        sa.Column("resend_time", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_callback_deliveries")),
        sa.UniqueConstraint(
            "tenant",
            "command",
            "revision",
            name=op.f("uq_callback_deliveries_tenant_command_revision"),
        ),
    )
    page = ["tenant", "create_time", "id"]
    op.create_index("ix_callback_deliveries_page", "callback_deliveries", page)
    of_state = ["tenant", "state", "create_time", "id"]
    op.create_index("ix_callback_deliveries_state_page", "callback_deliveries", of_state)


def downgrade() -> None:
    op.drop_table("callback_deliveries")
    op.drop_table("callback_endpoints")
