"""Inputs and results of the booking workflow and of its activity.

The rules for payloads are those of `contract/commands.py`.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class BookingInput:
    """Input of the booking workflow: names only. The fleet holds the booking."""

    tenant: str
    booking: str


@dataclass(frozen=True)
class BookingResult:
    """Result of one run of the booking workflow: how the booking stands."""

    state: str
    cause: str


@dataclass(frozen=True)
class CarryBookingInput:
    """Input of `carry_booking`."""

    tenant: str
    booking: str
    now: datetime


@dataclass(frozen=True)
class CarryBookingResult:
    """Result of `carry_booking`. What the facts mean is written already, and what follows is asked.

    is_done: nothing is left to do until somebody wakes the booking. look_again: when the facts are
    read again; None: only when woken. details: how it stands, for the web UI.
    """

    state: str
    cause: str
    is_done: bool
    details: str
    look_again: datetime | None = None
