"""Prints the part of docs/states.md about waiting lists from the tables that decide."""

from collections.abc import Iterator

from domain.bookings.states import BOOKING_TRANSITIONS, BookingState
from domain.bookings.waiting import follows
from domain.bookings.waitlist import WAIT_TRANSITIONS, WaitState

_MEANS = {
    WaitState.WAITING: "There is no room yet.",
    WaitState.OFFERED: "A place is kept for it, by a PENDING booking, until the offer is over.",
    WaitState.SNOOZED: "It has put an offer off, and is asked again after all who have not.",
    WaitState.ACCEPTED: "It took an offer, and has a booking.",
    WaitState.LEFT: "It does not want to wait any longer.",
    WaitState.LAPSED: "It did not take an offer in time, or the time it waited for is over.",
}


def waitlist_page() -> str:
    """States of who waits, and what becomes of an offer with its booking, in Markdown."""
    return "\n".join([*_states(), *_offers()])


def _states() -> Iterator[str]:
    yield "## Waiting lists\n\n```mermaid\nstateDiagram-v2\n    [*] --> WAITING"
    for before in WaitState:
        for after in WaitState:
            if after in WAIT_TRANSITIONS[before]:
                yield f"    {before.value} --> {after.value}"
    for end in WaitState:
        if not WAIT_TRANSITIONS[end]:
            yield f"    {end.value} --> [*]"
    yield "```\n\n| State | Means |\n| --- | --- |"
    for state in WaitState:
        yield f"| {state.value} | {_MEANS[state]} |"
    yield ""


def _offers() -> Iterator[str]:
    yield "### What becomes of an offer\n"
    yield "The entry follows the booking that keeps its place, whoever changes that.\n"
    yield "| The booking becomes | Its entry becomes |\n| --- | --- |"
    for state in BookingState:
        if state in BOOKING_TRANSITIONS[BookingState.PENDING]:
            yield f"| {state.value} | {follows(state).value} |"
    yield ""
