"""What an unlock does before it is sent, when its caller asked for `stop_first`.

The session that keeps the connector locked is ended by the rules of a stop: a lost answer is
repeated only while that session is known to run, "no" is not believed at once, an end that came by
itself is as good. The unlock is sent only after the end was seen. Only the session that ran at
first is stopped, never one that began in the meantime.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.commands.sending import Course, Heading, Whereabouts, heading
from domain.commands.stop_session import ended_target, judge_stop
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts, told
from domain.evidence.sessions import Frame, Session
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome, SessionFacts
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind, StopSpec
from domain.model.transitions import in_its_words, never_unlocked

_NO = {Verdict.REJECTED, Verdict.FAILED, Verdict.NOT_SUPPORTED}

_COURSES = {Act.WAIT: Course.WAIT, Act.ASK: Course.ASK, Act.SEND_AGAIN: Course.STOP_FIRST}


def stops_first(command: Command) -> bool:
    """Whether a session may have to be stopped before this command is sent."""
    return command.unlock is not None and command.unlock.stop_first


def unlock_heading(
    command: Command, facts: Facts, where: Whereabouts, timing: Timing, now: datetime
) -> Heading:
    """What to do with an unlock that is not sent yet, by where its station is and what runs."""
    way, step = heading(command, where, now), first_step(command, facts, timing, now)
    if step.act is None:
        return _after(command, step, way)
    if step.act is Act.CONCLUDE:
        return Heading(Course.CONCLUDE, outcome=step.outcome)
    if step.act is not Act.WAIT and way.course is not Course.SEND:
        return _cannot_step(command, facts, way)
    return Heading(
        _COURSES[step.act],
        look_again=step.look_again,
        wire_id=step.wire_id,
        session=step.session,
        progress=STOPPING if facts.first_stop.frames else "",
    )


STOPPING = "Stopping the session first; waiting for its end."


def _after(command: Command, step: "FirstStep", way: Heading) -> Heading:
    """Nothing runs any longer, or ever did: the unlock is next."""
    if step.ended is not None and way.outcome is not None:
        ended = replace(command, stopped_first=step.ended)
        return Heading(Course.CONCLUDE, outcome=never_unlocked(ended), stopped_first=step.ended)
    return replace(way, stopped_first=step.ended)


def _cannot_step(command: Command, facts: Facts, way: Heading) -> Heading:
    """The station is not there for it: as for any frame, unless a stop has left before."""
    if way.outcome is not None and facts.first_stop.frames:
        return Heading(Course.CONCLUDE, outcome=never_unlocked(command))
    return way


@dataclass(frozen=True)
class FirstStep:
    """What an unlock has to do before it is sent.

    act: WAIT until `look_again`, CONCLUDE with `outcome`, ASK about the session, SEND_AGAIN a stop.
    None: nothing; the unlock is next, after `ended` when a session was stopped.
    session, wire_id: of what is to be stopped or asked about.
    """

    act: Act | None = None
    wire_id: str = ""
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
        return FirstStep(Act.SEND_AGAIN, wire_id=running.transaction_id, session=running)
    last = stop.frames[-1]
    known = replace(
        facts, frame=last, frames=len(stop.frames), tried=stop.ids, unanswered=stop.unanswered
    )
    decision = judge_stop(_as_stop(command, last, facts), known, timing, now)
    return _following(command, last, known, decision)


def _as_stop(command: Command, last: Frame, facts: Facts) -> Command:
    """The first step as the stop that it is."""
    stop = facts.first_stop
    lost = ending(Cause.ANSWER_TIMEOUT) if stop.over and stop.answer is None else None
    return replace(
        command,
        kind=Kind.STOP_SESSION,
        unlock=None,
        stop=StopSpec(wire_id=last.wire_id),
        station_answer=_plain(stop.answer),
        outcome=lost,
    )


def _plain(answer: StationAnswer | None) -> StationAnswer | None:
    """A station that cannot stop sessions has refused as much as any other."""
    if answer is None or answer.verdict not in _NO:
        return answer
    return replace(answer, verdict=Verdict.REJECTED)


def _following(command: Command, last: Frame, known: Facts, decision: Decision) -> FirstStep:
    session = next((s for s in known.sessions if s.transaction_id == last.wire_id), None)
    outcome = decision.outcome
    if decision.act is Act.CONCLUDE and outcome is not None:
        if outcome.code is not Code.SUCCEEDED:
            return FirstStep(Act.CONCLUDE, outcome=_still_locked(command, outcome, known, session))
        target = ended_target(known) or session
        ended = told(target) if target else SessionFacts("", last.wire_id)
        return FirstStep(ended=outcome.session or ended)
    return FirstStep(
        decision.act,
        wire_id=decision.wire_id or last.wire_id,
        session=session,
        look_again=decision.look_again,
    )


def _still_locked(
    command: Command, stopped: Outcome, known: Facts, session: Session | None
) -> Outcome:
    """The session was not ended, or nobody knows: the unlock is never sent."""
    if stopped.code is Code.UNKNOWN:
        return never_unlocked(command)
    answer = known.first_stop.answer
    words = in_its_words(answer) if answer and answer.verdict in _NO else ""
    detail = f"The connector was not unlocked. {words}".strip()
    return ending(Cause.SESSION_KEEPS_RUNNING, detail, session=told(session) if session else None)
