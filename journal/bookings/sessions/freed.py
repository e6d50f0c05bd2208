"""Which bookings look anew since a session has ended, an EVSE has failed, or works again.

Each would find it out at its own next look; so nobody waits half a minute, or five, for what is
known. It is called in the transaction of the fact. A station of no pool costs one look.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.bookings.blocking.refused_holds import NONE_USABLE
from domain.bookings.booking import Booking
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import place_of
from domain.bookings.states import EVSE_CHOSEN, BookingState
from fleet import bookings
from fleet.connectors import StationConnector
from fleet.engine.statements import Tx
from fleet.transactions.rows import Transaction
from journal.bookings.rows import booking_from, known_pool
from journal.bookings.waking import wake_booking

_LONGEST_OVER = timedelta(days=32)
"""So long after its end a booking is looked for whose driver is still there."""


async def session_ended(tx: Tx, session: Transaction, now: datetime) -> bool:
    """Wakes the session's booking, those it was in the way of, and those who wait for any EVSE.

    Returns whether there is anybody.
    """

    def meant(one: Booking) -> bool:
        blocked = one.blocked is not None and one.blocked.transaction == session.name
        return one.transaction == session.name or blocked

    return await _wake(
        tx, session.tenant, session.station, meant, now, reason="a session has ended"
    )


async def status_changed(tx: Tx, tenant: str, told: StationConnector, now: datetime) -> bool:
    """Wakes those whose EVSE it is, and those who wait for any."""
    place = place_of(told.station, told.evse_id)

    def meant(one: Booking) -> bool:
        return one.state in EVSE_CHOSEN and (one.place == place or not told.evse_id)

    return await _wake(tx, tenant, told.station, meant, now, reason="an EVSE has changed")


async def _wake(
    tx: Tx,
    tenant: str,
    station: str,
    meant: Callable[[Booking], bool],
    now: datetime,
    *,
    reason: str,
) -> bool:
    members = await bookings.members_at(tx, tenant, station)
    woken = False
    for pool in sorted(set(members.values())):
        known = await known_pool(tx, tenant, pool)
        policy = known.venue.policy if known else BookingPolicy()
        since, until = now - _LONGEST_OVER, now + policy.bind_lead
        for row in await bookings.opening(tx, tenant, pool, since, until):
            one = booking_from(row)
            if meant(one) or _waits(one):
                await wake_booking(tx, one, reason, now)
                woken = True
    return woken


def _waits(one: Booking) -> bool:
    """Whether it has no EVSE that can be used, so that any one may matter to it."""
    if one.state is BookingState.CONFIRMED:
        return True
    return one.state is BookingState.BOUND and (bool(one.tried) or one.progress == NONE_USABLE)
