"""Prints the part of docs/states.md about bookings from the tables that decide."""

from collections.abc import Iterator

from domain.bookings.ocpi.statuses import CANCELLATIONS, RESERVATION_STATUSES, STATUS_BY_CAUSE
from domain.bookings.states import (
    BOOKING_CORRECTIONS,
    BOOKING_ENDINGS,
    BOOKING_ENDS,
    BOOKING_TRANSITIONS,
    BookingState,
)

_MEANS = {
    BookingState.PENDING: "A place is kept until it is confirmed.",
    BookingState.CONFIRMED: "A place is promised; which EVSE is chosen late.",
    BookingState.BOUND: "The EVSE is chosen; its station is asked to hold it.",
    BookingState.HELD: "The station holds it; its driver is expected.",
    BookingState.IN_USE: "Its driver is charging.",
    BookingState.OVERSTAYED: "Its driver is there longer than was booked; the ladder runs.",
    BookingState.FULFILLED: "Its driver came.",
    BookingState.CANCELLED: "By its holder or the operator.",
    BookingState.NO_SHOW: "Nobody came, and the station was there to see that.",
    BookingState.EXPIRED: "It was not confirmed, or whether its driver came is not known.",
    BookingState.DISPLACED: "Its place was lost, and there was no other one.",
    BookingState.REJECTED: "The operator did not confirm it.",
}


def bookings_page() -> str:
    """States, ends and corrections of bookings, and their words in OCPI, in Markdown."""
    return "\n".join([*_states(), *_ends(), *_corrections(), *_ocpi()])


def _states() -> Iterator[str]:
    yield "## Bookings\n\n```mermaid\nstateDiagram-v2\n    [*] --> PENDING\n    [*] --> CONFIRMED"
    for before in BookingState:
        for after in BookingState:
            if after in BOOKING_TRANSITIONS[before]:
                yield f"    {before.value} --> {after.value}"
    for end in BookingState:
        if end in BOOKING_ENDS:
            yield f"    {end.value} --> [*]"
    yield "```\n\n| State | Means |\n| --- | --- |"
    for state in BookingState:
        yield f"| {state.value} | {_MEANS[state]} |"
    yield ""


def _ends() -> Iterator[str]:
    yield "### How a booking ends\n\n| Cause | State | Means |\n| --- | --- | --- |"
    for cause, (state, sentence) in BOOKING_ENDINGS.items():
        yield f"| {cause.value} | {state.value} | {sentence} |"
    yield ""


def _corrections() -> Iterator[str]:
    yield "### Ends that are corrected\n\n| Told | May turn out as |\n| --- | --- |"
    for told, proven in BOOKING_CORRECTIONS.items():
        states = ", ".join(state.value for state in BookingState if state in proven)
        yield f"| {told.value} | {states} |"
    yield ""


def _ocpi() -> Iterator[str]:
    yield "### In OCPI's words\n"
    yield "| State | ReservationStatus |\n| --- | --- |"
    for state, status in RESERVATION_STATUSES.items():
        but = [f"{word}: {told}" for word, told in _others(state)]
        yield f"| {state.value} | {'; '.join([status.value, *but])} |"
    yield "\n| Cause | CanceledReason | Who |\n| --- | --- | --- |"
    for cause, cancelled in CANCELLATIONS.items():
        yield f"| {cause} | {cancelled.reason.value} | {cancelled.by.value} |"
    yield ""


def _others(state: BookingState) -> Iterator[tuple[str, str]]:
    """The causes of a state for which OCPI has another word."""
    for cause, told in STATUS_BY_CAUSE.items():
        if any(each == cause and end is state for each, (end, _) in BOOKING_ENDINGS.items()):
            yield cause, told.value
