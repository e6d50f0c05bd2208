"""The worker's activity for bookings: one look at a booking, with all that follows from it."""

from collections.abc import Callable

import structlog

from contract import activities as stubs
from contract.activities import implements
from contract.bookings import CarryBookingInput, CarryBookingResult
from domain.bookings import words
from domain.bookings.carrying import CarryAct
from domain.commands.timing import Timing
from fleet.database import Database
from journal.bookings.carrying import Carrier

_log = structlog.get_logger(__name__)


class BookingActivities:
    """Activities on the fleet's bookings. Register `all` with a worker."""

    def __init__(self, db: Database, timing: Timing) -> None:
        self._db = db
        self._carrier = Carrier(timing)

    @property
    def all(self) -> list[Callable[..., object]]:
        """What a worker has to register."""
        return [self.carry_booking]

    @implements(stubs.carry_booking)
    async def carry_booking(self, request: CarryBookingInput) -> CarryBookingResult:
        """Reads all facts about a booking, writes what they mean, and asks for what follows."""
        async with self._db.write() as tx:
            step = await self._carrier.carry(tx, request.tenant, request.booking, request.now)
        booking = step.booking
        _log.info(
            "booking_carried",
            booking=booking.name,
            state=booking.state.value,
            act=step.act.value,
            place=booking.place,
        )
        return CarryBookingResult(
            state=booking.state.value,
            cause=booking.cause,
            is_done=step.act is CarryAct.DONE,
            details=words.details(booking),
            look_again=step.look_again,
        )
