"""Reservations of another back end (CSMS), as far as its commands and their answers tell."""

from collections.abc import Sequence
from datetime import datetime

from domain.back_end.commands import TheirCommand
from domain.model.specs import Kind

RESERVING = (Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION)
"""The kinds of commands that make and end reservations."""


def standing(
    commands: Sequence[TheirCommand], at: datetime, evse_id: int | None
) -> tuple[TheirCommand, ...]:
    """The reservations that a station may hold for the back end at this time.

    commands: those of `RESERVING`, in order. evse_id: of the place; None: any. Whether one was used
    by a session nobody tells here: it is a reason why a place may be refused, and no certainty.
    """
    held: dict[int | None, TheirCommand] = {}
    for each in commands:
        if not each.agreed or each.send_time > at:
            continue
        held.pop(each.number, None)
        if each.kind is RESERVING[0]:
            held[each.number] = each
    return tuple(
        each
        for each in held.values()
        if each.expire_time is not None and each.expire_time > at
        if None in {evse_id, each.evse_id} or each.evse_id == evse_id
    )


def ended_by(commands: Sequence[TheirCommand], number: int) -> datetime | None:
    """When a reservation of ours with this number ended by the back end; None: it did not.

    It is cancelled, or another one gets its number. commands: those of `RESERVING`.
    """
    times = [each.answer_time for each in commands if each.agreed and each.number == number]
    return max((time for time in times if time is not None), default=None)
