"""Rows of series of bookings."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from fleet.bookings.keys import is_named, key_of
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import identifier
from fleet.tables import booking_series


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series."""

    tenant: str
    name: str
    pool: str
    snapshot: dict[str, Any]


_SERIES = columns_of(booking_series, SeriesRow)

_GET_SERIES = precompiled(select(*_SERIES).where(is_named(booking_series)))
_PUT_SERIES = Upsert(
    lambda insert: (
        stmt := insert(booking_series).values(
            **bound(booking_series, "tenant", "name", "pool", "snapshot")
        )
    ).on_conflict_do_update(
        index_elements=["tenant", "name"], set_={"snapshot": stmt.excluded["snapshot"]}
    )
)


async def series_row(tx: Tx, tenant: str, name: str) -> SeriesRow | None:
    """A series; None when there is none."""
    row = (await tx.execute(_GET_SERIES, key_of(tenant, name))).first()
    return None if row is None else SeriesRow(*row)


async def put_series(tx: Tx, row: SeriesRow) -> None:
    """Write a series, anew or over what was there."""
    await tx.execute(
        _PUT_SERIES(tx),
        {
            "tenant": identifier(row.tenant),
            "name": identifier(row.name),
            "pool": row.pool,
            "snapshot": row.snapshot,
        },
    )
