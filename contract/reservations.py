"""Inputs and results of the reservation workflow, its update and its activities.

The rules for payloads are those of `contract/commands.py`.
"""

from dataclasses import dataclass
from datetime import datetime

from contract.commands import SendFrameInput
from domain.reservations.next_step import ReservationAct
from domain.reservations.reservation import Reservation


@dataclass(frozen=True)
class ReservationInput:
    """Input of the reservation workflow: names only. The event log holds the reservation."""

    tenant: str
    reservation: str
    station: str


@dataclass(frozen=True)
class ReservationResult:
    """Result of one run of the reservation workflow: how the reservation stands."""

    state: str
    cause: str


@dataclass(frozen=True)
class ChangeInput:
    """Input of the `change` update. None: this part of the reservation stays as it is.

    request_id: the same id is the same change, however often it is asked for.
    """

    request_id: str
    expire_time: datetime | None = None
    evse_id: int | None = None


@dataclass(frozen=True)
class WeighReservationInput:
    """Input of `weigh_reservation`.

    not_before: the end of the reservation when it is about a second away: the activity waits for
        it and reads the facts then. None: the facts are read at once.
    """

    tenant: str
    reservation: str
    now: datetime
    not_before: datetime | None = None


@dataclass(frozen=True)
class WeighReservationResult:
    """Result of `weigh_reservation`: what to do next. What the facts mean is recorded already.

    look_again: when to weigh again; None: only when woken.
    request: the frame to send, None when there is none. gateway: the process that holds the
        station's socket, None when no process does.
    """

    act: ReservationAct
    reservation: Reservation
    look_again: datetime | None = None
    gateway: str | None = None
    request: SendFrameInput | None = None


@dataclass(frozen=True)
class ChangeReservationInput:
    """Input of `change_reservation`: record a change that was asked for.

    change: None: an operator ended the reservation, for `reason`.
    """

    tenant: str
    reservation: str
    now: datetime
    change: ChangeInput | None = None
    reason: str = ""
