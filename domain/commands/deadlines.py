"""When a command's waits end.

An accepted start may take as long as the station waits for the cable, plus a margin for a slow
report. A start without an answer is waited for just as long, from the frame on: the station may
have got it. A stop is waited for a fixed time from its answer. While an answer is missing the
facts are also looked at in growing steps, because whoever would have woken us may be dead.
"""

from datetime import datetime, timedelta

from domain.commands.timing import Timing
from domain.evidence.sessions import Frame
from domain.model.answers import StationAnswer, Verdict
from domain.model.specs import Kind

_BY_ANSWER = {Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION, Kind.UNLOCK_CONNECTOR}

FIRST_LOOK = timedelta(seconds=5)
"""The first look at the facts while an answer is missing; each next one waits twice as long."""


def effect_deadline(
    kind: Kind, frame: Frame, timing: Timing, connection_timeout_s: float | None
) -> datetime:
    """When it is decided what became of a frame, at the latest."""
    since = frame.answer_time or frame.send_time
    if kind is Kind.STOP_SESSION:
        answer_s = 0.0 if frame.answer_time else timing.answer_timeout_s
        return since + timedelta(seconds=answer_s + timing.stop_effect_s)
    cable_s = timing.connection_timeout_s if connection_timeout_s is None else connection_timeout_s
    return since + timedelta(seconds=cable_s + timing.effect_margin_s)


def ask_time(deadline: datetime, timing: Timing) -> datetime:
    """From when on the station may be asked: late enough for its own waits to be over."""
    return deadline - timedelta(seconds=timing.effect_margin_s)


def next_look(frame: Frame, now: datetime, no_later_than: datetime) -> datetime:
    """When to look at the facts again although nobody woke us."""
    if frame.answer_time is not None:
        return no_later_than
    step = FIRST_LOOK
    while frame.send_time + step <= now:
        step *= 2
    return min(frame.send_time + step, no_later_than)


def first_look(
    kind: Kind,
    frame: Frame,
    answer: StationAnswer | None,
    timing: Timing,
    connection_timeout_s: float | None,
) -> datetime:
    """When to look at the facts for the first time after a frame was sent, unless woken.

    Straight away when the answer alone says too little (a refused stop, an unreadable answer), and
    where either the answer decides or nothing does: an unlock, and what concerns a hold, which then
    has to be undone. A reset is looked at soon in any case: its socket is lost without a word.
    """
    if kind in _BY_ANSWER:
        return frame.answer_time or frame.send_time
    if kind is Kind.RESET:
        return (frame.answer_time or frame.send_time) + FIRST_LOOK
    deadline = effect_deadline(kind, frame, timing, connection_timeout_s)
    if answer is None:
        return min(frame.send_time + FIRST_LOOK, deadline)
    if answer.verdict in {Verdict.ACCEPTED, Verdict.SCHEDULED}:
        return deadline
    return frame.answer_time or frame.send_time


def is_steady(connected_since: datetime | None, now: datetime, timing: Timing) -> bool:
    """Whether the station was connected long enough to have reported what it had to report."""
    margin = timedelta(seconds=timing.effect_margin_s)
    return connected_since is not None and connected_since <= now - margin
