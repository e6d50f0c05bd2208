"""Every change of an entry of a waiting list; how far the logs of pools are forgotten.

Revision ID: 0038
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _name(limit: int) -> sa.types.TypeEngine[str]:
    return sa.String(limit).with_variant(sa.String(limit, collation="C"), "postgresql")


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, _name(255), nullable=False)


def upgrade() -> None:
    op.create_table(
        "waitlist_changes",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        *(_id("tenant"), _id("name"), _id("pool")),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_waitlist_changes")),
        sa.UniqueConstraint(
            *("tenant", "name", "revision"), name=op.f("uq_waitlist_changes_tenant_name_revision")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_waitlist_changes_tenant_tx_id_seq", "waitlist_changes", ["tenant", "tx_id", "seq"]
    )
    op.create_table(
        "forgotten_changes",
        _id("tenant"),
        sa.Column("log", _name(64), server_default="", nullable=False),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "log", name=op.f("pk_forgotten_changes")),
    )


def downgrade() -> None:
    op.drop_table("forgotten_changes")
    op.drop_table("waitlist_changes")
