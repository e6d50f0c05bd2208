"""Bookings as those see them that are asked beside them: narrow rows, without snapshots."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, ColumnElement, and_, or_, select, type_coerce

from fleet.bookings.rows import LIVE, MOST_READ, whole
from fleet.engine.statements import Tx
from fleet.engine.values import from_micros
from fleet.tables import bookings

HolderCondition = ColumnElement[bool]
"""Which holders' bookings are read."""

LONGEST_BOOKING = timedelta(days=32)
"""No booking is longer. So what began earlier is not looked at; a day is left for doubt."""


class StandingRow(NamedTuple):
    """What rules and plan ask of a booking. until_time: until when it wants its place.

    holder_groups, needs: as the text that `groups_text` and the writer of rows made.
    """

    name: str
    state: str
    place: str
    start_time: datetime
    end_time: datetime
    until_time: datetime
    create_time: datetime
    holder_token: str
    holder_account: str
    holder_groups: str
    needs: str
    pause_s: int = 0


_TIMES = frozenset({"start_time", "end_time", "until_time", "create_time"})

# Times are read as they are stored: thousands of rows have some hundred different ones.
_STANDING = [
    type_coerce(bookings.c[name], BigInteger) if name in _TIMES else bookings.c[name]
    for name in StandingRow._fields
]


@lru_cache(maxsize=10_000)
def _time_of(micros: int) -> datetime:
    return from_micros(micros)


def groups_text(groups: frozenset[str]) -> str:
    """Groups as their column holds them: equal ones are equal texts."""
    return orjson.dumps(sorted(groups)).decode()


async def standing_in_span(
    tx: Tx, tenant: str, pool: str, span: tuple[datetime, datetime], states: Sequence[str] = LIVE
) -> list[StandingRow]:
    """The bookings of a pool in these states that are in a part of the span, by their start.

    Raises: TooManyBookings.
    """
    return await _read(tx, tenant, pool, span, bookings.c.state.in_(states))


async def standing_of_holder(
    tx: Tx,
    tenant: str,
    pool: str,
    span: tuple[datetime, datetime],
    states: Sequence[str],
    *,
    which: HolderCondition,
) -> list[StandingRow]:
    """Those of some holders only. which: one of `of_token`, `of_account`, `of_groups`.

    Raises: TooManyBookings.
    """
    return await _read(tx, tenant, pool, span, and_(which, bookings.c.state.in_(states)))


def of_token(token: str) -> HolderCondition:
    """Bookings for this token."""
    return bookings.c.holder_token == token


def of_account(account: str, token: str) -> HolderCondition:
    """Bookings for this account; those without an account count by their token."""
    alone = and_(bookings.c.holder_account == "", bookings.c.holder_token == token)
    return or_(bookings.c.holder_account == account, alone) if account else alone


def of_groups(groups: frozenset[str]) -> HolderCondition:
    """Bookings for one of these groups; it may be some more, which the rules do not count."""
    return or_(
        *(
            bookings.c.holder_groups.contains(orjson.dumps(each).decode(), autoescape=True)
            for each in sorted(groups)
        )
    )


async def _read(
    tx: Tx, tenant: str, pool: str, span: tuple[datetime, datetime], which: Any
) -> list[StandingRow]:
    start, end = span
    found = await tx.execute(
        select(*_STANDING)
        .where(
            bookings.c.tenant == tenant,
            bookings.c.pool == pool,
            bookings.c.start_time < end,
            bookings.c.start_time > start - LONGEST_BOOKING,
            bookings.c.end_time > start,
            which,
        )
        .limit(MOST_READ + 1)
    )
    # Sorted here: an ORDER BY leads PostgreSQL to the index of all bookings by their start as long
    # as it has no statistics, and that is read over all pools.
    return sorted(whole([_row(*row) for row in found], pool), key=_by_start)


def _row(name: str, state: str, place: str, *rest: Any) -> StandingRow:
    start, end, until, made, *holder = rest
    times = _time_of(start), _time_of(end), _time_of(until), from_micros(made)
    return StandingRow(name, state, place, *times, *holder)


def _by_start(row: StandingRow) -> tuple[datetime, str]:
    return row.start_time, row.name
