"""Reads what the fleet remembers of a booking, and returns its story."""

from typing import Any

import msgspec

from domain.bookings.booking import Booking
from fleet import transactions
from fleet.engine.statements import Tx
from fleet.log import commands
from fleet.log.commands import Filter
from fleet.log.pool_logs import BOOKING_LOG
from fleet.transactions.rows import ENDED
from journal.bookings.rows import booking_told
from journal.bookings.waking import caller_of
from journal.commands.record import from_snapshot
from journal.explain.bookings import (
    BookingCommand,
    BookingDetails,
    LoggedBooking,
    SeenSession,
    explain_booking,
)
from journal.explain.step import ExplainStep

MOST_COMMANDS = 200
"""How many commands of one booking its story tells at most: it asks for a few."""


def details_content(details: BookingDetails) -> dict[str, Any]:
    """What was decided with a change, as the JSON that the log keeps."""
    content: dict[str, Any] = msgspec.to_builtins(details)
    return content


async def read_story(tx: Tx, booking: Booking) -> tuple[ExplainStep, ...]:
    """Everything that happened with a booking so far, in order."""
    changes = [
        LoggedBooking(
            each.time,
            booking_told(each.snapshot),
            None if each.details is None else msgspec.convert(each.details, BookingDetails),
        )
        for each in await BOOKING_LOG.history(tx, booking.tenant, booking.name)
    ]
    if not changes:  # it was made before its changes were kept
        changes = [LoggedBooking(booking.create_time, booking)]
    asked, _ = await commands.list_page(
        tx, Filter(booking.tenant, labels={"booking": booking.name}), limit=MOST_COMMANDS
    )
    own = [
        BookingCommand(command, each.time)
        for each in asked
        if (command := from_snapshot(each.snapshot)).caller == caller_of(booking.name)
    ]
    return explain_booking(changes, own, await _session(tx, booking))


async def _session(tx: Tx, booking: Booking) -> SeenSession | None:
    found = await transactions.get(tx, name=booking.transaction) if booking.transaction else None
    if found is None:
        return None
    over = found.stop_received_time or found.stop_time
    ended = over if found.state == ENDED else None
    return SeenSession(found.station, found.name, found.received_time, ended)
