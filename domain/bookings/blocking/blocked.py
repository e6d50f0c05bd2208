"""What a booking remembers of the session of somebody else that is in its way."""

from dataclasses import dataclass
from datetime import datetime

from domain.bookings.policies.policy import LadderAct
from domain.bookings.policies.rules import Charge


@dataclass(frozen=True)
class Blocked:
    """A session of another driver at a booking's EVSE.

    transaction: our id of it. since: since when we know of it. place: where it is. booking: the one
    of its own driver, whose own ladder runs; "": it has none (a walk-in). done: the steps of the
    ladder that were done about it. charges: what its driver owes by them. stops: how often it was
    asked to stop.
    """

    transaction: str
    since: datetime
    place: str
    booking: str = ""
    done: tuple[LadderAct, ...] = ()
    charges: tuple[Charge, ...] = ()
    stops: int = 0
