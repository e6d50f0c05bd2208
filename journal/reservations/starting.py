"""What starts the workflow of a reservation: the outbox, or the broker that asks for a change.

All runs of one reservation have the same workflow id. A run ends when nothing is left to do. Later
news (a station that shows the place as reserved again) start another run.
"""

from datetime import datetime

import msgspec

from contract import names
from contract.reservations import ReservationInput
from domain.commands import wording
from domain.reservations.reservation import Reservation
from domain.reservations.wording import origin, title
from fleet import wakeups
from fleet.engine.statements import Tx
from fleet.wakeups import Start

RESERVATION_KIND = "RESERVATION"
"""The kind of a reservation's workflow, beside the kinds of commands, in the web UI's filter."""


def start_of(reservation: Reservation) -> Start:
    """What starts a run of the reservation's workflow."""
    order = ReservationInput(reservation.tenant, reservation.name, reservation.station)
    return Start(
        workflow=names.RESERVATION_WORKFLOW,
        queue=names.COMMANDS_QUEUE,
        argument=msgspec.to_builtins(order),
        attributes={
            names.STATION_ATTRIBUTE: reservation.station,
            names.KIND_ATTRIBUTE: RESERVATION_KIND,
            names.TENANT_ATTRIBUTE: reservation.tenant,
        },
        summary=wording.brief(title(reservation)),
        details=origin(reservation),
    )


async def wake_reservation(tx: Tx, reservation: Reservation, reason: str, now: datetime) -> None:
    """Wakes the workflow of a reservation, or starts it where none is running."""
    await wakeups.add(tx, reservation.workflow_id, reason, now, start_of(reservation))
