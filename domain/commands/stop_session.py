"""StopSession: a session ends, and the command's caller is told the truth about it.

The end of the session is the only success, and a session that had ended already is one too. "No" is
not believed at once. The station may have ended the session in the meantime: a repeated stop is
refused because the first one worked. It may know the session by another id: stations that were
offline sometimes never got ours. Or it may be wrong. So the facts are looked at, the real id is
tried once, and the station is asked.

A stop may be repeated after a lost answer, and only while the very same session is known to run. An
UNKNOWN stop stays on guard, because the end of the session may still be reported.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.commands.rules import (
    CommandRules,
    FoundTarget,
    FrameSpec,
    NamedTarget,
    SessionTarget,
    StationQuestion,
    always_decided,
    guarded_for_the_window,
    never_watched,
    no_reservation,
    unknown_or,
)
from domain.commands.timing import Timing, ask_time, is_steady, next_look
from domain.evidence.asking import may_ask
from domain.evidence.ends import (
    is_down_since,
    is_over,
    is_silent,
    place_of,
    says_running,
    shows_life,
    signs_of_end,
    was_running,
    while_it_may_slip,
)
from domain.evidence.facts import (
    Act,
    Decision,
    Facts,
    Need,
    NeededFacts,
    agreed,
    given_answer,
    refused,
    session_facts,
)
from domain.evidence.frames import heard_or_sent
from domain.evidence.proof import Proof, Sign, concerning, is_negative, signs
from domain.evidence.sessions import SentFrame, Session
from domain.evidence.station_event import (
    Concern,
    EventKind,
    OpenFrame,
    StationEvent,
    concern_of_any,
    yes_if,
)
from domain.evidence.targets import (
    ended_target,
    real_id,
    running_target,
    runs_as_another,
    when_settled,
)
from domain.limits import ASK_GRACE, FIRST_LOOK, MAX_STOP_FRAMES
from domain.model.answers import StationAnswer
from domain.model.command import Code, Command, Outcome
from domain.model.outcomes import Cause, ending, refusal, still_unknown
from domain.model.specs import Kind, OfflinePolicy, StopSpec, required
from domain.ocpp_words import told_id


def _outcome_of_answer(command: Command, answer: StationAnswer) -> Outcome | None:
    """No answer decides. A refused session may have ended, or be known by another id."""
    del command, answer
    return None


def _first_look(
    frame: SentFrame,
    answer: StationAnswer | None,
    timing: Timing,
    connection_timeout_s: float | None,
) -> datetime:
    """After a yes at the deadline, without an answer soon, after any other answer at once."""
    del connection_timeout_s
    deadline = _deadline(frame, timing)
    if answer is None:
        return min(frame.send_time + FIRST_LOOK, deadline)
    return deadline if answer.verdict.is_yes else heard_or_sent(frame)


def _deadline(frame: SentFrame, timing: Timing) -> datetime:
    """A fixed time from the answer; a missing answer is first waited for."""
    answer_s = 0.0 if frame.answer_time else timing.answer_timeout_s
    return heard_or_sent(frame) + timedelta(seconds=answer_s + timing.stop_effect_s)


def judge_stop(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a stop that was sent and has no definite outcome yet."""
    frame = facts.frame
    if frame is None:
        return Decision(Act.WAIT)
    target = ended_target(facts)
    if target is not None:
        return when_settled(target, _ended(target, frame), now)
    answer = given_answer(command, frame)
    said_no = answer is not None and answer.verdict.is_no
    if is_over(facts) and (was_running(facts, frame) or agreed(command, frame)):
        cause = Cause.ALREADY_ENDED if said_no else Cause.SESSION_STOPPED
        return Decision(Act.CONCLUDE, outcome=ending(cause))
    if said_no and runs_as_another(facts):
        return Decision(Act.CONCLUDE, outcome=ending(Cause.STOP_NOT_CONFIRMED))
    if said_no:
        return _refused(command, facts, frame, timing, now)
    return _awaited(command, facts, frame, timing, now)


def _ended(target: Session, first: SentFrame) -> Outcome:
    reported = target.stop_received_time or target.received_time
    before = reported < first.send_time
    cause = Cause.ALREADY_ENDED if before else Cause.SESSION_STOPPED
    return _end_of(target, cause)


def _end_of(session: Session, cause: Cause) -> Outcome:
    """The end of the session, and whether the station reported it."""
    detail = "" if session.end_reported else "Its end was not reported."
    return ending(cause, detail, session_facts(session))


def _refused(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing, now: datetime
) -> Decision:
    """The next step after a no: try another id, ask the station, then believe it."""
    real = real_id(facts, frame)
    if real is not None and _may_send(command, facts, now):
        reason = "The station meters this session under another id."
        return Decision(Act.SEND_AGAIN, ocpp_transaction_id=real, reason=reason)
    # The station's own word comes before ours, and both need time to arrive.
    deadline = _deadline(frame, timing)
    asked = facts.asked
    if asked is None and may_ask(facts, now):
        return Decision(Act.ASK)
    if asked is not None and asked.messages_in_queue and now < deadline:
        return Decision(Act.WAIT, look_again=deadline)
    if asked is not None and asked.replied and now < asked.at + ASK_GRACE:
        return Decision(Act.WAIT, look_again=asked.at + ASK_GRACE)
    slip = while_it_may_slip(facts, frame, now)
    if slip is not None:
        return slip
    if is_silent(facts, frame, said_no=True) and now < deadline:
        unanswered = replace(frame, answer_time=None)
        return Decision(Act.WAIT, look_again=next_look(unanswered, now, deadline))
    # A frame without an answer may have worked, and then the repeat is refused because of that.
    if facts.unanswered and not says_running(facts, frame, said_no=True):
        if now < deadline:
            return Decision(Act.WAIT, look_again=deadline)
        if not _stands(facts, frame, timing, now):
            return Decision(Act.CONCLUDE, outcome=ending(Cause.STOP_NOT_CONFIRMED))
    answer = given_answer(command, frame)
    if answer is None or (asked and asked.messages_in_queue):
        return Decision(Act.CONCLUDE, outcome=ending(Cause.FACTS_STILL_ON_STATION))
    return Decision(Act.CONCLUDE, outcome=refusal(answer))


def _stands(facts: Facts, frame: SentFrame, timing: Timing, now: datetime) -> bool:
    """Whether the station was there to report the session's end, and did not."""
    running = running_target(facts, frame.ocpp_transaction_id)
    return running is not None and is_steady(facts.connected_since, now, timing)


def _may_send(command: Command, facts: Facts, now: datetime) -> bool:
    return (
        facts.frames < MAX_STOP_FRAMES
        and facts.connected_since is not None
        and now < command.not_after
    )


def _awaited(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing, now: datetime
) -> Decision:
    """The next step while the station has agreed, or its answer is missing."""
    deadline = _deadline(frame, timing)
    if now >= deadline:
        return _at_deadline(command, facts, frame, timing, now)
    if _may_repeat(command, facts, frame, timing, now):
        reason = "No usable answer, and the session is still running."
        return Decision(
            Act.SEND_AGAIN, ocpp_transaction_id=frame.ocpp_transaction_id, reason=reason
        )
    from_then = ask_time(deadline, timing)
    if now >= from_then and facts.can_ask_status and may_ask(facts, now):
        return Decision(Act.ASK)
    no_later_than = from_then if now < from_then else deadline
    return Decision(Act.WAIT, look_again=next_look(frame, now, no_later_than))


def _at_deadline(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing, now: datetime
) -> Decision:
    """After a yes nothing has looked before: the station's own word comes before ours.

    On 1.6 it can only be made to report, but then an end that is on its way has time to arrive.
    """
    outcome, asked = _not_ended(command, facts, frame, timing, now), facts.asked
    matters = facts.can_ask_status or is_negative(outcome)
    if asked is None and matters and may_ask(facts, now):
        return Decision(Act.ASK)
    if asked is not None and asked.replied and now < asked.at + ASK_GRACE:
        return Decision(Act.WAIT, look_again=asked.at + ASK_GRACE)
    return Decision(Act.CONCLUDE, outcome=outcome)


def _may_repeat(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing, now: datetime
) -> bool:
    """Whether the answer is lost and the same session is known to be running."""
    waited = frame.send_time + timedelta(seconds=timing.answer_timeout_s)
    lost = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    return (
        frame.answer_time is None
        and (now >= waited or lost)
        and running_target(facts, frame.ocpp_transaction_id) is not None
        and _may_send(command, facts, now)
    )


def _not_ended(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing, now: datetime
) -> Outcome:
    """The outcome at the deadline when no end was reported."""
    if agreed(command, frame):
        if says_running(facts, frame) or _stands(facts, frame, timing, now):
            running = running_target(facts, frame.ocpp_transaction_id)
            session = session_facts(running) if running else None
            return ending(Cause.SESSION_KEEPS_RUNNING, session=session)
        return ending(Cause.STOP_NOT_CONFIRMED)
    return still_unknown(command)


# --- The proof that it did not end


def stop_proof(command: Command, facts: Facts, timing: Timing, now: datetime) -> Proof:
    """What says that the session ended, or runs on, and what is not known."""
    frame = facts.frame
    if frame is None:
        return Proof()
    answer, asked = given_answer(command, frame), facts.asked
    said_no = answer is not None and answer.verdict.is_no
    stands = _stands(facts, frame, timing, now)
    against = signs(
        refused=refused(command, frame),
        said_running=says_running(facts, frame, said_no=said_no),
        known_running=stands and shows_life(facts, frame),
    )
    return Proof(
        speaks_for=signs_of_end(facts, frame),
        speaks_against=against,
        not_known=signs(
            report_not_taken=bool(concerning(facts.untaken, place_of(facts, frame))),
            held_back=asked is not None and asked.messages_in_queue is True,
            earlier_no_answer=bool(facts.unanswered) and set(against) == {Sign.REFUSED},
            station_error=answer is not None and answer.is_error and not against,
            evse_down=is_down_since(facts, frame),
            no_sign_of_life=is_silent(facts, frame, said_no=said_no),
        ),
    )


def _judge_done(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """On guard after UNKNOWN: the end of the session may still be reported."""
    del command, timing
    target = ended_target(facts)
    if target is None:
        return Decision(Act.WAIT)
    return when_settled(target, _end_of(target, Cause.SESSION_STOPPED), now)


# --- The other rules


def frame_that_stops(session: SessionTarget) -> FrameSpec:
    """The stop of a session, for another command: it undoes a start, or comes before an unlock."""
    spec = StopSpec(
        evse_id=session.evse_id,
        found_ocpp_transaction_id=session.ocpp_transaction_id,
        found_transaction=session.transaction or None,
    )
    return FrameSpec(Kind.STOP_SESSION, spec)


def _is_guarded(command: Command, outcome: Outcome) -> bool:
    del command
    return outcome.code is Code.UNKNOWN


def _needed_facts(command: Command) -> NeededFacts:
    """The sessions of the ids that were sent are always read; the others may be the real one."""
    del command
    return NeededFacts(frozenset({Need.RUNNING_SESSIONS, Need.ALL_CONNECTORS}))


def _concern(event: StationEvent, frame: OpenFrame) -> Concern:
    match event.what:
        case EventKind.TRANSACTION:
            same_evse = frame.evse_id is not None and frame.evse_id == event.evse_id
            return yes_if(same_evse or event.ocpp_transaction_id in {None, frame.named_id})
        case EventKind.CONNECTED | EventKind.BOOTED:
            return Concern.YES
        case _:
            return concern_of_any(event, frame)


def _target(command: Command) -> NamedTarget:
    spec = required(command.stop)
    id = spec.found_ocpp_transaction_id
    return NamedTarget(id, transaction=None if told_id(id) else spec.found_transaction)


def _already_ended(command: Command, found: FoundTarget) -> Outcome | None:
    """A session that has ended needs no stop, unless nobody reported its end."""
    del command
    if found.session is None or found.session.active or not found.session.end_reported:
        return None
    return _end_of(found.session, Cause.ALREADY_ENDED)


def _question(command: Command) -> StationQuestion:
    spec = required(command.stop)
    return StationQuestion(spec.evse_id, ocpp_transaction_id=spec.found_ocpp_transaction_id)


def _title(command: Command) -> list[str]:
    spec = required(command.stop)
    parts = [f"EVSE {spec.evse_id}"] if spec.evse_id is not None else []
    if spec.id_token is not None:
        parts.append(f"token {spec.id_token.masked}")
    return [*parts, f"transaction {told_id(spec.found_ocpp_transaction_id) or 'without an id'}"]


def _repeated(command: Command, ocpp_transaction_id: str) -> StopSpec:
    """Perhaps with the id that the station really uses."""
    spec = required(command.stop)
    return replace(spec, found_ocpp_transaction_id=ocpp_transaction_id)


STOP_SESSION = CommandRules(
    verb="Stop session",
    title=_title,
    not_after=timedelta(minutes=5),
    offline_policy=OfflinePolicy.WAIT,
    priority=0,
    barred_by_quarantine=False,
    repeatable=True,
    awaits_effect=True,
    effect_progress="The station answered; waiting for the session to end.",
    outcome_of_answer=_outcome_of_answer,
    is_undecided=always_decided,
    first_look=_first_look,
    no_is_weighed=False,
    yes_is_weighed=False,
    no_settles=True,
    judge=judge_stop,
    judge_compensating=judge_stop,
    judge_done=_judge_done,
    proof=stop_proof,
    unproven=unknown_or(Cause.STOP_NOT_CONFIRMED),
    is_guarded=_is_guarded,
    guard_end=guarded_for_the_window,
    watched_for=never_watched,
    needed_facts=_needed_facts,
    concern=_concern,
    target=_target,
    already_ended=_already_ended,
    question=_question,
    repeated=_repeated,
    reservation_update=no_reservation,
    admits_token=False,
    undo=None,
    first_step=None,
)
