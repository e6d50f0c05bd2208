"""Bookings in narrow columns, for those who are asked beside them.

Revision ID: 0036
Revises: 0035
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

AT_ONCE = 1_000
"""How many bookings are filled at a time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_BOOKINGS = sa.table(
    "bookings",
    *(sa.column(name) for name in ("tenant", "name", "start_time", "end_time", "snapshot")),
    *(sa.column(name) for name in ("until_time", "create_time", "holder_token")),
    *(sa.column(name) for name in ("holder_account", "holder_groups", "needs")),
)


def _text() -> sa.types.TypeEngine[str]:
    return sa.String(500).with_variant(sa.String(500, collation="C"), "postgresql")


def _added() -> list[sa.Column[Any]]:
    return [
        sa.Column("until_time", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("create_time", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("holder_token", _text(), nullable=False, server_default=""),
        sa.Column("holder_account", _text(), nullable=False, server_default=""),
        sa.Column("holder_groups", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("needs", sa.Text(), nullable=False, server_default="{}"),
    ]


def upgrade() -> None:
    for column in _added():
        op.add_column("bookings", column)
    _fill()
    op.drop_index("ix_bookings_tenant_pool_start_time", "bookings")
    op.create_index(
        "ix_bookings_tenant_pool_start_time_end_time",
        *("bookings", ["tenant", "pool", "start_time", "end_time"]),
    )
    op.create_index(
        "ix_bookings_tenant_pool_holder_token_start_time",
        *("bookings", ["tenant", "pool", "holder_token", "start_time"]),
    )
    known = sa.text("holder_account <> ''")
    op.create_index(
        "ix_bookings_tenant_pool_holder_account_start_time",
        *("bookings", ["tenant", "pool", "holder_account", "start_time"]),
        sqlite_where=known,
        postgresql_where=known,
    )


def _fill() -> None:
    connection, after = op.get_bind(), ("", "")
    key = sa.tuple_(_BOOKINGS.c.tenant, _BOOKINGS.c.name)
    while True:
        rows = connection.execute(
            sa.select(
                *(_BOOKINGS.c.tenant, _BOOKINGS.c.name, _BOOKINGS.c.start_time),
                *(_BOOKINGS.c.end_time, _BOOKINGS.c.snapshot),
            )
            .where(key > sa.tuple_(*(sa.literal(each) for each in after)))
            .order_by(_BOOKINGS.c.tenant, _BOOKINGS.c.name)
            .limit(AT_ONCE)
        ).all()
        if not rows:
            return
        connection.execute(
            sa.update(_BOOKINGS)
            .where(
                _BOOKINGS.c.tenant == sa.bindparam("of_tenant"),
                _BOOKINGS.c.name == sa.bindparam("of_name"),
            )
            .values({name: sa.bindparam(name) for name in _filled(*rows[0][2:])}),
            [{"of_tenant": row[0], "of_name": row[1]} | _filled(*row[2:]) for row in rows],
        )
        after = (rows[-1][0], rows[-1][1])


def _filled(start: int, end: int, text: str) -> dict[str, Any]:
    """What the columns hold of a booking."""
    booking = orjson.loads(text)
    over = _micros(booking["end_of_life_time"]) if booking.get("end_of_life_time") else end
    needs = booking.get("needs", {})
    return {
        "until_time": max(start, min(over, end)),
        "create_time": _micros(booking["create_time"]),
        "holder_token": booking["id_token"]["digest"],
        "holder_account": booking.get("account", ""),
        "holder_groups": orjson.dumps(sorted(booking.get("groups", []))).decode(),
        "needs": orjson.dumps(_sorted(needs)).decode(),
    }


def _sorted(needs: dict[str, Any]) -> dict[str, Any]:
    """Needs in the form in which new rows have them."""
    return {
        "connector_types": sorted(needs.get("connector_types", [])),
        "min_power_w": needs.get("min_power_w", 0),
        "features": sorted(needs.get("features", [])),
    }


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def downgrade() -> None:
    for name in ("holder_account_start_time", "holder_token_start_time", "start_time_end_time"):
        op.drop_index(f"ix_bookings_tenant_pool_{name}", "bookings")
    op.create_index(
        "ix_bookings_tenant_pool_start_time", "bookings", ["tenant", "pool", "start_time"]
    )
    with op.batch_alter_table("bookings") as batch:
        for column in _added():
            batch.drop_column(column.name)
