"""The field's names: OCPP's transaction id, and the id that a frame names.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("transactions", "ocpp_id", new_column_name="ocpp_transaction_id")
    op.alter_column("sends", "wire_id", new_column_name="named_id")
