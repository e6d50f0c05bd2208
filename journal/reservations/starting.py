"""How the workflow of a reservation is started: by the outbox, or by whoever asks it for a change.

Every run of a reservation has the same id. A run ends when nothing is left to be done about the
hold; news that come later (a station that shows it again) start another one.
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
"""Among the kinds of commands in the web UI's filters."""


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


async def wake(tx: Tx, reservation: Reservation, reason: str, now: datetime) -> None:
    """Puts into the outbox that the reservation's workflow must look at the facts, and run."""
    await wakeups.add(tx, reservation.workflow_id, reason, now, start_of(reservation))
