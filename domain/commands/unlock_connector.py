"""UnlockConnector: the station releases the cable, and its answer is the outcome.

Only the station can feel whether the bolt moved. So a lost answer stays UNKNOWN, and the caller is
told at once; an answer that comes late after all raises it. The frame is never repeated: the driver
may have taken the cable, and somebody else may have plugged in.

With `stop_first` the session that keeps the connector locked is ended before, by the rules of a
stop: a lost answer is repeated only while that session is known to run, "no" is not believed at
once, and an end that came by itself is as good. The unlock is sent only after the end was seen.
Only the session that ran at first is stopped, never one that began in the meantime.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.commands.rules import (
    CommandRules,
    FirstStepRules,
    StationQuestion,
    always_decided,
    guarded_for_the_window,
    looked_at_with_answer,
    never_ended,
    never_watched,
    no_reservation,
    nothing_to_end,
    unknown_or,
)
from domain.commands.sending import (
    SendAct,
    SendDecision,
    Whereabouts,
    before_sending,
    until_it_has_an_id,
)
from domain.commands.stop_session import judge_stop, stop_proof
from domain.commands.timing import Timing
from domain.evidence.facts import (
    Act,
    Decision,
    Facts,
    Need,
    NeededFacts,
    as_proven,
    given_answer,
    session_facts,
    told_at,
)
from domain.evidence.frames import heard_or_sent
from domain.evidence.proof import Proof, signs
from domain.evidence.sessions import SentFrame, Session
from domain.evidence.station_event import (
    Concern,
    EventKind,
    OpenFrame,
    StationEvent,
    concern_of_any,
)
from domain.evidence.targets import ended_target
from domain.limits import REFUSAL_SLIP
from domain.model.answers import StationAnswer
from domain.model.command import Code, Command, Outcome, SessionFacts, State
from domain.model.outcomes import Cause, ending, in_its_words, refusal, still_unknown
from domain.model.specs import Kind, OfflinePolicy, StopSpec, UnlockSpec, required
from domain.ocpp_words import IN_USE, ConnectorStatus, UnlockAnswer

_STOPPING = "Stopping the session first; waiting for its end."

_BY_WORD: dict[str, Cause] = {
    UnlockAnswer.UNLOCK_FAILED: Cause.UNLOCK_FAILED,
    UnlockAnswer.SESSION_RUNNING: Cause.SESSION_RUNNING,
    UnlockAnswer.UNKNOWN_CONNECTOR: Cause.UNKNOWN_CONNECTOR,
}


def _outcome_of_answer(command: Command, answer: StationAnswer) -> Outcome | None:
    """Every readable answer is final. Some words say more than yes or no."""
    del command
    return _no(answer) if answer.verdict.is_no else _yes(answer)


def _yes(answer: StationAnswer) -> Outcome:
    return ending(_BY_WORD.get(answer.status, Cause.CONNECTOR_UNLOCKED), in_its_words(answer))


def _no(answer: StationAnswer) -> Outcome:
    cause = _BY_WORD.get(answer.status)
    return refusal(answer) if cause is None else ending(cause, in_its_words(answer))


def judge_unlock(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of an unlock that was sent and has no answer that decides."""
    frame = facts.frame
    if frame is None or command.state is State.DONE:
        return Decision(Act.WAIT)
    answer = given_answer(command, frame)
    if answer is not None and answer.verdict.is_no and not answer.is_error:
        no = replace(_no(answer), session=command.stopped_first)
        return told_at(heard_or_sent(frame) + REFUSAL_SLIP, no, now)
    lost = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    given_up = frame.send_time + timedelta(seconds=timing.answer_timeout_s)
    if not lost and now < given_up:
        return Decision(Act.WAIT, look_again=given_up)
    outcome = replace(still_unknown(command), session=command.stopped_first)
    return Decision(Act.CONCLUDE, outcome=outcome)


# --- Before it is sent: the session that keeps the connector locked


_ACTS = {Act.WAIT: SendAct.WAIT, Act.ASK: SendAct.ASK, Act.SEND_AGAIN: SendAct.STOP_FIRST}


def stops_first(command: Command) -> bool:
    """Whether a session may have to be stopped before this unlock is sent."""
    return required(command.unlock).stop_first


def before_unlock(
    command: Command, facts: Facts, where: Whereabouts, timing: Timing, now: datetime
) -> SendDecision:
    """What to do with an unlock that is not sent yet, by where its station is and what runs."""
    here, step = before_sending(command, where, now), first_step(command, facts, timing, now)
    if step.session is not None and step.session.lacks_id and step.act is Act.SEND_AGAIN:
        return until_it_has_an_id(here)
    # What stands between the station and the unlock is decided before where the station is.
    if step.act is None:
        return _after(command, step, here)
    if step.act is Act.CONCLUDE:
        return SendDecision(SendAct.CONCLUDE, outcome=step.outcome)
    # A question does no harm, also when it is too late to send anything.
    asks = step.act is Act.ASK and where.registered and where.gateway is not None
    if step.act is not Act.WAIT and here.act is not SendAct.SEND and not asks:
        return _cannot_step(command, facts, here)
    return SendDecision(
        _ACTS[step.act],
        look_again=step.look_again,
        ocpp_transaction_id=step.ocpp_transaction_id,
        session=step.session,
        progress=_STOPPING if facts.first_stop.frames else "",
    )


def _after(command: Command, step: "FirstStep", here: SendDecision) -> SendDecision:
    """No session runs any longer, or ever did: the unlock is next."""
    if step.ended is not None and here.outcome is not None:
        ended = replace(command, stopped_first=step.ended)
        return SendDecision(
            SendAct.CONCLUDE, outcome=never_unlocked(ended), stopped_first=step.ended
        )
    return replace(here, stopped_first=step.ended)


def _cannot_step(command: Command, facts: Facts, here: SendDecision) -> SendDecision:
    """The station is not there for a stop. An unlock whose first stop has left ends differently."""
    if here.outcome is not None and facts.first_stop.frames:
        return SendDecision(SendAct.CONCLUDE, outcome=never_unlocked(command))
    return here


@dataclass(frozen=True)
class FirstStep:
    """What an unlock has to do before it is sent.

    act: WAIT until `look_again`, CONCLUDE with `outcome`, ASK about the session, or SEND_AGAIN a
        stop. None: nothing is left to do and the unlock is next.
    session, ocpp_transaction_id: what is to be stopped or asked about.
    ended: the session that was stopped, None when none was.
    """

    act: Act | None = None
    ocpp_transaction_id: str = ""
    session: Session | None = None
    look_again: datetime | None = None
    outcome: Outcome | None = None
    ended: SessionFacts | None = None


def first_step(command: Command, facts: Facts, timing: Timing, now: datetime) -> FirstStep:
    """The next step before an unlock is sent."""
    if not stops_first(command):
        return FirstStep()
    if command.stopped_first is not None:
        return FirstStep(ended=command.stopped_first)
    stop = facts.first_stop
    if not stop.frames:
        running = next((s for s in facts.sessions if s.active), None)
        if running is None:
            return FirstStep()
        return FirstStep(
            Act.SEND_AGAIN, ocpp_transaction_id=running.ocpp_transaction_id, session=running
        )
    last = stop.frames[-1]
    known = replace(
        facts, frame=last, frames=len(stop.frames), tried=stop.ids, unanswered=stop.unanswered
    )
    as_stop = _as_stop(command, last, facts)
    decision = as_proven(
        judge_stop(as_stop, known, timing, now),
        lambda: stop_proof(as_stop, known, timing, now),
        lambda: ending(Cause.STOP_NOT_CONFIRMED),
    )
    return _following(command, last, known, decision)


def _as_stop(command: Command, last: SentFrame, facts: Facts) -> Command:
    """The first step as a StopSession of its own, so that the rules of a stop decide about it."""
    stop = facts.first_stop
    lost = ending(Cause.ANSWER_TIMEOUT) if stop.over and stop.answer is None else None
    return replace(
        command,
        kind=Kind.STOP_SESSION,
        unlock=None,
        stop=StopSpec(found_ocpp_transaction_id=last.ocpp_transaction_id),
        station_answer=stop.answer,
        outcome=lost,
    )


def _following(command: Command, last: SentFrame, known: Facts, decision: Decision) -> FirstStep:
    session = next(
        (s for s in known.sessions if s.ocpp_transaction_id == last.ocpp_transaction_id), None
    )
    outcome = decision.outcome
    if decision.act is Act.CONCLUDE and outcome is not None:
        if outcome.code is not Code.SUCCEEDED:
            return FirstStep(Act.CONCLUDE, outcome=_still_locked(command, outcome, known, session))
        target = ended_target(known) or session
        ended = session_facts(target) if target else SessionFacts("", last.ocpp_transaction_id)
        return FirstStep(ended=outcome.session or ended)
    return FirstStep(
        decision.act,
        ocpp_transaction_id=decision.ocpp_transaction_id or last.ocpp_transaction_id,
        session=session,
        look_again=decision.look_again,
    )


def _still_locked(
    command: Command, stopped: Outcome, known: Facts, session: Session | None
) -> Outcome:
    """The outcome when the session did not end, or nobody knows: the unlock is never sent."""
    if stopped.code is Code.UNKNOWN:
        return never_unlocked(command)
    answer = known.first_stop.answer
    words = in_its_words(answer) if answer and answer.verdict.is_no else ""
    detail = f"The connector was not unlocked. {words}".strip()
    return ending(
        Cause.SESSION_KEEPS_RUNNING, detail, session=session_facts(session) if session else None
    )


def never_unlocked(command: Command) -> Outcome:
    """The outcome of an unlock whose session was told to stop, and that is not sent after all."""
    session = command.stopped_first
    cause = Cause.STOPPED_NOT_UNLOCKED if session else Cause.STOP_FIRST_NOT_CONFIRMED
    return ending(cause, session=session)


def _taken_back(command: Command) -> Outcome:
    """The outcome when the caller takes the unlock back after the first stop has left."""
    session = command.stopped_first
    what = "was stopped" if session else "was told to stop"
    detail = f"The session {what} before that; the connector was not unlocked."
    return ending(Cause.CANCELLED_BY_CALLER, detail, session=session)


# --- The other rules


def _is_guarded(command: Command, outcome: Outcome) -> bool:
    """An UNKNOWN unlock may still be answered."""
    del command
    return outcome.code is Code.UNKNOWN


def _proof(command: Command, facts: Facts, timing: Timing, now: datetime) -> Proof:
    """Nothing tells of the bolt but the station's answer. A place that is left speaks for it.

    A stop that has ended the session there explains that it was left after the stop was sent.
    """
    del timing, now
    answer, frame = command.station_answer, facts.frame
    left = frame.send_time if frame is not None and command.answer_time is not None else None
    stopped = min((stop.send_time for stop in facts.stops), default=None)
    changed = {
        each.status
        for each in facts.connectors
        if left is not None and each.status_time > left and each.previous_status in IN_USE
        if stopped is None or each.status_time <= stopped
    }
    return Proof(
        speaks_for=signs(
            evse_free=ConnectorStatus.AVAILABLE in changed,
            evse_not_charging=ConnectorStatus.FINISHING in changed,
        ),
        speaks_against=signs(
            refused=answer is not None and answer.verdict.is_lasting_no,
            said_failed=answer is not None and answer.status == UnlockAnswer.UNLOCK_FAILED,
            never_sent=command.answer_time is None and stops_first(command),
        ),
        not_known=signs(report_not_taken=any(each.contradicts for each in facts.untaken)),
    )


def _needed_facts(command: Command) -> NeededFacts:
    spec = required(command.unlock)
    needs = {Need.CONNECTORS}
    if spec.stop_first:
        needs.add(Need.RUNNING_SESSIONS_OF_EVSE)
    if command.station_answer is not None and command.station_answer.verdict.is_no:
        needs.add(Need.STOPS_OF_EVSE)
    return NeededFacts(frozenset(needs), evse_id=spec.on_evse)


def _concern(event: StationEvent, frame: OpenFrame) -> Concern:
    """A session says nothing about the bolt."""
    return Concern.NO if event.what == EventKind.TRANSACTION else concern_of_any(event, frame)


def _question(command: Command) -> StationQuestion:
    """Of an unlock itself nothing can be asked: no message tells about the bolt."""
    del command
    return StationQuestion()


def _title(command: Command) -> list[str]:
    spec = required(command.unlock)
    first = ["its session is stopped first"] if spec.stop_first else []
    return [f"EVSE {spec.on_evse}", f"connector {spec.on_connector}", *first]


def _repeated(command: Command, ocpp_transaction_id: str) -> UnlockSpec:
    del ocpp_transaction_id
    return required(command.unlock)


UNLOCK_CONNECTOR = CommandRules(
    verb="Unlock connector",
    title=_title,
    not_after=timedelta(seconds=60),
    offline_policy=OfflinePolicy.FAIL_FAST,
    priority=0,
    barred_by_quarantine=True,
    repeatable=False,
    awaits_effect=False,
    effect_progress="",
    outcome_of_answer=_outcome_of_answer,
    is_undecided=always_decided,
    first_look=looked_at_with_answer,
    no_is_weighed=False,
    yes_is_weighed=False,
    no_settles=True,
    judge=judge_unlock,
    judge_compensating=judge_unlock,
    judge_done=judge_unlock,
    proof=_proof,
    unproven=unknown_or(Cause.EFFECT_NOT_EXCLUDED),
    is_guarded=_is_guarded,
    guard_end=guarded_for_the_window,
    watched_for=never_watched,
    needed_facts=_needed_facts,
    concern=_concern,
    target=nothing_to_end,
    already_ended=never_ended,
    question=_question,
    repeated=_repeated,
    reservation_update=no_reservation,
    admits_token=False,
    undo=None,
    first_step=FirstStepRules(
        applies=stops_first,
        decide=before_unlock,
        if_not_sent=never_unlocked,
        if_cancelled=_taken_back,
    ),
)
