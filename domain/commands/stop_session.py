"""What became of a stop: the truth, from everything that is known.

The end of the session is the only success, and a session that had ended already is one too. "No"
is not believed at once: the station may have ended it in the meantime (a repeated stop is refused
because the first one worked), may know it by another id (stations that were offline sometimes never
got ours), or may be wrong; so the facts are looked at, the real id is tried once, and the station
is asked. A stop is the one frame that may be repeated after a lost answer, and only while the very
same session is known to be running.
"""

from datetime import datetime, timedelta

from domain.commands.deadlines import ask_time, effect_deadline, is_steady, next_look
from domain.commands.start_session import agreed, given_answer, may_ask
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts, told
from domain.evidence.sessions import Frame, Session
from domain.model.answers import Verdict
from domain.model.command import Code, Command, Outcome
from domain.model.outcomes import Cause, cause_of, ending
from domain.model.specs import Kind
from domain.model.transitions import refusal

MAX_STOP_FRAMES = 3
"""How often a stop is written for one command: at first, repeated, and with the real id."""

ASK_GRACE = timedelta(seconds=5)
"""How long after the station's reply the facts it was asked for may take to arrive."""

_NO = {Verdict.REJECTED, Verdict.FAILED}


def judge_stop(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a stop that was sent and has no definite outcome yet."""
    frame = facts.frame
    if frame is None:
        return Decision(Act.WAIT)
    target = ended_target(facts)
    if target is not None:
        return Decision(Act.CONCLUDE, outcome=_ended(target, frame))
    answer = given_answer(command, frame)
    refused = answer is not None and answer.verdict in _NO
    if _is_over(facts) and (_was_running(facts, frame) or agreed(command, frame)):
        cause = Cause.ALREADY_ENDED if refused else Cause.SESSION_STOPPED
        return Decision(Act.CONCLUDE, outcome=ending(cause))
    if refused:
        return _refused(command, facts, frame, timing, now)
    return _awaited(command, facts, frame, timing, now)


def _is_over(facts: Facts) -> bool:
    """Whether the station said that the session is not running, and holds nothing back."""
    asked = facts.asked
    return asked is not None and asked.ongoing is False and not asked.messages_in_queue


def _was_running(facts: Facts, frame: Frame) -> bool:
    """Whether there was such a session when the stop left: a mistaken id does not run either."""
    return any(
        _is_target(session, facts) and session.received_time <= frame.send_time
        for session in facts.sessions
    )


def ended_target(facts: Facts) -> Session | None:
    """The session that was to be stopped, by any id that was tried, when it has ended."""
    return next((s for s in facts.sessions if _is_target(s, facts) and not s.active), None)


def running_target(facts: Facts, wire_id: str) -> Session | None:
    """The session of that id, when it is known to be running."""
    return next((s for s in facts.sessions if s.transaction_id == wire_id and s.active), None)


def _is_target(session: Session, facts: Facts) -> bool:
    return session.transaction_id in facts.tried


def _ended(target: Session, first: Frame) -> Outcome:
    reported = target.stop_received_time or target.received_time
    before = reported < first.send_time
    cause = Cause.ALREADY_ENDED if before else Cause.SESSION_STOPPED
    return ending(cause, session=told(target))


def _refused(
    command: Command, facts: Facts, frame: Frame, timing: Timing, now: datetime
) -> Decision:
    """The station said no: is it running under another id, or is the station asked about it?"""
    real = _real_id(facts, frame)
    if real is not None and _may_send(command, facts, now):
        reason = "The station meters this session under another id."
        return Decision(Act.SEND_AGAIN, wire_id=real, reason=reason)
    deadline = effect_deadline(Kind.STOP_SESSION, frame, timing, None)
    asked = facts.asked
    if asked is None and may_ask(facts, now):
        return Decision(Act.ASK)
    if asked is not None and asked.messages_in_queue and now < deadline:
        return Decision(Act.WAIT, look_again=deadline)
    if asked is not None and asked.replied and now < asked.at + ASK_GRACE:
        return Decision(Act.WAIT, look_again=asked.at + ASK_GRACE)
    if facts.unanswered and not _says_running(facts):
        if now < deadline:
            return Decision(Act.WAIT, look_again=deadline)
        if not _runs_on(facts, frame, timing, now):
            return Decision(Act.CONCLUDE, outcome=ending(Cause.STOP_NOT_CONFIRMED))
    answer = given_answer(command, frame)
    if answer is None or (asked and asked.messages_in_queue):
        return Decision(Act.CONCLUDE, outcome=ending(Cause.FACTS_STILL_ON_STATION))
    return Decision(Act.CONCLUDE, outcome=refusal(answer))


def _says_running(facts: Facts) -> bool:
    """Whether the station said, on being asked, that the session is running."""
    return facts.asked is not None and facts.asked.ongoing is True


def _runs_on(facts: Facts, frame: Frame, timing: Timing, now: datetime) -> bool:
    """Whether it is known to run, and the station was there to tell its end."""
    running = running_target(facts, frame.wire_id)
    return running is not None and is_steady(facts.connected_since, now, timing)


def _real_id(facts: Facts, frame: Frame) -> str | None:
    """The one id, never heard of before, under which the station meters on the same EVSE."""
    target = next((s for s in facts.sessions if _is_target(s, facts)), None)
    evse_id = target.evse_id if target else frame.evse_id
    others = {
        s.transaction_id
        for s in facts.sessions
        if s.active and s.observed_only and s.evse_id == evse_id and not _is_target(s, facts)
    }
    return others.pop() if evse_id is not None and len(others) == 1 else None


def _may_send(command: Command, facts: Facts, now: datetime) -> bool:
    return (
        facts.frames < MAX_STOP_FRAMES
        and facts.connected_since is not None
        and now < command.not_after
    )


def _awaited(
    command: Command, facts: Facts, frame: Frame, timing: Timing, now: datetime
) -> Decision:
    """The station agreed, or its answer is missing."""
    deadline = effect_deadline(Kind.STOP_SESSION, frame, timing, None)
    if now >= deadline:
        return Decision(Act.CONCLUDE, outcome=_not_ended(command, facts, frame, timing, now))
    if _may_repeat(command, facts, frame, timing, now):
        reason = "No answer, and the session is still running."
        return Decision(Act.SEND_AGAIN, wire_id=frame.wire_id, reason=reason)
    from_then = ask_time(deadline, timing)
    if now >= from_then and facts.can_ask_status and may_ask(facts, now):
        return Decision(Act.ASK)
    no_later_than = from_then if now < from_then else deadline
    return Decision(Act.WAIT, look_again=next_look(frame, now, no_later_than))


def _may_repeat(
    command: Command, facts: Facts, frame: Frame, timing: Timing, now: datetime
) -> bool:
    """Lost answer, and the same session is known to be running (invariant I2)."""
    waited = frame.send_time + timedelta(seconds=timing.answer_timeout_s)
    lost = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    return (
        frame.answer_time is None
        and (now >= waited or lost)
        and running_target(facts, frame.wire_id) is not None
        and _may_send(command, facts, now)
    )


def _not_ended(
    command: Command, facts: Facts, frame: Frame, timing: Timing, now: datetime
) -> Outcome:
    """The deadline passed and no end was reported."""
    if agreed(command, frame):
        if _says_running(facts) or _runs_on(facts, frame, timing, now):
            running = running_target(facts, frame.wire_id)
            session = told(running) if running else None
            return ending(Cause.SESSION_KEEPS_RUNNING, session=session)
        return ending(Cause.STOP_NOT_CONFIRMED)
    known = command.outcome.cause if command.outcome else ""
    return ending(cause_of(known, Code.UNKNOWN, Cause.ANSWER_TIMEOUT))
