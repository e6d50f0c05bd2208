"""How a session that nobody wants any longer is stopped.

A start was given up, refused or taken back, and its session began all the same. The session is
stopped by its own id, at most a few times, with growing pauses. A station that refuses, or agrees
and goes on, is told again while the session is known to run. The compensation is DONE when the
session has ended, by whatever cause. It is FAILED when the tries are used up; then a human has to
look. A session that turns out to be somebody else's is left alone from then on. That is FAILED too,
because it was told to stop before. So is a session that took the plug of the unwanted one, whose
end nobody reported: it may be what the station made of the request. FAILED without a session says
that nobody could read what the station reported, and that it may have been a session; a report that
can be read may still come, and is acted on.

A driver whose start came to nothing shows his card. That session fits the start in every word but
one: it names no request of ours. It is his own, and is not stopped (`may_be_his_own`).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.backoff import pause_after
from domain.commands.timing import Timing, cable_deadline
from domain.evidence.facts import Act, Decision, Facts, best_of, named_by_answer
from domain.evidence.frames import heard_or_sent
from domain.evidence.matching import is_claimed, may_be_unasked
from domain.evidence.sessions import Match, SentFrame, Session
from domain.limits import (
    DOUBT_PAUSE,
    LATE_START_WINDOW,
    MAX_UNDO_FRAMES,
    NO_ID_PATIENCE,
    REFUSAL_SLIP,
    STOP_AGAIN_PAUSE,
)
from domain.model.command import (
    GIVEN_UP,
    Code,
    Command,
    Compensation,
    CompensationState,
    State,
)
from domain.model.states import is_definite
from domain.ocpp_words import told_id

_CAME_TO_NOTHING = frozenset({Code.NO_EFFECT, Code.REJECTED, Code.NOT_SUPPORTED})
_LEFT_ALONE = {CompensationState.PENDING, CompensationState.FAILED}


def unwanted(session: Session) -> Decision:
    """The decision to stop a session that its command does not want any longer."""
    reason = "The session started after its command was given up or cancelled."
    return Decision(Act.UNDO, session=session, reason=reason)


def left_alone(session: Session) -> Decision:
    """The decision not to stop a session that may be somebody else's."""
    reason = "A session is running that may be the effect of this command or somebody else's."
    return Decision(Act.UNDO_FAILED, session=session, reason=reason)


def not_known() -> Decision:
    """The decision to ask a human to look: nobody could read what the station reported."""
    reason = "The station reported something that could not be used; it may be a session."
    return Decision(Act.UNDO_FAILED, reason=reason)


def needs_a_look(command: Command, deadline: datetime, now: datetime) -> bool:
    """Whether a report that nobody could read makes a human look at the station.

    So it does when the command has told its caller that nothing runs, or is about to.
    """
    if command.state is State.COMPENSATING:
        return now >= deadline
    outcome, silent = command.outcome, command.compensation.state is CompensationState.NONE
    return outcome is not None and outcome.code in GIVEN_UP - {Code.UNKNOWN} and silent


def nothing_more(command: Command) -> Decision:
    """No frame of it can have been on the wire, so nothing can come of it."""
    settle = command.state is State.COMPENSATING
    return Decision(Act.SETTLE if settle else Act.WAIT)


def of_late_session(
    command: Command, session: Session, deadline: datetime, now: datetime
) -> Decision:
    """The next step when a session is the late effect of a command that nobody waits for."""
    if session.active and session.is_refused and now < session.ends_by:
        return Decision(Act.WAIT, look_again=session.ends_by)
    goes_on = session.active and (session.may_charge or session.has_defied)
    if goes_on and not _left_alone(command, session):
        return unwanted(session)
    undecided = session.active and not session.may_charge and not session.is_refused
    if undecided and now < deadline:
        return Decision(Act.WAIT, look_again=deadline)
    if command.state is State.COMPENSATING:
        return Decision(Act.SETTLE)
    return Decision(Act.WAIT)


def may_be_his_own(
    command: Command, facts: Facts, frame: SentFrame, session: Session, deadline: datetime
) -> bool:
    """Whether a driver may have begun the session himself, after his start came to nothing.

    A session of OCPP 1.6 names no request. There it is the late effect of a start that the station
    agreed to, and after a refusal only when it begins at once. One that uses a reservation which
    the start did not name is the driver's own, once the start's time is over or it came to nothing.

    deadline: when the command's own time is over.
    """
    if session.remote_start_id == frame.number:
        return False
    nothing = command.outcome is not None and command.outcome.code in _CAME_TO_NOTHING
    start = command.start
    reserved = session.reservation_id is not None and start is not None and not start.reservation
    if reserved and (nothing or session.start_time > deadline):
        return True
    if not nothing:
        return False
    if facts.names_requests:
        is_named = session.ocpp_transaction_id == named_by_answer(command, frame)
        return session.remote_start_id is None and not is_named
    return frame.refused and session.received_time > heard_or_sent(frame) + REFUSAL_SLIP


def _left_alone(command: Command, session: Session) -> bool:
    """Whether the session is being stopped already, or could not be: a human was told then.

    One that no stop could name for want of an id can be stopped as soon as it has one.
    """
    known = command.compensation
    has_id_now = not told_id(known.ocpp_transaction_id or "") and not session.lacks_id
    failed_for_it = known.state is CompensationState.FAILED and has_id_now
    return _is_of(known, session) and known.state in _LEFT_ALONE and not failed_for_it


def of_doubtful_session(
    command: Command, session: Session, deadline: datetime, now: datetime
) -> Decision:
    """The next step when a session may be the effect of a command that was given up."""
    silent = command.compensation.state is CompensationState.NONE
    near = session.received_time <= deadline + LATE_START_WINDOW
    if not (is_definite(command.outcome) and session.active and silent and near):
        return quiet(command, deadline, now)
    clear_by = max(deadline, session.received_time) + DOUBT_PAUSE
    if now < clear_by:
        return Decision(Act.WAIT, look_again=clear_by)
    return left_alone(session)


def quiet(command: Command, deadline: datetime, now: datetime) -> Decision:
    """Nothing is to be undone yet. A command that was taken back waits until its deadline."""
    if command.state is not State.COMPENSATING:
        return Decision(Act.WAIT)
    return Decision(Act.SETTLE) if now >= deadline else Decision(Act.WAIT, look_again=deadline)


def pending(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision | None:
    """The next step of a compensation under way, None when there is none."""
    compensation = command.compensation
    if compensation.state is not CompensationState.PENDING:
        return None
    session = _undone(compensation, facts)
    if session is None:
        return None
    if not session.active:
        return _after_its_end(command, session, facts, timing, now)
    if _is_anothers(session, facts):
        why = "It turned out to be the session of another request, and is left alone."
        return Decision(Act.UNDO_FAILED, session=session, reason=why)
    return _stop_again(session, facts, timing, now)


def _undone(compensation: Compensation, facts: Facts) -> Session | None:
    """The session that is being undone: another one may have its id by now."""
    by_name = (s for s in facts.sessions if s.name == compensation.transaction)
    return next(by_name, None) or next((s for s in facts.sessions if _is_of(compensation, s)), None)


def _is_of(compensation: Compensation, session: Session) -> bool:
    """Whether a compensation is about this session. One that had no id may have one by now."""
    if told_id(compensation.ocpp_transaction_id or ""):
        return session.ocpp_transaction_id == compensation.ocpp_transaction_id
    return session.name == compensation.transaction


def _after_its_end(
    command: Command, session: Session, facts: Facts, timing: Timing, now: datetime
) -> Decision:
    """The next step when the unwanted session has ended: its station may run a second one.

    A station may begin a second session for one request, and report no end of the first. One that
    is ours for certain is stopped next, and is looked for at once: all that it will report may be
    there already. OCPP 1.6 does not say whose it is.
    """
    undone = Decision(Act.UNDONE, session=session)
    others = tuple(each for each in facts.sessions if each.name != session.name)
    frame = facts.frame
    if frame is None:
        return undone
    deadline = cable_deadline(frame, timing, facts.connection_timeout_s)
    other, match = best_of(command, replace(facts, sessions=others), frame, deadline)
    if other is None or not other.active or other.is_refused:
        return undone
    his_own = may_be_his_own(command, facts, frame, other, deadline)
    unclear = his_own or may_be_unasked(other, frame)
    if match is Match.MATCH and not unclear:
        return replace(undone, look_again=now)
    took_its_plug = not session.end_reported and other.evse_id == session.evse_id
    return left_alone(other) if took_its_plug else undone


def _is_anothers(session: Session, facts: Facts) -> bool:
    """Whether the session is known by now to be another request's: the station said so late."""
    ours = facts.frame.number if facts.frame else None
    named_another = session.remote_start_id is not None and session.remote_start_id != ours
    return named_another or is_claimed(session, facts.rivals)


def _stop_again(session: Session, facts: Facts, timing: Timing, now: datetime) -> Decision:
    frames = [
        frame for frame in facts.undos if frame.ocpp_transaction_id == session.ocpp_transaction_id
    ]
    if session.lacks_id:
        return _without_id(session, now)
    if not frames:
        return unwanted(session)
    last = frames[-1]
    effect_s = 0.0 if facts.undo_refused else timing.stop_effect_s
    since = last.answer_time or last.send_time + timedelta(seconds=timing.answer_timeout_s)
    pause = pause_after(len(frames), STOP_AGAIN_PAUSE)
    again = since + max(timedelta(seconds=effect_s), pause)
    if now < again:
        return Decision(Act.WAIT, look_again=again)
    if len(frames) < MAX_UNDO_FRAMES:
        return unwanted(session)
    why = f"It was told to stop {len(frames)} times and is still running."
    return Decision(Act.UNDO_FAILED, session=session, reason=why)


def _without_id(session: Session, now: datetime) -> Decision:
    """The next step when no stop can name the session: its back end has given it no id (yet).

    The report that gives it one wakes us.
    """
    give_up = session.received_time + NO_ID_PATIENCE
    if now < give_up:
        return Decision(Act.WAIT, look_again=give_up)
    why = "The back end gave the session no id, or another one has it: no stop can name it."
    return Decision(Act.UNDO_FAILED, session=session, reason=why)
