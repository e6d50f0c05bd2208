"""Prints the part of docs/states.md about reservations from the tables that decide."""

from collections.abc import Iterator

from domain.limits import CORRECTED_WITHIN
from domain.reservations.reservation import (
    CORRECTIONS,
    ENDS,
    TRANSITIONS,
    ChangeState,
    ReservationState,
)
from domain.reservations.transitions import ENDINGS

_MEANS = {
    ReservationState.REQUESTED: (
        "Its ReserveNow is under way, an unknown hold is being undone, or whether a session used "
        "it is not known. It ends at its time at the latest."
    ),
    ReservationState.HELD: "The station said yes; a workflow cares for it until its end.",
    ReservationState.USED: "The driver came.",
    ReservationState.EXPIRED: "Our timer ended it.",
    ReservationState.NO_SHOW: "The driver identified, and no session was started.",
    ReservationState.CANCELLED: "By its caller or an operator, or an unknown hold was undone.",
    ReservationState.LOST: "The station let it go, or cannot serve it.",
    ReservationState.REFUSED: "It was never made; the cause is that of its command's outcome.",
}

_CHANGE_MEANS = {
    ChangeState.PENDING: "The station is being asked.",
    ChangeState.ACCEPTED: "The station took it.",
    ChangeState.REFUSED: "It was not made; the old hold was asked for again.",
    ChangeState.UNKNOWN: "The station did not say; the old hold was asked for again.",
}


def reservations_page() -> str:
    """States, ends and changes of reservations, in Markdown."""
    return "\n".join([*_states(), *_ends(), *_corrections(), *_changes()])


def _states() -> Iterator[str]:
    yield "## Reservations\n\n```mermaid\nstateDiagram-v2\n    [*] --> REQUESTED"
    for before in ReservationState:
        for after in ReservationState:
            if after in TRANSITIONS[before]:
                yield f"    {before.value} --> {after.value}"
    for end in ReservationState:
        if end in ENDS:
            yield f"    {end.value} --> [*]"
    yield "```\n\n| State | Means |\n| --- | --- |"
    for state in ReservationState:
        yield f"| {state.value} | {_MEANS[state]} |"
    yield ""


def _ends() -> Iterator[str]:
    yield "### Why a reservation ended\n\n| Cause | State | What a driver can be told |"
    yield "| --- | --- | --- |"
    for cause, (state, sentence) in ENDINGS.items():
        yield f"| {cause.value} | {state.value} | {sentence} |"
    yield ""


def _corrections() -> Iterator[str]:
    yield "### An end that is told anew\n"
    yield "Our timer ends a reservation in time, and a session may be reported only afterwards. One"
    yield "that names the reservation, or that is of its token at its place and began before the"
    yield f"end, then corrects what was told, for {CORRECTED_WITHIN.days} days. What was cancelled"
    yield "is corrected only by a session that names it. What a session has proven stays, and so"
    yield "does `end_time`; but a token that is told later, and is another's, makes USED LOST."
    yield ""
    yield "| Told as | May be told anew as |\n| --- | --- |"
    for told in ReservationState:
        if told in CORRECTIONS:
            anew = ", ".join(
                state.value for state in ReservationState if state in CORRECTIONS[told]
            )
            yield f"| {told.value} | {anew} |"
    yield ""


def _changes() -> Iterator[str]:
    yield "### Changes of a reservation\n\n| State | Means |\n| --- | --- |"
    for state in ChangeState:
        yield f"| {state.value} | {_CHANGE_MEANS[state]} |"
    yield ""
