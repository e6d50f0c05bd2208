"""Takes promises back when a pool has fewer places than it has promised: the policy says whose.

Who loses a booking is told at once, with times at which there is room instead, and stands at the
head of the waiting list. All in the transaction of the change, under the lock of the pool.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import structlog

from domain.bookings.admission import chances
from domain.bookings.booking import Booking
from domain.bookings.carrying import ended
from domain.bookings.displacement import plan_anew
from domain.bookings.pool import Pool
from domain.bookings.spans import Span, nearest_first, other_times
from domain.bookings.states import EVSE_CHOSEN, BookingCause, BookingState
from domain.bookings.waiting import Waiter
from domain.bookings.waitlist import WaitlistEntry
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings import waitlist
from journal.bookings.admitting import change
from journal.bookings.beside import read_standing, standing_beside
from journal.bookings.places import known_now, move, rivals
from journal.bookings.rows import KnownPool, booking_from
from journal.bookings.waking import wake_booking

ALL_TIME = datetime.max.replace(tzinfo=UTC)

MOST_ADVISED = 50
"""To how many who are displaced at once other times are named. The others wait all the same."""

_log = structlog.get_logger(__name__)


async def plan_pool(
    tx: Tx, known: KnownPool, before: Pool, now: datetime
) -> tuple[list[Booking], int]:
    """Plans a changed pool anew. known: locked, as it is now. Returns who lost a booking, and how
    many were moved to another EVSE.
    """
    rows = await bookings.in_span(tx, known.row.tenant, known.row.name, (now, ALL_TIME))
    live = {row.name: booking_from(row) for row in rows}
    anew = plan_anew(known.venue, list(live.values()))
    await move(tx, known.row.tenant, anew.places, _movable(live.values()))
    gone = [live[name] for name in anew.displaced]
    shrunk = not {each.place for each in before.members} <= {
        each.place for each in known.pool.members
    }
    cause = BookingCause.POOL_SHRUNK if shrunk else BookingCause.POOL_CLOSED
    displaced = [
        await displace(tx, known, each, cause, now, gone=anew.displaced, advise=at < MOST_ADVISED)
        for at, each in enumerate(gone)
    ]
    await waitlist.ask_again(tx, known.row.tenant, known.row.name, (now + _DAYS, _FAR), now)
    return displaced, len(anew.places)


async def make_way(tx: Tx, known: KnownPool, booking: Booking, now: datetime) -> Booking | None:
    """The booking with the EVSE of one that has to give way to it; None: it is the one to go.

    Only who has no EVSE yet gives way: a driver who was told one may be on the way to it.
    """
    venue, live = await rivals(tx, known, booking, now)
    asking = replace(booking, place="", state=BookingState.CONFIRMED)
    anew = plan_anew(venue, [asking, *live])
    if booking.name in anew.displaced or booking.name not in anew.places:
        return None
    await move(tx, known.row.tenant, anew.places, _movable(live))
    for each in live:
        if each.name in anew.displaced:
            cause = BookingCause.NO_PLACE_LEFT
            await displace(tx, known, each, cause, now, gone=(*anew.displaced, booking.name))
    return replace(booking, place=anew.places[booking.name])


async def displace(
    tx: Tx,
    known: KnownPool,
    booking: Booking,
    cause: BookingCause,
    now: datetime,
    *,
    gone: Collection[str],
    advise: bool = True,
) -> Booking:
    """Takes a booking away. gone: those that have no place (any more), which take none from it."""
    over = await told_why(tx, known, ended(booking, cause, now), now, gone=gone, advise=advise)
    if booking.reservation:
        await wake_booking(tx, over, "its place was taken away", now)
    _log.warning("booking_displaced", booking=booking.name, cause=cause.value)
    return await change(tx, over)


async def told_why(
    tx: Tx,
    known: KnownPool,
    over: Booking,
    now: datetime,
    *,
    gone: Collection[str] = (),
    advise: bool = True,
) -> Booking:
    """A displaced booking with what its holder can do: other times, and the head of the line."""
    others = await _other_times(tx, known, over, now, gone) if advise else ()
    if not over.waitlist_entry and now < over.end_time:
        over = replace(over, waitlist_entry=await _at_the_head(tx, known, over, now))
    return replace(over, alternatives=others)


_DAYS = timedelta(days=1)
_FAR = ALL_TIME - _DAYS


def _movable(live: Iterable[Booking]) -> list[Booking]:
    """Those who were told no EVSE yet."""
    return [each for each in live if each.state not in EVSE_CHOSEN]


async def _other_times(
    tx: Tx, known: KnownPool, over: Booking, now: datetime, gone: Collection[str]
) -> tuple[tuple[datetime, datetime], ...]:
    """The nearest times of the same length at which it would be taken, the nearest first."""
    asked = Span(over.start_time, over.end_time)
    spans = other_times(asked, now)
    if not spans:
        return ()
    new = replace(over, create_time=now, end_of_life_time=None, state=BookingState.CONFIRMED)
    all_of_them = Span(spans[0].start, max(one.end for one in spans))
    rows = await standing_beside(tx, known, new, all_of_them, spans[-1].start)
    others = read_standing([row for row in rows if row.name not in gone])
    evses = await known_now(tx, known, spans[0].start, now)
    found = [one.span for one in chances(known.venue, new, others, spans, evses) if one.available]
    return tuple((span.start, span.end) for span in nearest_first(asked, found))


async def _at_the_head(tx: Tx, known: KnownPool, over: Booking, now: datetime) -> str:
    """Has the holder wait before everybody else. Returns the entry's name."""
    snoozes = known.venue.policy.waitlist.snoozes
    name = str(uuid5(NAMESPACE_OID, f"{over.tenant}/{over.name}/displaced"))
    entry = WaitlistEntry(
        name, now, over.start_time, over.end_time, displaced=True, snoozes_left=snoozes
    )
    waiter = Waiter(
        entry,
        over.tenant,
        over.pool,
        over.id_token,
        over.account,
        over.groups,
        over.needs,
        over.caller,
        instead_of=over.name,
    )
    await waitlist.record(tx, waiter, now)
    return name
