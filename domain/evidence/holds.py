"""Whether a place shows a reservation that a ReserveNow may have made, and who denies it.

A station that refuses to cancel a reservation says that it has none. While it shows the place as
reserved all the same, it contradicts itself, and nothing is undone yet.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from domain.evidence.facts import Facts
from domain.evidence.frames import ReservationFrame, heard_or_sent, may_be_held, next_try
from domain.evidence.sessions import WHOLE_STATION, ConnectorState
from domain.limits import REFUSED_CANCELS, SETTLING
from domain.model.command import Command, Outcome
from domain.model.outcomes import Cause, ending, still_unknown
from domain.ocpp_words import ConnectorStatus


def shows_hold(facts: Facts) -> bool:
    """Whether a place became reserved since a reservation was asked for, and no cancel undid it."""
    return held_place(facts) is not None


def held_place(facts: Facts) -> ConnectorState | None:
    """The place that became reserved since a reservation was asked for; None: there is none.

    A cancel that the station accepted has undone it, one that it refused has not. A place that
    becomes reserved well after a refused cancel shows another reservation.
    """
    if not facts.asks or any(frame.agreed for frame in facts.cancels):
        return None
    refusals = [frame.answer_time for frame in facts.cancels if frame.said_no_such]
    until = max((time for time in refusals if time is not None), default=None)
    for each in facts.connectors:
        late = until is not None and each.status_time > until + SETTLING
        since_asked = each.status_time > facts.asks[0].send_time
        if each.status == ConnectorStatus.RESERVED and since_asked and not late:
            return each
    return None


def is_denied(facts: Facts, now: datetime) -> bool:
    """Whether the station refused the cancel so often that another one is of no use.

    The last refusal has to be so old that a place that was let go would be shown as free.
    """
    frames = facts.cancels
    if may_be_held(facts.asks, frames) or _refused_lately(frames) < REFUSED_CANCELS:
        return False
    last = frames[-1]
    return now >= heard_or_sent(last) + SETTLING


def next_cancel(facts: Facts, now: datetime) -> datetime:
    """When the reservation may be cancelled again. None of the cancels waits for its answer."""
    frames = facts.cancels
    if not frames:
        return now
    last = frames[-1]
    if last.said_no_such and not may_be_held(facts.asks, frames):
        settled = heard_or_sent(last) + SETTLING
        tried_enough = _refused_lately(frames) >= REFUSED_CANCELS
        return settled if tried_enough else max(settled, next_try(frames))
    return now if last.settles_cancel else next_try(frames)


def why_not_undone(facts: Facts) -> str:
    """What keeps us from saying that nothing is reserved: a sentence for a human."""
    place = held_place(facts)
    if place is None or not _refused_lately(facts.cancels):
        return "Its time is over, and the station never said that it holds nothing."
    return contradiction(place)


def unknown_hold(command: Command, facts: Facts) -> Outcome:
    """The outcome UNKNOWN of a command whose reservation may be held still."""
    place = held_place(facts)
    if command.outcome is not None or place is None or not _refused_lately(facts.cancels):
        return unknown_so_far(command, facts)
    return ending(Cause.FACTS_STILL_ON_STATION, contradiction(place))


def unknown_so_far(command: Command, facts: Facts) -> Outcome:
    """The outcome UNKNOWN as the command has it, else as the station's last answer leaves it."""
    if command.outcome is None and facts.asks and facts.asks[-1].refused:
        return ending(Cause.EFFECT_NOT_EXCLUDED)
    return still_unknown(command)


def contradiction(place: ConnectorState) -> str:
    """What a station shows that denies a reservation: a sentence for a human."""
    connector = f"connector {place.connector_id} of " if place.connector_id is not None else ""
    where = "itself" if place.evse_id == WHOLE_STATION else f"{connector}EVSE {place.evse_id}"
    return f"The station knows no such reservation, and still shows {where} as {place.status}."


def _refused_lately(frames: Sequence[ReservationFrame]) -> int:
    """How many cancels in a row, up to the last one, met "no such reservation"."""
    return len(list(takewhile(lambda frame: frame.said_no_such, reversed(frames))))
