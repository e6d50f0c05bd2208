"""ReserveNow and CancelReservation tell the truth, and every reservation has exactly one end."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from domain.limits import CANCEL_TRIES, CLOCK_TOLERANCE
from domain.model.answers import Verdict
from domain.model.command import Code, CompensationState
from domain.model.outcomes import Cause
from domain.model.specs import Kind
from domain.reservations.reservation import ENDS, Reservation, ReservationState
from domain.reservations.transitions import EndCause
from fleet.sends import Send
from tests.simulation.rules.reading import (
    OF_HOLDS,
    ROUGHLY,
    arrived,
    ended_as,
    frames_of,
    token_fits,
    true_session,
)
from tests.simulation.rules.time import is_quiet
from tests.simulation.servers.temporal_server import TASK_TIMEOUT_S
from tests.simulation.station.truth import TrueHold
from tests.simulation.world.callers import Told
from tests.simulation.world.world import Kept, Ran

NOTHING_HELD = (
    Code.REJECTED,
    Code.NOT_SUPPORTED,
    Code.NOT_SENT,
    Code.NO_EFFECT,
    Code.CANCELLED,
)
LATE = timedelta(seconds=1)
"""How late a reservation may end when nothing fails."""


# --- ReserveNow and CancelReservation


def reserve_succeeded(ran: Ran, told: Told) -> Iterator[str]:
    """SUCCEEDED: the station really held it, at some moment from the frame to the outcome."""
    command = told.last
    if command.reserve is None or not ended_as(command, Code.SUCCEEDED):
        return
    begin = (command.send_time or command.create_time) - ROUGHLY
    end = (command.outcome_time or begin) + ROUGHLY
    held = ran.truth.held_as(command.reserve.wire_id)
    if not any(hold.ran_between(begin, end) for hold in held):
        yield "true: SUCCEEDED, and the station never held it then"
    if not any(_is_what_was_asked_for(ran, hold, told) for hold in held):
        yield f"true: SUCCEEDED, and the station held something else: {held}"


def _is_what_was_asked_for(ran: Ran, hold: TrueHold, told: Told) -> bool:
    """The place of a 1.6 station that has shown only one is any place of it, and is named to it."""
    spec = told.command.reserve
    shown = [evse for evse, at in ran.truth.shown_since.items() if at <= hold.begun]
    only_place = 1 if ran.temper.version == "1.6" and shown in ([], [1]) else None
    return (
        spec is not None
        and hold.evse in {spec.evse_id, spec.evse_id or only_place}
        and spec.id_token.masked.strip("*") in hold.token
    )


def reserve_left_nothing(ran: Ran, told: Told) -> Iterator[str]:
    """What ended without a hold leaves none behind, unless it says that it could not undo it.

    What says nothing of undoing is right at once: nothing is held when it is reported.
    """
    command = told.last
    if command.reserve is None or not ended_as(command, *NOTHING_HELD):
        return
    if command.compensation.state is CompensationState.FAILED or _cannot_cancel(told.sends):
        return
    code = command.outcome.code if command.outcome else Code.UNKNOWN
    for hold in _left(ran, command.reserve.wire_id):
        state = command.compensation.state.value
        yield f"true: {code.value}, compensation {state}, and it holds {hold}"
    if command.compensation.state is not CompensationState.NONE or code is Code.CANCELLED:
        return
    then = (command.outcome_time or command.create_time) + ROUGHLY
    for hold in ran.truth.held_as(command.reserve.wire_id):
        if hold.ran_between(then, then) and hold.cause != "revived":
            yield f"true: {code.value}, and it holds all the same: {hold}"


def _left(ran: Ran, wire_id: int) -> list[TrueHold]:
    """What the station holds in the end.

    What it revived nobody can know, unless it shows it, and no other hold there explains that.
    """
    return [
        hold
        for hold in ran.truth.held_as(wire_id)
        if hold.running
        and (hold.cause != "revived" or (hold.shown and not _taken_for_another(ran, hold)))
    ]


def _taken_for_another(ran: Ran, hold: TrueHold) -> bool:
    """Whether the place is told as reserved by another command, which could not undo it."""
    return any(
        told.last.reserve is not None
        and told.last.reserve.wire_id != hold.wire_id
        and told.last.reserve.evse_id in (None, hold.evse)
        and told.last.compensation.state is CompensationState.FAILED
        for told in ran.told
    )


def compensation_is_true(ran: Ran, told: Told) -> Iterator[str]:
    """PENDING for no longer than the guard; DONE: nothing is held any more."""
    command = told.last
    known = command.compensation
    if command.reserve is None or known.state is CompensationState.NONE:
        return
    if known.state is CompensationState.PENDING:
        yield "true: its compensation is PENDING for ever"
    if known.state is not CompensationState.DONE or known.update_time is None:
        return
    if _cannot_cancel(told.sends):
        return
    left = _left(ran, command.reserve.wire_id)
    then = known.update_time + ROUGHLY
    if then < command.reserve.expire_time:
        left += [
            hold
            for hold in ran.truth.held_as(command.reserve.wire_id)
            if hold.ran_between(then, then) and hold.cause != "revived"
        ]
    if left:
        yield f"true: compensation DONE, and it holds {left}"


def one_number(ran: Ran, told: Told) -> Iterator[str]:
    """All frames about a hold carry its number, and nothing else does."""
    spec = told.command.reserve
    if spec is None:
        return
    for frame in frames_of(ran, told, Kind.RESERVE_NOW):
        number = frame.payload.get("reservationId", frame.payload.get("id"))
        if number != spec.wire_id:
            yield f"once: it was asked for as {number} instead of {spec.wire_id}"
    others = [one.command.reserve for one in ran.told if one is not told]
    if any(other is not None and other.wire_id == spec.wire_id for other in others):
        yield f"once: the number {spec.wire_id} was used twice"


def hold_not_sent(ran: Ran, told: Told) -> Iterator[str]:
    """NOT_SENT: the station got no frame."""
    if told.command.kind in OF_HOLDS and ended_as(told.last, Code.NOT_SENT) and arrived(ran, told):
        yield "true: NOT_SENT, and the station got its frame"


def let_go(ran: Ran, told: Told) -> Iterator[str]:
    """A cancel SUCCEEDED: from then on nothing is held by that number, unless it is revived.

    A frame that crossed it on the wire may hold it once more; what has ended already may still be
    held: until that is undone.
    """
    command = told.last
    spec = command.cancel_reservation
    if spec is None or command.outcome is None or command.outcome_time is None:
        return
    code, cause = command.outcome.code, command.outcome.cause
    sent = min((send.send_time for send in told.sends), default=command.outcome_time)
    crossing = _is_undone(ran, spec.wire_id) or cause == Cause.RESERVATION_ALREADY_ENDED
    for hold in ran.truth.held_as(spec.wire_id):
        crossed = crossing or hold.begun > sent
        later = command.outcome_time + (UNDOING if crossed else ROUGHLY)
        still = hold.cause != "revived" and hold.ran_between(later, later)
        if code is Code.SUCCEEDED and still:
            yield f"true: SUCCEEDED ({cause}), and it was held: {hold}"
        ours = {send.message_id for send in told.sends}
        if code in {Code.REJECTED, Code.NOT_SENT, Code.NO_EFFECT} and hold.end_cause in ours:
            yield f"true: {code.value} ({cause}), and it has ended {hold}"


UNDOING = timedelta(minutes=5)


def _is_undone(ran: Ran, wire_id: int) -> bool:
    """Whether the command that asked for it has taken it back."""
    asked = (one.last for one in ran.told if one.command.reserve is not None)
    return any(
        one.compensation.state is CompensationState.DONE
        for one in asked
        if one.reserve is not None and one.reserve.wire_id == wire_id
    )


def calm_holds(ran: Ran, told: Told) -> Iterator[str]:
    """Where nothing fails, what is said about a hold is exactly what happened.

    A place that is let go while the cancel of a number that is not ours is refused may have been
    held by that number: nobody says which reservation a place shows.
    """
    command = told.last
    spec = command.reserve
    if not ran.calm or ran.truth.restarts or command.outcome is None:
        return
    # A station may go on showing a place as reserved after a session has used the hold.
    asked = command.cancel_reservation
    used = asked is not None and any(one.hold == asked.wire_id for one in ran.truth.sessions)
    excused = used or _let_go_meanwhile(ran, told)
    if command.kind in OF_HOLDS and command.outcome.code is Code.UNKNOWN and not excused:
        yield f"nothing failed, and it is UNKNOWN ({command.outcome.cause})"
    if spec is not None and command.cancel_reason is None:
        held = bool(ran.truth.held_as(spec.wire_id))
        if held != (command.outcome.code is Code.SUCCEEDED):
            yield f"nothing failed, and it is {command.outcome.code.value}, held: {held}"


def _let_go_meanwhile(ran: Ran, told: Told) -> bool:
    """Whether a place was let go while the cancel of a number that is not ours had no outcome."""
    spec, end = told.last.cancel_reservation, told.last.outcome_time
    if spec is None or spec.found_reservation is not None or end is None:
        return False
    sent = min((send.send_time for send in told.sends), default=end)
    ends = [hold.ended for hold in ran.truth.holds if hold.ended is not None]
    return any(sent <= ended <= end for ended in ends)


COMMAND_RULES = (
    reserve_succeeded,
    reserve_left_nothing,
    compensation_is_true,
    one_number,
    hold_not_sent,
    let_go,
    calm_holds,
)


# --- reservations


def ends_once(ran: Ran, kept: Kept) -> Iterator[str]:
    """Exactly one end, and no step back; its workflow closes without failing."""
    ends = [one for one in kept.history if one.state in ENDS]
    if not ends:
        yield f"one end: it never ended: {kept.last.state.value}"
    told = list(
        dict.fromkeys((one.state, one.cause, one.end_time, one.transaction) for one in ends)
    )
    if any(not _is_correction(*pair) for pair in pairwise(told)):
        yield f"one end: it ended as {[(one.state.value, one.cause) for one in ends]}"
    for before, after in zip(kept.history, kept.history[1:], strict=False):
        if before.state in ENDS and after.state not in ENDS:
            yield f"one end: {before.state.value} became {after.state.value}"
        if before.state is ReservationState.HELD and after.state is ReservationState.REQUESTED:
            yield "one end: HELD became REQUESTED"
    for run in kept.runs:
        if run.failure is not None:
            yield f"ends: its workflow failed: {run.failure}"
        elif not run.closed:
            yield "ends: its workflow runs on"
        yield from is_quiet(run, ran.ended_s)


_End = tuple[ReservationState, str, datetime | None, str | None]
_BY_SESSION = {EndCause.SESSION_USED_IT, EndCause.SESSION_OF_ITS_TOKEN, EndCause.USED_BY_ANOTHER}


def _is_correction(before: _End, after: _End) -> bool:
    """A session that was reported after the end tells it anew; what one has proven stays.

    Whose the session was may be told later, with its token.
    """
    whose = (before[1], after[1]) == (EndCause.SESSION_USED_IT, EndCause.USED_BY_ANOTHER)
    unknown = before[1] == EndCause.TIME_OVER and after[1] == EndCause.USE_NOT_KNOWN
    by_session = before[1] not in _BY_SESSION and after[1] in _BY_SESSION
    whose = whose and before[3] == after[3]
    return before[2] == after[2] and (unknown or by_session or whose)


def ends_in_time(ran: Ran, kept: Kept) -> Iterator[str]:
    """No later than a second after its end, and never EXPIRED before it."""
    last = kept.last
    held = [one for one in kept.history if one.state is ReservationState.HELD]
    if last.end_time is None or not held:
        return
    early = last.state is ReservationState.EXPIRED and last.end_time < last.expire_time - LATE
    if early and not _station_said_so(ran, last):
        yield f"it is EXPIRED at {last.end_time:%X}, before its end at {last.expire_time:%X}"
    lost = ran.disturbed_s + sum(run.deaths for run in kept.runs) * TASK_TIMEOUT_S
    limit = max(last.expire_time, held[0].start_time or last.expire_time)
    limit += LATE + timedelta(seconds=lost + _SLOW_S)
    if last.end_time > limit:
        yield f"it ended at {last.end_time:%X}, later than {limit:%X}"


_SLOW_S = 2.0
"""Words to and from Temporal and the database take up to half a second each, now and then."""


def _station_said_so(ran: Ran, known: Reservation) -> bool:
    """2.x: the station told of the end at about the same time."""
    at = known.end_time
    near = at is not None and at >= known.expire_time - CLOCK_TOLERANCE
    return near and ran.temper.version != "1.6"


def used_by_somebody(ran: Ran, kept: Kept) -> Iterator[str]:
    """USED: a session really used it, or one of its driver really began at its place.

    A station that lends the place of a group to a token that only it knows (or another back end)
    names the reservation in its session: nobody else can know that the token is not of the group.
    """
    last = kept.last
    if last.state is not ReservationState.USED:
        return
    if last.cause == EndCause.SESSION_USED_IT:
        nobody_told = ran.temper.field.unknown_tokens or ran.back_end is not None
        group_not_known = last.group_id_token is not None and nobody_told
        users = {one.hold for one in ran.truth.sessions}
        users |= {one.lent_hold for one in ran.truth.sessions if group_not_known}
        if last.wire_id not in users:
            yield "true: USED, and no session has used it"
        return
    began = [
        session
        for session in ran.truth.sessions
        if token_fits(last.id_token, last.group_id_token, session.token)
        and last.evse_id in (None, session.evse)
        and session.begun >= last.create_time - ROUGHLY
        and session.begun <= max(last.expire_time, last.end_time or last.expire_time) + ROUGHLY
    ]
    if not began:
        yield "true: USED, and no session of its token began there"


def not_missed(ran: Ran, kept: Kept) -> Iterator[str]:
    """What was used, and said so, did not expire and was not lost, whenever it was said.

    Unless somebody else used it: then it is lost, and its end says so.
    """
    last = kept.last
    missed = {ReservationState.EXPIRED, ReservationState.LOST, ReservationState.NO_SHOW}
    if last.state not in missed:
        return
    for row in ran.transactions:
        if row.reservation_id != last.wire_id:
            continue
        user = true_session(ran, row.name)
        another = user is not None and not token_fits(
            last.id_token, last.group_id_token, user.token
        )
        # A station that shows a wrong tag says itself that it was another driver.
        another = another or bool(ran.temper.field.shows)
        if not (another and last.cause == EndCause.USED_BY_ANOTHER):
            yield f"true: {last.state.value} ({last.cause}), and session {row.name} had used it"


def cancelled_is_gone(ran: Ran, kept: Kept) -> Iterator[str]:
    """No orphan: what has ended is not held in the end, as far as the station could be reached."""
    last = kept.last
    if not last.ended or not ran.truth.connected:
        return
    sent = [send for send in kept.sends if send.kind == Kind.CANCEL_RESERVATION.value]
    told = next((one for one in ran.told if one.command.name == last.command), None)
    gave_up = told is not None and (
        told.last.compensation.state is CompensationState.FAILED or _cannot_cancel(told.sends)
    )
    if len(sent) >= CANCEL_TRIES or gave_up or _cannot_cancel(sent):
        return
    for hold in _left(ran, last.wire_id):
        yield f"true: {last.state.value} ({last.cause}), and the station holds {hold}"


def _cannot_cancel(sent: list[Send]) -> bool:
    """The station said that it does not know CancelReservation at all."""
    kind, cannot = Kind.CANCEL_RESERVATION.value, Verdict.NOT_SUPPORTED.value
    return any(send.kind == kind and (send.answer or {}).get("verdict") == cannot for send in sent)


def never_made_again(ran: Ran, kept: Kept) -> Iterator[str]:
    """What has ended is not asked for again."""
    end = kept.last.end_time
    if end is None:
        return
    for send in kept.sends:
        again = send.kind == Kind.RESERVE_NOW.value and ran.truth.arrived(send.message_id)
        if again and send.send_time > end + ROUGHLY:
            yield f"it was asked for again at {send.send_time:%X}, after its end at {end:%X}"


RESERVATION_RULES = (
    ends_once,
    ends_in_time,
    used_by_somebody,
    not_missed,
    cancelled_is_gone,
    never_made_again,
)
