"""What starts and wakes the workflow of a booking: the outbox."""

from datetime import datetime

import msgspec

from contract import names
from contract.bookings import BookingInput
from domain.bookings import words
from domain.bookings.booking import Booking
from domain.commands.wording import brief
from fleet import wakeups
from fleet.engine.statements import Tx
from fleet.wakeups import Start

BOOKING_KIND = "BOOKING"
"""The kind of a booking's workflow, beside the kinds of commands, in the web UI's filter."""

_CALLER = "bookings/"


async def wake_booking(tx: Tx, booking: Booking, reason: str, now: datetime) -> None:
    """Wakes the workflow of a booking, or starts it where none is running."""
    summary, details = brief(words.title(booking)), words.origin(booking)
    start = _start(booking.tenant, booking.name, summary, details)
    id = names.booking_workflow_id(booking.tenant, booking.name)
    await wakeups.add(tx, id, reason, now, start)


async def wake_holder(tx: Tx, tenant: str, caller: str, now: datetime) -> None:
    """Wakes the booking whose reservation has changed, where it is the reservation of one.

    caller: of the reservation's command.
    """
    name = caller.removeprefix(_CALLER)
    if name != caller:
        start = _start(tenant, name, f"Booking {name}", "")
        id = names.booking_workflow_id(tenant, name)
        await wakeups.add(tx, id, "its reservation has changed", now, start)


def caller_of(booking: str) -> str:
    """As whose a booking's own commands are made."""
    return f"{_CALLER}{booking}"


def _start(tenant: str, booking: str, summary: str, details: str) -> Start:
    return Start(
        workflow=names.BOOKING_WORKFLOW,
        queue=names.COMMANDS_QUEUE,
        argument=msgspec.to_builtins(BookingInput(tenant, booking)),
        attributes={names.KIND_ATTRIBUTE: BOOKING_KIND, names.TENANT_ATTRIBUTE: tenant},
        summary=summary,
        details=details,
    )
