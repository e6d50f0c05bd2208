"""Every change of a booking, for those who watch bookings, and for its explanation.

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id(name: str) -> sa.Column[str]:
    kind = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "booking_changes",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("tx_id", sa.BigInteger(), nullable=False),
        *(_id("tenant"), _id("name"), _id("pool")),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_booking_changes")),
        sa.UniqueConstraint(
            *("tenant", "name", "revision"), name=op.f("uq_booking_changes_tenant_name_revision")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_booking_changes_tenant_tx_id_seq", "booking_changes", ["tenant", "tx_id", "seq"]
    )


def downgrade() -> None:
    op.drop_table("booking_changes")
