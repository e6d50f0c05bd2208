"""Where a booking stands, as a table, with every end and its sentence.

A booking is PENDING while its operator waits for a payment, CONFIRMED once it is promised. Shortly
before its start its EVSE is chosen (BOUND), then held at the station (HELD). A driver may come
before either has happened, or while the place is being changed, so IN_USE can follow each of them.
A bound place may be given up for another one: HELD goes back to BOUND when the station lost the
hold, and BOUND back to CONFIRMED when no EVSE of the pool can serve it for the moment.

A session may turn out to be another driver's, when its token is told late. Then the booking waits
for its own driver again (BOUND), or nobody knows whether that one came (EXPIRED).

NO_SHOW is a definite negative, and somebody is charged for it. It is told only when the station was
there to see that nobody came. Where that is not known the booking is EXPIRED, and nothing is
charged. A session that is told later corrects both: the driver came.
"""

from collections.abc import Mapping
from enum import StrEnum


class BookingState(StrEnum):
    """Where a booking stands. FULFILLED and all behind it are ends."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    BOUND = "BOUND"
    HELD = "HELD"
    IN_USE = "IN_USE"
    OVERSTAYED = "OVERSTAYED"
    FULFILLED = "FULFILLED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"
    EXPIRED = "EXPIRED"
    DISPLACED = "DISPLACED"
    REJECTED = "REJECTED"


_S = BookingState

BOOKING_ENDS = frozenset(
    {_S.FULFILLED, _S.CANCELLED, _S.NO_SHOW, _S.EXPIRED, _S.DISPLACED, _S.REJECTED}
)
"""The states of a booking that has ended. It never asks for a place again."""

IN_USE = frozenset({_S.IN_USE, _S.OVERSTAYED})
"""The states of a booking whose driver is there."""

EVSE_CHOSEN = frozenset({_S.BOUND, _S.HELD}) | IN_USE
"""The states of a booking whose EVSE is chosen."""

_WAITING_ENDS = frozenset({_S.CANCELLED, _S.NO_SHOW, _S.EXPIRED, _S.DISPLACED})

BOOKING_TRANSITIONS: Mapping[BookingState, frozenset[BookingState]] = {
    _S.PENDING: frozenset({_S.CONFIRMED, _S.CANCELLED, _S.EXPIRED, _S.DISPLACED, _S.REJECTED}),
    _S.CONFIRMED: frozenset({_S.BOUND, _S.IN_USE}) | _WAITING_ENDS,
    _S.BOUND: frozenset({_S.CONFIRMED, _S.HELD, _S.IN_USE}) | _WAITING_ENDS,
    _S.HELD: frozenset({_S.BOUND, _S.IN_USE}) | _WAITING_ENDS,
    _S.IN_USE: frozenset({_S.OVERSTAYED, _S.FULFILLED, _S.BOUND, _S.EXPIRED}),
    _S.OVERSTAYED: frozenset({_S.FULFILLED, _S.BOUND, _S.EXPIRED}),
    **{end: frozenset() for end in BOOKING_ENDS},
}

BOOKING_CORRECTIONS: Mapping[BookingState, frozenset[BookingState]] = {
    _S.NO_SHOW: frozenset({_S.IN_USE, _S.OVERSTAYED, _S.FULFILLED, _S.EXPIRED}),
    _S.EXPIRED: frozenset({_S.IN_USE, _S.OVERSTAYED, _S.FULFILLED}),
}
"""How an end is told anew: a session, or a doubt about the station, is reported after it."""


class BookingCause(StrEnum):
    """Why a booking ended. The words are stable: clients branch on them."""

    USED = "USED"
    LEFT_EARLY = "LEFT_EARLY"
    OVERSTAYED = "OVERSTAYED"
    STATION_FAILED_IN_USE = "STATION_FAILED_IN_USE"
    CANCELLED_BY_HOLDER = "CANCELLED_BY_HOLDER"
    CANCELLED_BY_OPERATOR = "CANCELLED_BY_OPERATOR"
    SERIES_CANCELLED = "SERIES_CANCELLED"
    NOBODY_CAME = "NOBODY_CAME"
    USE_NOT_KNOWN = "USE_NOT_KNOWN"
    CHECKED_IN_ONLY = "CHECKED_IN_ONLY"
    NOT_HELD = "NOT_HELD"
    NOT_CONFIRMED_IN_TIME = "NOT_CONFIRMED_IN_TIME"
    NO_PLACE_LEFT = "NO_PLACE_LEFT"
    POOL_SHRUNK = "POOL_SHRUNK"
    POOL_CLOSED = "POOL_CLOSED"
    CONFIRMATION_DENIED = "CONFIRMATION_DENIED"


_C = BookingCause

BOOKING_ENDINGS: Mapping[BookingCause, tuple[BookingState, str]] = {
    _C.USED: (_S.FULFILLED, "The driver came and charged."),
    _C.LEFT_EARLY: (_S.FULFILLED, "The driver came, and left before the end. The rest is free."),
    _C.OVERSTAYED: (_S.FULFILLED, "The driver came, and stayed longer than was booked."),
    _C.STATION_FAILED_IN_USE: (
        _S.FULFILLED,
        "The driver came, and the station failed while the session ran.",
    ),
    _C.CANCELLED_BY_HOLDER: (_S.CANCELLED, "The holder cancelled the booking."),
    _C.CANCELLED_BY_OPERATOR: (_S.CANCELLED, "The operator cancelled the booking."),
    _C.SERIES_CANCELLED: (_S.CANCELLED, "The series that it belongs to was cancelled."),
    _C.NOBODY_CAME: (
        _S.NO_SHOW,
        "Nobody came in time. The station was connected, and no session began.",
    ),
    _C.USE_NOT_KNOWN: (
        _S.EXPIRED,
        "Its time is over. Whether the driver came is not known: the station was away for a part "
        "of the time, its EVSE was not chosen in time, a session elsewhere in the pool may have "
        "been the driver's, or a card of his was shown and no session began.",
    ),
    _C.CHECKED_IN_ONLY: (_S.EXPIRED, "The driver checked in, and no session began."),
    _C.NOT_HELD: (
        _S.EXPIRED,
        "No station held its place, which was its driver's all the same. No session of the driver "
        "is known; whether the driver came is not known.",
    ),
    _C.NOT_CONFIRMED_IN_TIME: (_S.EXPIRED, "It was not confirmed in time."),
    _C.NO_PLACE_LEFT: (
        _S.DISPLACED,
        "An EVSE failed or stayed occupied, and no other one of the pool can serve it.",
    ),
    _C.POOL_SHRUNK: (_S.DISPLACED, "The operator took EVSEs out of the pool."),
    _C.POOL_CLOSED: (_S.DISPLACED, "The operator closed the pool for that time."),
    _C.CONFIRMATION_DENIED: (_S.REJECTED, "The operator did not confirm it."),
}
"""Every end of a booking: its state, and a sentence for a human."""


def booking_may_become(now: BookingState, then: BookingState) -> bool:
    """Whether a booking may move from `now` to `then`."""
    return then in BOOKING_TRANSITIONS[now]


def booking_may_be_corrected(told: BookingState, proven: BookingState) -> bool:
    """Whether a booking that was told to have ended as `told` may turn out as `proven`."""
    return proven in BOOKING_CORRECTIONS.get(told, frozenset())
