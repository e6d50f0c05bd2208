"""Carries a booking on: reads its facts, writes what they mean, asks for what follows.

Everything happens in one transaction under the lock of the pool. A second run of it finds what the
first one wrote.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.bookings.booking import Booking
from domain.bookings.carrying import (
    LOOK_AGAIN,
    UNUSED,
    BookingFacts,
    BookingSession,
    CarryAct,
    CarryStep,
    ended,
    held_up,
    next_carry,
)
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import place_of
from domain.bookings.states import BookingCause, BookingState
from domain.commands.timing import Timing
from domain.reservations.reservation import Reservation, ReservationState
from fleet import bookings, transactions
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.transactions.rows import ENDED, Transaction
from journal.bookings import arrivals, commands, displacing, places
from journal.bookings.admitting import change
from journal.bookings.rows import KnownPool, booking_from, locked_pool, own_policy
from journal.reservations.record import from_snapshot


class Carrier:
    """Carries bookings on. timing: the waits of the commands that they ask for."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    async def carry(self, tx: Tx, tenant: str, name: str, now: datetime) -> CarryStep:
        """The booking after all that is known of it; what follows is asked for.

        Raises: LookupError when there is no such booking.
        """
        row = await bookings.booking(tx, tenant, name)
        known = await locked_pool(tx, tenant, row.pool) if row else None
        row = await bookings.booking(tx, tenant, name)  # again: under the lock
        if row is None:
            raise LookupError(f"booking {name} of tenant {tenant!r} is not in this database")
        before = booking_from(row)
        policy = await own_policy(tx, before)
        facts, session = await _facts(tx, before, policy, known, now)
        look = _Seen(known, policy, facts, now)
        step = next_carry(before, policy, facts, now)
        match step.act:
            case CarryAct.BIND:
                step = await _bind(tx, step, look)
            case CarryAct.HOLD:
                asked = await commands.hold(tx, step.booking, policy, self._timing, now)
                step = replace(step, booking=asked)
            case CarryAct.LET_GO if facts.hold is not None:
                await commands.let_go(tx, step.booking, facts.hold, self._timing, now)
                step = replace(step, look_again=now + LOOK_AGAIN)
            case CarryAct.STOP if session is not None:
                await commands.stop(tx, step.booking, session, self._timing, now)
            case CarryAct.DONE if _loses_its_place(before, step.booking) and known is not None:
                over = await displacing.told_why(tx, known, step.booking, now)
                step = replace(step, booking=over)
        if step.act is CarryAct.STOP_OTHER:
            await _stop_other(tx, step.booking, self._timing, now)
        if step.booking != before:
            step = replace(step, booking=await change(tx, step.booking))
        return step


def _loses_its_place(before: Booking, after: Booking) -> bool:
    return not before.ended and after.cause == BookingCause.NO_PLACE_LEFT


async def _stop_other(tx: Tx, booking: Booking, timing: Timing, now: datetime) -> None:
    """Has the session stopped that is in the way of a booking."""
    session = booking.blocked and await transactions.get(tx, name=booking.blocked.transaction)
    if session:
        await commands.stop_other(tx, booking, session, timing, now)


@dataclass(frozen=True)
class _Seen:
    """What one look at a booking has found. known: None when its pool is gone."""

    known: KnownPool | None
    policy: BookingPolicy
    facts: BookingFacts
    now: datetime


async def _bind(tx: Tx, step: CarryStep, look: _Seen) -> CarryStep:
    """Chooses an EVSE. Where none can be had, it is looked for again until the booking's start."""
    booking, known, facts, now = step.booking, look.known, look.facts, look.now
    if facts.hold is not None and facts.hold.ended and booking.place not in booking.tried:
        booking = replace(booking, tried=(*booking.tried, booking.place), reservation="")
    chosen = await places.choose(tx, known, booking, now) if known else None
    if chosen is not None:
        bound = replace(
            chosen, state=BookingState.BOUND, progress="The EVSE is chosen.", blocked=None
        )
        return CarryStep(CarryAct.BIND, bound, now if bound != step.booking else now + LOOK_AGAIN)
    if known is None:
        return CarryStep(CarryAct.DONE, ended(booking, BookingCause.NO_PLACE_LEFT, now))
    return await _without_place(tx, known, booking, look)


async def _without_place(tx: Tx, known: KnownPool, booking: Booking, look: _Seen) -> CarryStep:
    """At its start another one gives way to it by the policy, or it gives way.

    Who still charges there may do so for `late_stop`; then the ladder may free the EVSE.
    """
    blocker, now = look.facts.blocker, look.now
    late = look.policy.late_stop if blocker else timedelta(0)
    begins = now >= booking.start_time + late
    given = await displacing.make_way(tx, known, booking, now) if begins else None
    if given is not None:
        bound = replace(
            given,
            state=BookingState.BOUND,
            progress="Another booking gave way to it.",
            blocked=None,
        )
        return CarryStep(CarryAct.BIND, bound, now)
    if blocker is not None:
        return held_up(booking, look.policy, blocker, now)
    if begins:
        over = ended(booking, BookingCause.NO_PLACE_LEFT, now)
        return CarryStep(CarryAct.DONE, await displacing.told_why(tx, known, over, now))
    waiting = replace(
        booking, tried=(), progress="No EVSE of the pool can be used; it is looked for one."
    )
    soon = min(now + LOOK_AGAIN, max(booking.start_time, now))
    return CarryStep(CarryAct.WAIT, replace(waiting, blocked=None), soon)


async def _facts(
    tx: Tx, booking: Booking, policy: BookingPolicy, known: KnownPool | None, now: datetime
) -> tuple[BookingFacts, Transaction | None]:
    entry = await reservations.get(tx, tenant=booking.tenant, name=booking.reservation)
    hold: Reservation | None = None if entry is None else from_snapshot(entry.snapshot)
    # What another driver's session used names that session, too: the hold is LOST then.
    used = hold is not None and hold.state is ReservationState.USED
    session: Transaction | None = None
    if hold is None or (hold.ended and not used):
        session = await places.own_session(tx, booking)
    elif used and hold.transaction:
        session = await transactions.get(tx, name=hold.transaction)
    if session is None and known is not None:
        session = await arrivals.session_of(tx, known, booking, policy)
    usable = await places.usable(tx, booking.place, now) if booking.place else None
    missed = hold is not None and hold.state in UNUSED and not booking.ended
    pool = known.pool if known and missed else None
    came = pool is not None and await places.seen_in(tx, pool, booking, now)
    taken = usable is False and not booking.ended
    blocker = await places.blocker_of(tx, booking, now) if taken else None
    return BookingFacts(usable, hold, _told(session), came, blocker), session


def _told(session: Transaction | None) -> BookingSession | None:
    if session is None:
        return None
    over = session.stop_time or session.stop_received_time
    place = place_of(session.station, session.evse_id) if session.evse_id else ""
    return BookingSession(session.name, over if session.state == ENDED else None, place)
