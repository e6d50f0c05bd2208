"""What to do about a reservation as the facts have left it.

While it is held and its station's word stands, its end is waited for. When the word is in doubt,
the station is asked for the reservation again. When it is to be changed, the station is asked for
the changed one. Each try comes after a longer pause, and none after the end.

A reservation that has ended and may still be held is cancelled at its station, until the station
says that nothing is held. If the station goes on showing the EVSE as reserved, a human has to look.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.evidence.frames import ReservationFrame, next_try
from domain.limits import CANCEL_TRIES, CLEARING, CLOCK_SLIP, FRAME_PAUSE, SETTLING, SHOWN_PAUSE
from domain.ocpp_words import ConnectorStatus
from domain.reservations.facts import ReservationEvidence
from domain.reservations.observing import (
    change_until,
    free_since,
    of_change,
    since_doubt,
    taking_up,
)
from domain.reservations.reservation import ChangeState, Reservation, ReservationState
from domain.reservations.transitions import LETS_GO


class ReservationAct(StrEnum):
    """What to do next.

    HOLD: ReserveNow with the reservation as it is. CHANGE: ReserveNow with it as it is to become.
    CANCEL: CancelReservation. WAIT: until `look_again`, or until woken. END: nothing is left to do.
    """

    HOLD = "HOLD"
    CHANGE = "CHANGE"
    CANCEL = "CANCEL"
    WAIT = "WAIT"
    END = "END"


@dataclass(frozen=True)
class NextStep:
    """What to do next. look_again: None means when woken.

    alarm: a human has to look, because the station shows a reservation that has ended.
    """

    act: ReservationAct
    look_again: datetime | None = None
    reason: str = ""
    alarm: bool = False


def next_step(known: Reservation, facts: ReservationEvidence, now: datetime) -> NextStep:
    """What to do with the reservation as `observe` left it."""
    if known.state is ReservationState.HELD:
        return _care(known, facts, now)
    if not known.ended:
        return NextStep(ReservationAct.END, reason="Its command cares for it.")
    return _clear_away(known, facts, now)


def _care(known: Reservation, facts: ReservationEvidence, now: datetime) -> NextStep:
    change = known.change
    if change is not None and change.state is ChangeState.PENDING:
        step = _again(ReservationAct.CHANGE, of_change(known, facts), known, facts, now)
        return _before_its_end(step, change_until(known), now)
    if known.doubt_time is None:
        return NextStep(ReservationAct.WAIT, look_again=_next_look(known, facts, now))
    return _again(ReservationAct.HOLD, since_doubt(known, facts), known, facts, now)


def _again(
    act: ReservationAct,
    asked: list[ReservationFrame],
    known: Reservation,
    facts: ReservationEvidence,
    now: datetime,
) -> NextStep:
    """Send it now, or wait: for the station, for its answer, or for the end of the pause."""
    end = known.expire_time
    if not facts.ready:
        return NextStep(ReservationAct.WAIT, look_again=end, reason="The station is not there.")
    if asked and asked[-1].pending:
        return NextStep(ReservationAct.WAIT, look_again=min(now + FRAME_PAUSE, end))
    due = next_try(asked) if asked else now
    if now < due:
        return NextStep(ReservationAct.WAIT, look_again=min(due, end), reason=known.progress)
    return NextStep(act, reason=known.progress)


def _before_its_end(step: NextStep, until: datetime | None, now: datetime) -> NextStep:
    """The step of a change. No gateway writes a frame for an end that has come.

    until: when the change is decided at the latest; None: it asks for no end.
    """
    if until is None or now >= until:
        return step
    if step.act is ReservationAct.CHANGE and now >= until - CLOCK_SLIP:
        return NextStep(ReservationAct.WAIT, look_again=until, reason=step.reason)
    looks = [look for look in (step.look_again, until) if look]
    return step if step.act is ReservationAct.CHANGE else replace(step, look_again=min(looks))


def _next_look(known: Reservation, facts: ReservationEvidence, now: datetime) -> datetime:
    looks = [known.expire_time]
    gone, place = free_since(known, facts), facts.place
    if gone is not None:
        looks.append(gone + taking_up(facts))
    if place is not None and place.status in {ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE}:
        looks.append(place.since + SETTLING)
    return min((look for look in looks if look > now), default=now)


def _clear_away(known: Reservation, facts: ReservationEvidence, now: datetime) -> NextStep:
    """Whether an ended reservation still has to be cancelled at its station."""
    shown = _still_shown(known, facts)
    if _is_cleared(known, facts):
        if shown is None:
            return NextStep(ReservationAct.END)
        if not facts.ready and not (facts.holds or facts.cancels):
            return NextStep(
                ReservationAct.END,
                reason="If a station that is back shows it again, we look again.",
            )
        if now < shown + SETTLING:
            return NextStep(ReservationAct.WAIT, look_again=shown + SETTLING)
    alarm = shown is not None
    why = "The station shows a reservation that has ended." if alarm else "It has ended."
    if len(facts.cancels) >= CANCEL_TRIES:
        return NextStep(ReservationAct.END, reason="The station does not let it go.", alarm=True)
    if not facts.ready:
        give_up = max(known.end_time or now, known.expire_time) + CLEARING
        waits = now < give_up
        # Its return wakes who is not cleared, and of those that are shown again only the newest.
        look = min(give_up, now + SHOWN_PAUSE) if waits and _is_cleared(known, facts) else give_up
        return NextStep(
            ReservationAct.WAIT if waits else ReservationAct.END,
            look_again=look,
            reason=why,
            alarm=not waits,
        )
    last = facts.cancels[-1] if facts.cancels else None
    if last is not None and last.pending:
        return NextStep(ReservationAct.WAIT, look_again=now + FRAME_PAUSE)
    settled = last is None or last.settles_cancel
    due = now if settled else next_try(facts.cancels)
    if now < due:
        return NextStep(ReservationAct.WAIT, look_again=due, reason=why, alarm=alarm)
    return NextStep(ReservationAct.CANCEL, reason=why, alarm=alarm)


def _is_cleared(known: Reservation, facts: ReservationEvidence) -> bool:
    """Whether the station said that nothing is held, after the last frame that may have made it."""
    last_hold = max((frame.send_time for frame in facts.holds), default=None)
    for frame in reversed(facts.cancels):
        if last_hold is not None and frame.send_time < last_hold:
            break
        if frame.settles_cancel or frame.cannot:
            return True
    unsure = any(_may_hold_again(frame) for frame in facts.holds)
    let_go = known.cause in LETS_GO or known.state is ReservationState.REFUSED
    return let_go and not unsure


def _may_hold_again(frame: ReservationFrame) -> bool:
    """Whether the frame may have made the reservation after the event that ended it.

    Only two times are known here: when a cancel was answered, and when a use was reported. Both are
    later than the event itself, so a frame in between may have made the reservation again.
    """
    return frame.agreed or frame.answer is None


def _still_shown(known: Reservation, facts: ReservationEvidence) -> datetime | None:
    """When the station told the EVSE as Reserved although it had said that nothing is held."""
    place = facts.place
    if place is None or place.status != ConnectorStatus.RESERVED or facts.shared:
        return None
    settled = [f.answer_time for f in facts.cancels if f.settles_cancel and f.answer_time]
    since = max([*settled, *([known.end_time] if known.end_time else [])], default=place.since)
    return place.told if place.told > since else None


def as_asked(known: Reservation, act: ReservationAct) -> Reservation:
    """The reservation as the frame of this act asks for it: as it is, or as it is to become."""
    change = known.change
    if act is not ReservationAct.CHANGE or change is None:
        return known
    moved = change.evse_id is not None and change.evse_id != known.evse_id
    return replace(
        known,
        expire_time=change.expire_time or known.expire_time,
        evse_id=change.evse_id if moved else known.evse_id,
        connector_id=None if moved else known.connector_id,
    )
