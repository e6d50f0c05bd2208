"""Offers places to who waits for them. All in one transaction, under the lock of the pool.

Who is asked first is the domain's decision; whether there is room for them is the same question as
for everybody who books. An offer that was not taken in time is over, and its place is offered on.
"""

from datetime import datetime

import structlog

from domain.bookings.blocking.known_now import NotUsableNow
from domain.bookings.booking import Booking
from domain.bookings.carrying import LOOK_AGAIN
from domain.bookings.plan import Planned
from domain.bookings.states import BookingCause, BookingState
from domain.bookings.waiting import Waiter, due_time, ended_as, line, not_taken, offer, wanted
from domain.bookings.waitlist import WaitState
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings.admitting import change, enter, weigh
from journal.bookings.rows import KnownPool, booking_from
from journal.bookings.waitlist import record, waiter_from

MOST_TRIES = 20
"""For how many it is looked for room in one transaction. The others are next."""

MOST_ROUNDS = 4
"""How often it is looked again in one transaction, since an offer that is over leaves room."""

_log = structlog.get_logger(__name__)


async def serve(tx: Tx, known: KnownPool, now: datetime) -> int:
    """Does what is due about who waits in a pool; returns for how many. known: locked."""
    tries = 0
    for _ in range(MOST_ROUNDS):
        rows = await bookings.due_in(tx, known.row.tenant, known.row.name, now)
        if not rows or tries >= MOST_TRIES:
            break
        due = [waiter_from(row) for row in rows]
        over = [each for each in due if each.entry.state is WaitState.OFFERED]
        for each in over:
            await _lapse(tx, each, now)
        if over:  # their room makes others due, who may be before those that were read
            continue
        waiting = line(each for each in due if each.entry.waits)
        tries += await _ask(tx, known, waiting[: MOST_TRIES - tries], now)
    return tries


async def forget(tx: Tx, tenant: str, pool: str, now: datetime) -> None:
    """Who waits in a pool that is not there any more waits in vain."""
    for row in await bookings.due_in(tx, tenant, pool, now):
        before = waiter_from(row)
        await record(tx, ended_as(before, WaitState.LAPSED), None, before)


async def _lapse(tx: Tx, waiter: Waiter, now: datetime) -> None:
    """Ends an offer that was not taken in time."""
    kept = await offered_booking(tx, waiter)
    if kept is not None:
        await change(tx, not_taken(kept, BookingCause.NOT_CONFIRMED_IN_TIME, now))
    else:
        await record(tx, ended_as(waiter, WaitState.LAPSED), None, waiter)


async def offered_booking(tx: Tx, waiter: Waiter) -> Booking | None:
    """The booking that keeps the place of an offer; None when it does not any more."""
    row = await bookings.booking(tx, waiter.tenant, waiter.booking)
    kept = booking_from(row) if row else None
    return kept if kept and kept.state is BookingState.PENDING else None


async def _ask(tx: Tx, known: KnownPool, waiting: list[Waiter], now: datetime) -> int:
    """Makes offers to those for whom there is room, in their order."""
    policy, refused = known.venue.policy, dict[object, datetime | None]()
    for before in waiting:
        after, again = before, None
        if now >= before.entry.end:
            after = ended_as(before, WaitState.LAPSED)
        elif before.may_be_asked(now) and _question(before) not in refused:
            after, again = await _offered(tx, known, before, now)
            if after is before:
                refused[_question(before)] = again
        elif before.may_be_asked(now):
            again = refused[_question(before)]
        due = [one for one in (due_time(after, policy, now), again) if one is not None]
        await record(tx, after, min(due, default=None), before)
    return len(waiting)


def _question(waiter: Waiter) -> object:
    """Who asks for the same gets the same answer while no offer was made."""
    return waiter.span, waiter.needs, waiter.groups, waiter.id_token.digest, waiter.account


async def _offered(
    tx: Tx, known: KnownPool, waiter: Waiter, now: datetime
) -> tuple[Waiter, datetime | None]:
    """The entry with an offer, where every rule allows it and there is room; as it was if not.

    Where there would be room, but for EVSEs that cannot be used now, also when to look again.
    """
    new, policy = wanted(waiter, known.pool.policy, now), known.venue.policy
    try:
        decision, others = await weigh(tx, known, new, now=now)
    except bookings.TooManyBookings:
        return waiter, None
    if not isinstance(decision.room, Planned):
        looks = isinstance(decision.room, NotUsableNow)
        return waiter, now + LOOK_AGAIN if looks else None
    made, kept = offer(waiter, new, policy, now)
    await enter(tx, known, kept, decision, others)
    _log.info("place_offered", pool=known.row.name, entry=waiter.name, booking=kept.name)
    return made, None
