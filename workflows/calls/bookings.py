"""Every call that a booking workflow makes, with its timeouts and retries written out."""

from datetime import datetime

from temporalio import workflow

from contract import activities as stubs
from contract.bookings import BookingInput, CarryBookingInput, CarryBookingResult
from workflows.calls.retries import UNTIL_IT_WORKS
from workflows.limits import LOOK_UP


async def carry(about: BookingInput, now: datetime) -> CarryBookingResult:
    """Decides what all facts mean for this booking, writes it, and asks for what follows."""
    return await workflow.execute_local_activity(
        stubs.carry_booking,
        CarryBookingInput(about.tenant, about.booking, now),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="What is next for this booking?",
    )
