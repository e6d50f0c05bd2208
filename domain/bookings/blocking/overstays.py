"""A booking whose own driver charges beyond its end: the steps of its ladder. Pure."""

from dataclasses import replace
from datetime import datetime

from domain.bookings.blocking.stops import AskedStop, asks_again
from domain.bookings.blocking.walk_ins import BlockedStep
from domain.bookings.booking import Booking
from domain.bookings.enforcement import ladder_due, next_step_time, times_charged
from domain.bookings.policies.policy import BookingPolicy, LadderAct, Occasion
from domain.bookings.policies.rules import charges
from domain.bookings.states import BookingState


def overstayed(
    booking: Booking, policy: BookingPolicy, stop: AskedStop | None, now: datetime
) -> BlockedStep:
    """The booking after the steps that are due, each once; STOP again while its session runs.

    stop: the newest command that stops the session.
    """
    due = ladder_due(policy, booking.end_time, booking.ladder_done, now)
    owed = charges(policy, booking.request, Occasion.OVERSTAY) * times_charged(due)
    again = asks_again(booking.stops, stop, now)
    stops = again or any(step.act is LadderAct.STOP for step in due)
    after = replace(
        booking,
        ladder_done=booking.ladder_done + len(due),
        charges=(*booking.charges, *owed),
        stops=booking.stops + stops,
    )
    if now > booking.end_time + policy.late_stop:
        there = "Its driver is there too long."
        after = replace(after, state=BookingState.OVERSTAYED, progress=there)
    if again:
        after = replace(after, progress=f"There too long; asked to stop {after.stops} times.")
    return BlockedStep(after, stops, next_step_time(policy, booking.end_time, after.ladder_done))
