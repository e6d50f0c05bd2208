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
    One that the station has not answered may be held, too: a station may show a place as reserved
    before it answers, and an answer may be lost. Then the one before with its number may be as
    well, as it is unless the station has agreed. So may one whose end cannot be read.
    """
    held: dict[int | None, list[TheirCommand]] = {}
    for each in commands:
        if each.send_time > at:
            continue
        if _is_denied(each):
            held[each.number] = [one for one in held.get(each.number, []) if one.agreed]
        if each.did_nothing:
            continue
        if each.agreed:
            held.pop(each.number, None)
        if each.kind is RESERVING[0]:
            held.setdefault(each.number, []).append(each)
    return tuple(
        each
        for alike in held.values()
        for each in alike
        if each.expire_time is None or each.expire_time > at
        if None in {evse_id, each.evse_id} or each.evse_id == evse_id
    )


def _is_denied(command: TheirCommand) -> bool:
    """Whether the station said that it knows of no reservation with this number.

    One to which it had agreed is not gone by that: such a station contradicts itself.
    """
    is_cancel = command.kind is RESERVING[1]
    return is_cancel and command.answer is not None and command.answer.said_no_such


def ended_by(commands: Sequence[TheirCommand], number: int) -> datetime | None:
    """When a reservation of ours with this number ended by the back end; None: it did not.

    It is cancelled, or another one gets its number. commands: those of `RESERVING`.
    """
    times = [each.answer_time for each in commands if each.agreed and each.number == number]
    return max((time for time in times if time is not None), default=None)
