"""Every wait of a command, as one value that travels with it, and what is computed from it alone.

While an answer is missing the facts are looked at in growing steps, although a wake-up is the rule:
whoever would have woken the workflow may be dead.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.backoff import pause_after
from domain.evidence.frames import heard_or_sent
from domain.evidence.sessions import SentFrame
from domain.limits import FIRST_LOOK


@dataclass(frozen=True)
class Timing:
    """Every wait of a command, fixed when it is submitted so that replays agree. In seconds."""

    answer_timeout_s: float = field(
        default=30.0, metadata={"doc": 'from the frame on the wire to "sent, no answer".'}
    )
    connection_timeout_s: float = field(
        default=120.0,
        metadata={"doc": "how long a station waits for the cable, when it did not tell us."},
    )
    effect_margin_s: float = field(
        default=15.0,
        metadata={"doc": 'added to the station\'s own timeout before "nothing happened" is said.'},
    )
    stop_effect_s: float = field(
        default=120.0, metadata={"doc": "from the accepted stop to the end of the transaction."}
    )
    guard_s: float = field(
        default=86_400.0,
        metadata={"doc": "how long late evidence is acted on after a start was given up."},
    )
    reset_effect_s: float = field(
        default=600.0, metadata={"doc": "from the accepted reset to the station's boot."}
    )
    reset_scheduled_s: float = field(
        default=604_800.0,
        metadata={"doc": "how long a reset that the station has put off is followed."},
    )
    reconcile_s: float = field(
        default=30.0,
        metadata={
            "doc": "from the boot until its connectors and sessions have been looked at again."
        },
    )


def cable_deadline(
    frame: SentFrame, timing: Timing, connection_timeout_s: float | None
) -> datetime:
    """The station's wait for the cable, and a margin for its report, after the answer or frame.

    connection_timeout_s: how long the station waits; None: it did not tell.
    """
    cable_s = timing.connection_timeout_s if connection_timeout_s is None else connection_timeout_s
    return heard_or_sent(frame) + timedelta(seconds=cable_s + timing.effect_margin_s)


def ask_time(deadline: datetime, timing: Timing) -> datetime:
    """From when on the station may be asked: its own waits are over then."""
    return deadline - timedelta(seconds=timing.effect_margin_s)


def undo_report(since: datetime, timing: Timing) -> datetime:
    """When a caller is told what is known of something that is being undone since then."""
    return since + timedelta(seconds=timing.answer_timeout_s + timing.effect_margin_s)


def leaves_by(since: datetime, timing: Timing, now: datetime) -> datetime:
    """Until when a frame that undoes something may wait for its turn, while a caller waits.

    Its answer has to come before `undo_report`. Where it cannot any more, it may wait until then.
    """
    soon = since + timedelta(seconds=timing.effect_margin_s)
    return soon if now < soon else undo_report(since, timing)


def answer_may_be_late(since: datetime | None, timing: Timing, now: datetime) -> bool:
    """Whether the answer to a frame that leaves now may come after `undo_report`."""
    latest = now + timedelta(seconds=timing.answer_timeout_s)
    return since is not None and latest > undo_report(since, timing)


def next_look(frame: SentFrame, now: datetime, no_later_than: datetime) -> datetime:
    """When to look at the facts again although nothing woke the workflow."""
    if frame.answer_time is not None:
        return no_later_than
    looks = 1
    while frame.send_time + pause_after(looks, FIRST_LOOK) <= now:
        looks += 1
    return min(frame.send_time + pause_after(looks, FIRST_LOOK), no_later_than)


def is_steady(connected_since: datetime | None, now: datetime, timing: Timing) -> bool:
    """Whether the station was connected long enough to have reported what it had to report."""
    margin = timedelta(seconds=timing.effect_margin_s)
    return connected_since is not None and connected_since <= now - margin
