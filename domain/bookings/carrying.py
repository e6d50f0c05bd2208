"""What is next for a booking from the moment its EVSE is chosen: facts in, one step out. Pure.

The hold at the station is an ordinary reservation. What became of it is judged there, with all that
is known of stations; a booking believes its reservation. So NO_SHOW needs a reservation that ended
because nobody came; where its use is not known, the booking's is not known either.

    CONFIRMED  until `bind_lead` before the start; then an EVSE that can be used is chosen: BOUND
    BOUND      until `hold_lead` before the start; then the station is asked to hold it: HELD
    HELD       until the driver comes (IN_USE), or the time of the hold is over (an end)
    IN_USE     until the session is over; beyond the end it is OVERSTAYED, and the ladder runs

A hold that is refused or lost, and an EVSE that cannot be used, lead to another EVSE of the pool.
One that was tried is not tried again while there is another. When the start has come and none can
be used, the booking is DISPLACED; one that only no station holds stays. Where somebody else charges
there, it waits for as long as its place would be kept for a late driver: the ladder may free it
(`domain.bookings.blocking`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.bookings.blocking.overstays import overstayed
from domain.bookings.blocking.refused_holds import end_unheld
from domain.bookings.blocking.stops import AskedStop
from domain.bookings.blocking.walk_ins import STAYS_AFTER, Blocker, climbed, noted
from domain.bookings.booking import Booking
from domain.bookings.enforcement import (
    no_show_time,
    owed_until,
)
from domain.bookings.policies.policy import BookingPolicy, Occasion
from domain.bookings.policies.rules import Charge, charges
from domain.bookings.pool import place_of
from domain.bookings.states import (
    BOOKING_CORRECTIONS,
    BOOKING_ENDINGS,
    IN_USE,
    BookingCause,
    BookingState,
)
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import EndCause

LOOK_AGAIN = timedelta(seconds=30)
"""How often a booking that waits for something is looked at, though nobody woke it."""

LOOK_SELDOM = timedelta(minutes=5)
"""The same while it is held: its reservation wakes it."""

WAIT_FOR_STATIONS = timedelta(minutes=5)
"""So long a no-show is not told while a station that may know of the driver is away."""

LOOK_AT_SESSION = timedelta(minutes=1)
"""The same while its driver charges: how late the end of a session may be noticed."""

LEFT_AFTER = timedelta(minutes=5)
"""So long after the end of a session its driver may begin another one in the same booking, and so
long after its start who left before it."""

_EARLY = timedelta(minutes=1)


class CarryAct(StrEnum):
    """What is to be done for a booking.

    WAIT: nothing. BIND: choose an EVSE. HOLD: have it held. LET_GO: cancel the hold. STOP: stop the
    session. STOP_OTHER: stop the session that is in its way. DONE: nothing any more.
    """

    WAIT = "WAIT"
    BIND = "BIND"
    HOLD = "HOLD"
    LET_GO = "LET_GO"
    STOP = "STOP"
    STOP_OTHER = "STOP_OTHER"
    DONE = "DONE"


class Came(StrEnum):
    """Whether the driver charged elsewhere in the pool in the booking's time.

    UNKNOWN: a station of the pool is away, or has just come back, and may tell it yet.
    """

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class BookingSession:
    """The session of the booking's driver. stop_time: None while it runs.

    place: where it is, when it was found by its token and not by the booking's hold; else "".
    stop: the newest command that stops it.
    """

    name: str
    stop_time: datetime | None = None
    place: str = ""
    stop: AskedStop | None = None


@dataclass(frozen=True)
class BookingFacts:
    """What is known of a booking beside itself.

    place_usable: whether its EVSE can be used; None: not known, its station is away.
    hold: its newest reservation. session: None while none has used it.
    elsewhere: whether a session of its driver's token is known, or may be, somewhere in its pool.
    car_is_there: its driver charges at its EVSE by the booking before it, which is not over.
    handed_on: its session has gone over into its driver's next booking.
    blocker: the session of somebody else at its EVSE, while nothing else is wrong with that.
    """

    place_usable: bool | None = None
    hold: Reservation | None = None
    session: BookingSession | None = None
    elsewhere: Came = Came.NO
    car_is_there: bool = False
    handed_on: bool = False
    blocker: Blocker | None = None


@dataclass(frozen=True)
class CarryStep:
    """The booking as it is now, what to do, and when to look again; None: only when woken."""

    act: CarryAct
    booking: Booking
    look_again: datetime | None = None


def next_carry(
    booking: Booking, policy: BookingPolicy, facts: BookingFacts, now: datetime
) -> CarryStep:
    """What the facts mean for a booking, and what is done next."""
    if booking.state is BookingState.PENDING:  # an offer: nobody has taken it yet
        return _pending(booking, now)
    hold = facts.hold
    corrects = not booking.ended or booking.state in BOOKING_CORRECTIONS
    if facts.handed_on and booking.state in IN_USE:
        return _end(booking, BookingCause.USED, now)
    if facts.session is not None and corrects:
        return _arrived(booking, policy, facts, facts.session, now)
    if hold is not None and hold.state is ReservationState.USED and not booking.ended:
        return _used_unseen(booking, now)
    doubted = _hold_is_doubted(hold) or facts.elsewhere is Came.YES
    if booking.state is BookingState.NO_SHOW and doubted:
        return _unknown_after_all(booking, now)
    if booking.ended:
        lets_go = hold is not None and not hold.ended
        return CarryStep(CarryAct.LET_GO if lets_go else CarryAct.DONE, booking)
    over = no_show_time(policy, booking)
    if hold is not None and hold.state in UNUSED:
        if _may_be_told_yet(facts, over, now):
            return CarryStep(CarryAct.WAIT, booking, now + LOOK_AGAIN)
        if now >= over:
            doubted = booking.card_time is not None or _in_doubt(hold, facts, over)
            return _unused(booking, policy, now, in_doubt=doubted)
        if booking.check_in_time is None:  # let go before the time; its driver may still come
            return CarryStep(CarryAct.WAIT, booking, over)
    if now >= over and (hold is None or hold.ended):
        blocked, usable = facts.blocker is not None, facts.place_usable
        return _end(booking, end_unheld(booking, hold, usable=usable, blocked=blocked), now)
    return _before_use(booking, policy, facts, now)


def ended(booking: Booking, cause: BookingCause, now: datetime) -> Booking:
    """The booking with its end."""
    state, message = BOOKING_ENDINGS[cause]
    return replace(
        booking,
        state=state,
        cause=cause.value,
        message=message,
        progress="",
        end_of_life_time=now,
        blocked=None,
    )


UNUSED = frozenset({ReservationState.EXPIRED, ReservationState.NO_SHOW})
"""The ends of a hold whose time is over: nobody was seen to use it."""


def _hold_is_doubted(hold: Reservation | None) -> bool:
    return hold is not None and hold.cause == EndCause.USE_NOT_KNOWN


def _pending(booking: Booking, now: datetime) -> CarryStep:
    if booking.confirm_by is None or now < booking.confirm_by:
        return CarryStep(CarryAct.WAIT, booking, booking.confirm_by)
    return _end(booking, BookingCause.NOT_CONFIRMED_IN_TIME, now)


def _before_use(
    booking: Booking, policy: BookingPolicy, facts: BookingFacts, now: datetime
) -> CarryStep:
    """Chooses the EVSE, and has it held, when each time has come."""
    bind, hold = booking.start_time - policy.bind_lead, booking.start_time - policy.hold_lead
    if booking.state is BookingState.CONFIRMED:
        return CarryStep(CarryAct.BIND if now >= bind else CarryAct.WAIT, booking, bind)
    held = facts.hold if facts.hold and not facts.hold.ended else None
    if held is not None:
        return _while_held(_following(booking, held), policy, facts.blocker, now)
    over = facts.hold is not None and facts.hold.state in UNUSED
    if over and facts.place_usable is not False:  # its driver has checked in: it is held on
        again = replace(_bound(booking), progress="Its driver is there; the EVSE is held on.")
        return CarryStep(CarryAct.HOLD, again, now + LOOK_AGAIN)
    lost = booking.state is not BookingState.BOUND or (facts.hold is not None and facts.hold.ended)
    if facts.blocker is not None and not facts.blocker.stays(now) and not lost:
        return _held_up(booking, policy, facts.blocker, now)
    if facts.place_usable is False or lost:
        return CarryStep(CarryAct.BIND, _bound(booking), now + LOOK_AGAIN)
    free = noted(booking, None)
    if now < hold:
        return CarryStep(CarryAct.WAIT, free, min(hold, now + LOOK_SELDOM))
    if facts.car_is_there:  # a station holds no EVSE at which somebody charges
        there = replace(free, progress="Its driver's car is there already, and charges.")
        look = min(one for one in (now + LOOK_AGAIN, booking.start_time) if one > now)
        return CarryStep(CarryAct.WAIT, there, look)
    asking = replace(free, progress="The station is being asked to hold the EVSE.")
    return CarryStep(CarryAct.HOLD, asking, now + LOOK_AGAIN)


def _while_held(
    booking: Booking, policy: BookingPolicy, blocker: Blocker | None, now: datetime
) -> CarryStep:
    """Its station holds the EVSE, or is asked to. One that lets others charge there is left."""
    is_held = booking.state is BookingState.HELD
    if blocker is None:
        look = now + (LOOK_SELDOM if is_held else LOOK_AGAIN)
        return CarryStep(CarryAct.WAIT, noted(booking, None), look)
    if is_held and now >= booking.start_time and blocker.stays(now):
        return CarryStep(CarryAct.LET_GO, noted(booking, blocker), now + LOOK_AGAIN)
    return _held_up(booking, policy, blocker, now)


def held_up(booking: Booking, policy: BookingPolicy, blocker: Blocker, now: datetime) -> CarryStep:
    """No other EVSE can be had, and somebody else charges at its own: the ladder runs.

    From the time at which it should be held on its driver is told that EVSE.
    """
    tried_again = replace(booking, tried=())
    if now >= booking.start_time - policy.hold_lead:
        tried_again = replace(tried_again, state=BookingState.BOUND)
    waits = replace(tried_again, progress="Somebody else charges there; no other EVSE is free.")
    return _held_up(waits, policy, blocker, now)


def _held_up(booking: Booking, policy: BookingPolicy, blocker: Blocker, now: datetime) -> CarryStep:
    step = climbed(booking, policy, blocker, now)
    own = (booking.start_time, no_show_time(policy, booking), blocker.since + STAYS_AFTER)
    look = min(one for one in (now + LOOK_AGAIN, step.next_step, *own) if one and one > now)
    act = CarryAct.STOP_OTHER if step.stops else CarryAct.WAIT
    return CarryStep(act, step.booking, look)


def _following(booking: Booking, hold: Reservation) -> Booking:
    """The booking beside a hold that has not ended."""
    if hold.state is ReservationState.HELD and booking.state is not BookingState.HELD:
        return replace(booking, state=BookingState.HELD, progress="Held; its driver is expected.")
    if hold.state is ReservationState.REQUESTED:
        return _bound(booking)
    return booking


def _bound(booking: Booking) -> Booking:
    if booking.state is BookingState.BOUND:
        return booking
    return replace(
        booking, state=BookingState.BOUND, transaction="", progress="An EVSE is looked for."
    )


def _unused(booking: Booking, policy: BookingPolicy, now: datetime, *, in_doubt: bool) -> CarryStep:
    """The time of the hold is over. Only a hold that is known to be unused is a no-show."""
    if in_doubt:
        return _end(booking, BookingCause.USE_NOT_KNOWN, now)
    if booking.check_in_time is not None:
        return _end(booking, BookingCause.CHECKED_IN_ONLY, now)
    due = charges(policy, booking.request, Occasion.NO_SHOW)
    charged = replace(booking, charges=(*booking.charges, *due))
    return _end(charged, BookingCause.NOBODY_CAME, now)


def _may_be_told_yet(facts: BookingFacts, over: datetime, now: datetime) -> bool:
    """Whether a station that is away for a moment is waited for, before an end is told."""
    return facts.elsewhere is Came.UNKNOWN and over <= now < over + WAIT_FOR_STATIONS


def _in_doubt(hold: Reservation, facts: BookingFacts, over: datetime) -> bool:
    """Whether it is not known that nobody came until `over`.

    A station that let the hold go before its time, and is away when that is over, saw only a part.
    Who charged at another EVSE of the pool came, early or to the wrong place. Where somebody else
    charges the driver may have found no room.
    """
    early = hold.end_time is not None and hold.end_time < over
    unseen = early and facts.place_usable is None
    elsewhere = facts.elsewhere is not Came.NO
    return unseen or elsewhere or _hold_is_doubted(hold) or facts.blocker is not None


def _unknown_after_all(booking: Booking, now: datetime) -> CarryStep:
    """It was told that nobody came, and a report that came later puts that in doubt."""
    doubted = replace(booking, charges=_without_no_show(booking))
    return _end(doubted, BookingCause.USE_NOT_KNOWN, booking.end_of_life_time or now)


def _without_no_show(booking: Booking) -> tuple[Charge, ...]:
    return tuple(each for each in booking.charges if each.occasion is not Occasion.NO_SHOW)


def _arrived(
    booking: Booking,
    policy: BookingPolicy,
    facts: BookingFacts,
    session: BookingSession,
    now: datetime,
) -> CarryStep:
    """The driver is there. Who came to another EVSE of the pool has that one, and no hold."""
    hold, here = facts.hold, session.place or booking.place
    used = _used(replace(booking, place=here), policy, session, now)
    if hold is None or hold.ended or _is_at(hold, here) or used.act is CarryAct.STOP:
        return used
    return CarryStep(CarryAct.LET_GO, used.booking, now + LOOK_AGAIN)


def _is_at(hold: Reservation, place: str) -> bool:
    return hold.evse_id is None or place_of(hold.station, hold.evse_id) == place


def _used(
    booking: Booking, policy: BookingPolicy, session: BookingSession, now: datetime
) -> CarryStep:
    """The driver came. What was told before that nobody came is corrected by this."""
    used = booking
    if booking.state not in IN_USE:
        used = replace(
            booking,
            state=BookingState.IN_USE,
            transaction=session.name,
            blocked=None,
            cause="",
            message="",
            end_of_life_time=None,
            progress="Its driver is charging.",
            charges=_without_no_show(booking),
        )
    elif session.name != booking.transaction:  # he has plugged in again
        used = replace(booking, transaction=session.name)
    if session.stop_time is not None:
        return _left(used, policy, session.stop_time, now)
    return _climbing(used, policy, session, now)


def _used_unseen(booking: Booking, now: datetime) -> CarryStep:
    """The hold was used, and nothing is known of the session any more."""
    if now >= booking.end_time:
        return _end(booking, BookingCause.USED, now)
    used = booking
    if booking.state not in IN_USE:
        there = noted(booking, None)
        used = replace(there, state=BookingState.IN_USE, progress="Its driver is charging.")
    return CarryStep(CarryAct.WAIT, used, min(now + LOOK_AGAIN, booking.end_time))


def _left(booking: Booking, policy: BookingPolicy, stop_time: datetime, now: datetime) -> CarryStep:
    booking = replace(booking, charges=owed_until(stop_time, booking, policy))
    until = min(booking.end_time, max(stop_time, booking.start_time) + LEFT_AFTER)
    if now < until:
        return CarryStep(CarryAct.WAIT, booking, until)
    if stop_time > booking.end_time + policy.late_stop:
        return _end(booking, BookingCause.OVERSTAYED, now)
    early = stop_time < booking.end_time - _EARLY
    return _end(booking, BookingCause.LEFT_EARLY if early else BookingCause.USED, now)


def _climbing(
    booking: Booking, policy: BookingPolicy, session: BookingSession, now: datetime
) -> CarryStep:
    step = overstayed(booking, policy, session.stop, now)
    look = min(one for one in (now + LOOK_AT_SESSION, step.next_step) if one is not None)
    return CarryStep(CarryAct.STOP if step.stops else CarryAct.WAIT, step.booking, look)


def _end(booking: Booking, cause: BookingCause, now: datetime) -> CarryStep:
    return CarryStep(CarryAct.DONE, ended(booking, cause, now))
