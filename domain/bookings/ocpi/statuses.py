"""A booking's state in OCPI's words, and back. Source: OCPI Bookings 1.1, enums.

OCPI has fewer states than we have: RESERVED is a promise wherever it stands; FULFILLED says that
a session has begun. A booking of which nobody knows whether its driver came is UNKNOWN there:
NO_SHOW would be a definite negative, and FAILED is an error of the request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.bookings.booking import Booking
from domain.bookings.states import BookingCause, BookingState


class ReservationStatus(StrEnum):
    """OCPI's ReservationStatus."""

    PENDING = "PENDING"
    RESERVED = "RESERVED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    NO_SHOW = "NO_SHOW"
    FULFILLED = "FULFILLED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class RequestStatus(StrEnum):
    """OCPI's ReservationRequestStatus."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    FAILED = "FAILED"


class CanceledReason(StrEnum):
    """OCPI's CanceledReason."""

    POWER_OUTAGE = "POWER_OUTAGE"
    BROKEN_CHARGER = "BROKEN_CHARGER"
    FULL = "FULL"
    BLOCKED = "BLOCKED"
    TRAFFIC = "TRAFFIC"
    BROKEN_VEHICLE = "BROKEN_VEHICLE"
    NO_CANCELED = "NO_CANCELED"
    UNKNOWN = "UNKNOWN"


class PartyRole(StrEnum):
    """OCPI's Role, as far as a booking can be cancelled by it."""

    CPO = "CPO"
    EMSP = "EMSP"


@dataclass(frozen=True)
class Cancellation:
    """OCPI's Cancellation: why a booking was cancelled, and by whom."""

    reason: CanceledReason
    by: PartyRole


_S = BookingState
_R = ReservationStatus

RESERVATION_STATUSES: Mapping[BookingState, ReservationStatus] = {
    _S.PENDING: _R.PENDING,
    _S.CONFIRMED: _R.RESERVED,
    _S.BOUND: _R.RESERVED,
    _S.HELD: _R.RESERVED,
    _S.IN_USE: _R.FULFILLED,
    _S.OVERSTAYED: _R.FULFILLED,
    _S.FULFILLED: _R.FULFILLED,
    _S.CANCELLED: _R.CANCELED,
    _S.NO_SHOW: _R.NO_SHOW,
    _S.EXPIRED: _R.FAILED,
    _S.DISPLACED: _R.CANCELED,
    _S.REJECTED: _R.REJECTED,
}
"""The status of each state. The cause says more: see `status_of`."""

STATUS_BY_CAUSE: Mapping[str, ReservationStatus] = {
    BookingCause.USE_NOT_KNOWN: _R.UNKNOWN,
    BookingCause.NOT_HELD: _R.UNKNOWN,
}
"""The ends that have another status than their state."""

_C = BookingCause

CANCELLATIONS: Mapping[str, Cancellation] = {
    _C.CANCELLED_BY_HOLDER: Cancellation(CanceledReason.NO_CANCELED, PartyRole.EMSP),
    _C.SERIES_CANCELLED: Cancellation(CanceledReason.NO_CANCELED, PartyRole.EMSP),
    _C.CANCELLED_BY_OPERATOR: Cancellation(CanceledReason.UNKNOWN, PartyRole.CPO),
    _C.NO_PLACE_LEFT: Cancellation(CanceledReason.UNKNOWN, PartyRole.CPO),
    _C.POOL_SHRUNK: Cancellation(CanceledReason.UNKNOWN, PartyRole.CPO),
    _C.POOL_CLOSED: Cancellation(CanceledReason.UNKNOWN, PartyRole.CPO),
}
"""Who cancelled. A reason of OCPI is told only where it is known: NO_PLACE_LEFT may be a fault or a
place that stayed occupied, which OCPI tells apart."""


def status_of(booking: Booking) -> ReservationStatus:
    """OCPI's status of a booking as it stands."""
    told = RESERVATION_STATUSES[booking.state]
    return STATUS_BY_CAUSE.get(booking.cause, told) if booking.ended else told


def states_of(status: ReservationStatus) -> frozenset[BookingState]:
    """The states that a booking with this status may be in."""
    if status is _R.UNKNOWN:
        return frozenset({_S.EXPIRED})
    return frozenset(state for state, told in RESERVATION_STATUSES.items() if told is status)


def request_status_of(booking: Booking) -> RequestStatus:
    """OCPI's status of the request that made a booking: what became of the booking is not its."""
    if booking.state is _S.PENDING:
        return RequestStatus.PENDING
    if booking.state is _S.REJECTED:
        return RequestStatus.DECLINED
    if booking.cause == BookingCause.NOT_CONFIRMED_IN_TIME:
        return RequestStatus.FAILED
    return RequestStatus.ACCEPTED


def cancellation_of(booking: Booking) -> Cancellation | None:
    """Why a booking was cancelled, and by whom; None when it was not."""
    if status_of(booking) is not _R.CANCELED:
        return None
    told = CANCELLATIONS.get(booking.cause, Cancellation(CanceledReason.UNKNOWN, PartyRole.CPO))
    said = _SAID.get(booking.cancel_reason)
    return told if said is None else replace(told, reason=said)


def reason_of(cancellation: Cancellation) -> str:
    """The `reason` of CancelBooking that keeps OCPI's word, so that it goes back as it came."""
    return f"OCPI: {cancellation.reason}"


_SAID = {reason_of(Cancellation(reason, PartyRole.EMSP)): reason for reason in CanceledReason}
