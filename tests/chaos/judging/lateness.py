"""Until when a command or a reservation has to have ended, and what a fault may add to that.

A command ends at the latest `GRACE` after the last thing that it may wait for. While something is
broken, and until that had to be noticed and taken over (`TAKEN_OVER`), the grace does not run. So a
fault may cost its own time and no more. A fault before that counts as well, as far as the command
lived through it: what was to happen then begins anew afterwards, with the same waits.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tests.chaos.plan import Break
from tests.chaos.record import CommandAsked, Disturbance, Record, Waits

GRACE = timedelta(seconds=5)
"""How long after its last deadline a command may end when nothing is broken."""

TAKEN_OVER: dict[Break, timedelta] = {
    Break.KILL: timedelta(seconds=15),
    Break.STOP: timedelta(seconds=15),
    Break.DRAIN: timedelta(seconds=10),
    Break.HANG: timedelta(seconds=15),
    Break.CUT: timedelta(seconds=10),
    Break.RESTART: timedelta(seconds=30),
}
"""How long after it is mended a fault may still be felt.

A dead gateway is noticed within 10 s, and its stations are reachable within 10 s; other workers
take over within 15 s; a house whose Temporal or database was away has caught up within 30 s.
"""

Span = tuple[datetime, datetime]


def outages(disturbances: Iterable[Disturbance]) -> list[Span]:
    """The times in which something was broken or being taken over: apart, and in order.

    A wrong clock is no excuse: the processes have the time of the database.
    """
    spans = sorted(
        (one.begun, one.ended + TAKEN_OVER[one.fault.how])
        for one in disturbances
        if one.fault.how in TAKEN_OVER
    )
    merged: list[Span] = []
    for begin, end in spans:
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def after_calm(since: datetime, calm: timedelta, broken: Iterable[Span]) -> datetime:
    """The moment by which nothing was broken for so long in all, since then."""
    at, left = since, calm
    for begin, end in broken:
        if end <= at:
            continue
        if begin - at >= left:
            break
        left -= max(begin - at, timedelta())
        at = end
    return at + left


def must_be_done(record: Record, command: CommandAsked) -> datetime:
    """When a command has to have ended."""
    broken = outages(record.disturbances)
    deadline = _last_deadline(record, command)
    lived_through = sum(
        (max(min(end, deadline) - max(begin, command.asked), timedelta()) for begin, end in broken),
        timedelta(),
    )
    return after_calm(deadline + lived_through, GRACE, broken)


def _last_deadline(record: Record, command: CommandAsked) -> datetime:
    """When the last wait of a command is over, by the frames that its station saw."""
    waits, last = record.waits, command.last
    latest = command.not_after
    for sent in [*_frames(record, command), *([last.send_time] if last and last.send_time else [])]:
        heard = sent + timedelta(seconds=waits.answer_s)
        if last and last.answer_time:
            heard = max(heard, last.answer_time)
        effect_s = _effect_s(waits, command.kind) + waits.answer_s + waits.margin_s
        latest = max(latest, heard + timedelta(seconds=effect_s))
    if command.expire_time:  # what may be held is cancelled until its time is over
        latest = max(latest, command.expire_time + timedelta(seconds=waits.margin_s))
    return latest


def _frames(record: Record, command: CommandAsked) -> list[datetime]:
    """When the frames of it reached its station. While it lived, no other command was there."""
    until = record.until(command)
    frames = record.station(command.station).frames
    return [
        frame.at
        for frame in frames
        if command.asked <= frame.at < until and frame.action in ACTIONS[command.kind]
    ]


ACTIONS: dict[str, frozenset[str]] = {
    "START_SESSION": frozenset({"RemoteStartTransaction", "RequestStartTransaction"}),
    "STOP_SESSION": frozenset({"RemoteStopTransaction", "RequestStopTransaction"}),
    "UNLOCK_CONNECTOR": frozenset({"UnlockConnector"}),
    "RESET": frozenset({"Reset"}),
    "RESERVE_NOW": frozenset({"ReserveNow"}),
    "CANCEL_RESERVATION": frozenset({"CancelReservation"}),
}
"""The frames of each kind of command, in every version of OCPP."""


def _effect_s(waits: Waits, kind: str) -> float:
    """How long after the answer the effect of this kind is waited for."""
    return {
        "START_SESSION": waits.cable_s,
        "RESET": waits.reset_effect_s + waits.reconcile_s,
    }.get(kind, waits.stop_effect_s)
