"""Which bookings say who may charge in a pool now: few rows, whatever its past and future."""

from datetime import datetime

from sqlalchemy import and_, bindparam, or_, select

from fleet.bookings.rows import BookingRow
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, columns_of
from fleet.tables import bookings

MOST_SEEN = 1_000
"""How many are read at most: five for each EVSE of the largest pool. They are read by their start,
so that those which are left out begin after all others."""

_CHOSEN = ("BOUND", "HELD", "IN_USE", "OVERSTAYED")
_MOVABLE = ("PENDING", "CONFIRMED")

_OPENING = precompiled(
    select(*columns_of(bookings, BookingRow))
    .where(
        bookings.c.tenant == bindparam("of_tenant"),
        bookings.c.pool == bindparam("of_pool"),
        bookings.c.state.in_((*_CHOSEN, *_MOVABLE)),
        or_(bookings.c.state.in_(_CHOSEN), bookings.c.start_time <= bindparam("opens_by")),
        bookings.c.end_time > bindparam("at"),
    )
    .order_by(bookings.c.start_time, bookings.c.name)
    .limit(MOST_SEEN)
)
_PLANNED_AT = precompiled(
    select(*columns_of(bookings, BookingRow))
    .where(
        bookings.c.tenant == bindparam("of_tenant"),
        bookings.c.pool == bindparam("of_pool"),
        bookings.c.state.in_((*_CHOSEN, *_MOVABLE)),
        bookings.c.start_time < bindparam("until"),
        and_(bookings.c.place == bindparam("at_place"), bookings.c.end_time > bindparam("at")),
    )
    .order_by(bookings.c.start_time, bookings.c.name)
    .limit(MOST_SEEN)
)


async def opening(
    tx: Tx, tenant: str, pool: str, at: datetime, opens_by: datetime
) -> list[BookingRow]:
    """The pool's bookings that have an EVSE, or start by `opens_by`, and are not over at `at`."""
    key: dict[str, object] = {"of_tenant": tenant, "of_pool": pool}
    found = await tx.execute(_OPENING, key | {"at": at, "opens_by": opens_by})
    return [BookingRow(*row) for row in found]


async def planned_at(
    tx: Tx, tenant: str, pool: str, place: str, span: tuple[datetime, datetime]
) -> list[BookingRow]:
    """The bookings of a part of the span for which the plan has this place."""
    key: dict[str, object] = {"of_tenant": tenant, "of_pool": pool, "at_place": place}
    found = await tx.execute(_PLANNED_AT, key | {"at": span[0], "until": span[1]})
    return [BookingRow(*row) for row in found]
