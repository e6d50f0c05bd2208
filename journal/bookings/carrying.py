"""Carries a booking on: reads its facts, writes what they mean, asks for what follows.

Everything happens in one transaction under the lock of the pool. A second run of it finds what the
first one wrote.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.bookings.blocking.refused_holds import (
    NONE_USABLE,
    asked_again_time,
    kept_unheld,
    refused_for_now,
)
from domain.bookings.blocking.stops import AskedStop
from domain.bookings.booking import Booking
from domain.bookings.carrying import (
    LOOK_AGAIN,
    UNUSED,
    BookingFacts,
    BookingSession,
    Came,
    CarryAct,
    CarryStep,
    ended,
    held_up,
    next_carry,
)
from domain.bookings.enforcement import slot_of
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import place_of
from domain.bookings.states import IN_USE, BookingCause, BookingState
from domain.commands.timing import Timing
from domain.reservations.reservation import Reservation, ReservationState
from fleet import bookings, transactions
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.transactions.rows import ENDED, Transaction
from journal.bookings import arrivals, commands, displacing, places
from journal.bookings.admitting import change
from journal.bookings.rows import KnownPool, booking_from, locked_pool, own_policy
from journal.bookings.sessions import elsewhere, succession
from journal.bookings.sessions.succession import Before
from journal.bookings.waking import wake_booking
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
        if known is not None and before.state in IN_USE and now >= before.end_time:
            await self._hand_on(tx, known, before, now)
        policy = await own_policy(tx, before)
        prior = await _prior(tx, known, before)
        early = await _early(tx, known, before)
        around = _Around(known, policy, prior, now, early)
        facts, session = await _facts(tx, before, around)
        step = next_carry(before, policy, facts, now)
        match step.act:
            case CarryAct.BIND:
                step = await _bind(tx, step, facts, around)
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

    async def _hand_on(self, tx: Tx, known: KnownPool, booking: Booking, now: datetime) -> None:
        """Has the next bookings of the driver look whether they take over the running session."""
        session = await transactions.get(tx, name=booking.transaction)
        if session is None or session.state == ENDED:
            return
        for name in await succession.next_bookings(tx, known, booking):
            step = await self.carry(tx, booking.tenant, name, now)
            await wake_booking(tx, step.booking, "the booking before it is over", now)


@dataclass(frozen=True)
class _Around:
    """What a booking is carried beside.

    known: None when its pool is gone. prior: of its driver or his party, before it.
    early: a session of its driver that runs already.
    """

    known: KnownPool | None
    policy: BookingPolicy
    prior: Before | None
    now: datetime
    early: Transaction | None = None

    @property
    def own(self) -> str:
        """The session of the driver himself that is in nobody's way."""
        if self.prior is not None and self.prior.of_same_driver:
            return self.prior.session.name
        return self.early.name if self.early else ""


async def _prior(tx: Tx, known: KnownPool | None, booking: Booking) -> Before | None:
    if known is None or booking.state is BookingState.PENDING:
        return None
    return await succession.booking_before(tx, known, booking)


async def _early(tx: Tx, known: KnownPool | None, booking: Booking) -> Transaction | None:
    waits = not booking.ended and booking.state not in IN_USE
    if known is None or not waits or booking.state is BookingState.PENDING:
        return None
    return await arrivals.there_before(tx, known, booking)


def _loses_its_place(before: Booking, after: Booking) -> bool:
    return not before.ended and after.cause == BookingCause.NO_PLACE_LEFT


async def _stop_other(tx: Tx, booking: Booking, timing: Timing, now: datetime) -> None:
    """Has the session stopped that is in the way of a booking."""
    session = booking.blocked and await transactions.get(tx, name=booking.blocked.transaction)
    if session:
        await commands.stop_other(tx, booking, session, timing, now)


async def _bind(tx: Tx, step: CarryStep, facts: BookingFacts, around: _Around) -> CarryStep:
    """Chooses an EVSE. Where none can be had, it is looked for again until the booking's start."""
    booking, known, now = step.booking, around.known, around.now
    refused = facts.hold if facts.hold is not None and facts.hold.ended else None
    if refused is not None and booking.place not in booking.tried:
        booking = replace(booking, tried=(*booking.tried, booking.place))
    chosen = await _chosen(tx, replace(booking, reservation=""), around)
    if chosen is not None:
        bound = replace(
            chosen, state=BookingState.BOUND, progress="The EVSE is chosen.", blocked=None
        )
        return CarryStep(CarryAct.BIND, bound, now if bound != step.booking else now + LOOK_AGAIN)
    if known is None:
        return CarryStep(CarryAct.DONE, ended(booking, BookingCause.NO_PLACE_LEFT, now))
    last = await _last_chance(tx, known, booking, facts, around)
    if last is not None:
        return last
    if refused is not None:
        return await _asked_again(tx, booking, refused, around)
    waiting = replace(booking, tried=(), progress=NONE_USABLE)
    soon = min(now + LOOK_AGAIN, max(booking.start_time, now))
    return CarryStep(CarryAct.WAIT, replace(waiting, blocked=None), soon)


async def _last_chance(
    tx: Tx, known: KnownPool, booking: Booking, facts: BookingFacts, around: _Around
) -> CarryStep | None:
    """At its start: it takes over its party's session, or another one gives way, or it does.

    Who still charges there may do so for `late_stop`; then the ladder may free the EVSE. None: it
    is not its start yet, and nobody is in its way.
    """
    blocker, policy, prior, now = facts.blocker, around.policy, around.prior, around.now
    if prior is not None and now >= max(booking.start_time, prior.booking.end_time):
        here = await succession.stay(tx, known, booking, prior, now)
        if here is not None:
            taken = replace(facts, session=_told(prior.session, None))
            return next_carry(here, policy, taken, now)
    if facts.hold is not None and facts.hold.ended and now >= booking.start_time:
        free = await _chosen(tx, replace(booking, tried=()), around)
        if free is not None:  # no station holds it: that is no reason to take it away
            here = replace(booking, place=free.place)
            return await _asked_again(tx, here, facts.hold, around)
    begins = now >= booking.start_time + (policy.late_stop if blocker else timedelta(0))
    given = await displacing.make_way(tx, known, booking, now) if begins else None
    if given is not None:
        way = "Another booking gave way to it."
        bound = replace(given, state=BookingState.BOUND, progress=way, blocked=None)
        return CarryStep(CarryAct.BIND, bound, now)
    if blocker is not None:
        return held_up(booking, policy, blocker, now)
    if begins:
        over = ended(booking, BookingCause.NO_PLACE_LEFT, now)
        return CarryStep(CarryAct.DONE, await displacing.told_why(tx, known, over, now))
    return None


async def _asked_again(
    tx: Tx, booking: Booking, refused: Reservation, around: _Around
) -> CarryStep:
    """After a pause those that were tried are tried again, the others before the last one."""
    again, now = asked_again_time(booking, refused), around.now
    if now < again:
        begun = now >= booking.start_time
        waiting = (kept_unheld if begun else refused_for_now)(booking, again)
        looks = [again, now + LOOK_AGAIN, *([] if begun else [booking.start_time])]
        return CarryStep(CarryAct.WAIT, replace(waiting, blocked=None), min(looks))
    anew = replace(booking, tried=(booking.place,), reservation="")
    other = await _chosen(tx, anew, around)
    asking = replace(other or anew, tried=() if other is None else anew.tried)
    asked = replace(asking, progress="An EVSE is asked again.", blocked=None)
    return CarryStep(CarryAct.BIND, asked, now)


async def _chosen(tx: Tx, booking: Booking, around: _Around) -> Booking | None:
    """The booking with an EVSE, preferably that at which its driver's car stands."""
    known, prior, now = around.known, around.prior, around.now
    if known is None:
        return None
    if prior is not None and prior.of_same_driver and prior.runs:
        fits = await places.usable(tx, prior.place, now, around.own) is not False
        here = await succession.stay(tx, known, booking, prior, now) if fits else None
        if here is not None:
            return here
    elif around.early is not None:
        stands = _place_of(around.early)
        here = await succession.stay_at(tx, known, booking, stands, now)
        if here is not None:
            return here
    return await places.choose(tx, known, booking, now, around.own)


async def _facts(
    tx: Tx, booking: Booking, around: _Around
) -> tuple[BookingFacts, Transaction | None]:
    known, now = around.known, around.now
    entry = await reservations.get(tx, tenant=booking.tenant, name=booking.reservation)
    hold: Reservation | None = None if entry is None else from_snapshot(entry.snapshot)
    session = await _session(tx, booking, hold, around)
    usable = await places.usable(tx, booking.place, now, around.own) if booking.place else None
    asked = booking.state is BookingState.NO_SHOW if booking.ended else hold is not None
    missed = asked and hold is not None and hold.state in UNUSED
    came = await elsewhere.came(tx, known.pool, booking, now) if known and missed else Came.NO
    prior = around.prior
    waits = prior is not None and prior.of_same_driver and prior.runs
    friendly = prior.session.name if prior else ""
    taken = usable is False and not booking.ended
    blocker = await places.blocker_of(tx, booking, now, friendly) if taken else None
    if blocker is not None:
        asked_stop = await commands.other_stop(tx, booking, blocker.transaction)
        blocker = replace(blocker, stop=asked_stop)
    told = BookingFacts(
        usable,
        hold,
        _told(session, await commands.own_stop(tx, booking)),
        came,
        car_is_there=(waits and prior is not None and prior.place == booking.place)
        or (around.early is not None and _place_of(around.early) == booking.place),
        handed_on=known is not None
        and booking.state in IN_USE
        and now >= booking.end_time
        and await succession.is_handed_on(tx, known, booking, now),
        blocker=blocker,
    )
    return told, session


async def _session(
    tx: Tx, booking: Booking, hold: Reservation | None, around: _Around
) -> Transaction | None:
    """The session of its driver, by its hold, by its token, or from the booking before it."""
    known, prior = around.known, around.prior
    if prior is not None and booking.transaction == prior.session.name:
        return prior.session
    # What another driver's session used names that session, too: the hold is LOST then.
    used = hold is not None and hold.state is ReservationState.USED
    session: Transaction | None = None
    opened = around.now >= slot_of(booking, around.policy).opens
    if (hold is None or (hold.ended and not used)) and (opened or booking.state in IN_USE):
        session = await places.own_session(tx, booking)
    elif used and hold is not None and hold.transaction:
        session = await transactions.get(tx, name=hold.transaction)
    if session is None and known is not None:
        session = await arrivals.session_of(tx, known, booking, around.policy)
    if session is None and known is not None and prior is not None:
        session = await _goes_over(tx, known, booking, prior, around.now)
    if session is None and around.early is not None:
        return await _lasts_into(tx, booking, around.early, around, opened=opened)
    if session is not None and known is not None and booking.state in IN_USE:
        return await arrivals.again(tx, known, booking, around.policy, session)
    return session


async def _lasts_into(
    tx: Tx, booking: Booking, early: Transaction, around: _Around, *, opened: bool
) -> Transaction | None:
    """The session that its driver began before its time, when it goes on in it; None: not yet.

    It may not stay where another driver was promised the place.
    """
    if around.known is None or not opened:
        return None
    here = _place_of(early)
    if here == booking.place:
        return early
    stays = await succession.stay_at(tx, around.known, booking, here, around.now)
    return early if stays is not None else None


async def _goes_over(
    tx: Tx, known: KnownPool, booking: Booking, prior: Before, now: datetime
) -> Transaction | None:
    """The session of the booking before, when it goes on in this one; None: it does not."""
    if not prior.of_same_driver or now < prior.booking.end_time or booking.state in IN_USE:
        return None
    if await succession.is_handed_on(tx, known, prior.booking, now):
        return None
    if prior.runs and not booking.ended:  # may it stay?
        stays = await succession.stay(tx, known, booking, prior, now)
        return prior.session if stays is not None else None
    return prior.session


def _told(session: Transaction | None, stop: AskedStop | None) -> BookingSession | None:
    if session is None:
        return None
    over = session.known_stop_time if session.state == ENDED else None
    return BookingSession(session.name, over, _place_of(session), stop)


def _place_of(session: Transaction) -> str:
    return place_of(session.station, session.evse_id) if session.evse_id else ""
