"""Whether a booking's driver charged somewhere in its pool, as far as its stations have told."""

from datetime import datetime, timedelta

from domain.bookings.admission import WINDOW
from domain.bookings.booking import Booking
from domain.bookings.carrying import Came
from domain.bookings.pool import Pool, evse_of
from fleet import connections, stations, transactions
from fleet.engine.statements import Tx
from fleet.transactions.rows import Transaction

_STILL_TELLING = timedelta(minutes=1)
"""So long a station that has come back may still tell what happened while it was away."""


async def came(tx: Tx, pool: Pool, booking: Booking, now: datetime) -> Came:
    """Whether a session of the booking's token runs in its pool, or ran in its time.

    Its own station is not asked: what that one knows, the hold's end tells. A station that has been
    away for long is out of order, and nobody is waited for there.
    """
    until = booking.end_of_life_time or now
    own = evse_of(booking.place)[0] if booking.place else ""
    names = sorted({member.station for member in pool.members})
    for station in names:
        for row in await transactions.heard_since(
            tx, station, received_after=booking.start_time - WINDOW
        ):
            if row.token_digest == booking.id_token.digest and _in_time(row, booking, until, now):
                return Came.YES
    if booking.ended:
        return Came.NO
    there = await connections.holders(tx, names, now=now)
    for station in names:
        if station == own:
            continue
        line = there.get(station)
        if line is None and await _was_there(tx, station, booking):
            return Came.UNKNOWN
        if line is not None and line.connected_time > max(booking.start_time, now - _STILL_TELLING):
            return Came.UNKNOWN
    return Came.NO


def _in_time(row: Transaction, booking: Booking, until: datetime, now: datetime) -> bool:
    """Whether a session may have been in the booking's time. until: when that was over."""
    over = row.known_stop_time or now
    # Of one whose start was never told nobody knows when it began.
    begun = None if row.observed_only else min(row.start_time or now, row.received_time)
    return (begun is None or begun < until) and over > booking.start_time


async def _was_there(tx: Tx, station: str, booking: Booking) -> bool:
    """Whether a station that is away was there lately."""
    since = booking.start_time - WINDOW
    lost = await connections.lost_time(tx, station)
    if lost is None:
        known = await stations.get(tx, station)
        lost = known.last_seen_time if known else None
    return lost is not None and lost > since
