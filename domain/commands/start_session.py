"""What became of a start: the truth, from everything that is known.

The order is the rule. A session that is ours decides, whatever was answered and in whatever order
it came. Without one, the station's own end of waiting decides early. Otherwise the deadline
decides, and there the burden of proof is on "nothing happened": the station must have agreed and
have been connected since (then it would have reported a session), or have told on being asked that
it holds no unreported facts. Without such proof the outcome is UNKNOWN, and says why.
"""

from datetime import datetime, timedelta

from domain.commands.deadlines import ask_time, effect_deadline, is_steady, next_look
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts, told
from domain.evidence.sessions import Frame, Match, Session, cable_wait_ended, classify
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome
from domain.model.outcomes import Cause, cause_of, ending
from domain.model.specs import Kind

MAX_ASKS = 3
"""How often a station is asked about one command."""

ASK_SPACING = timedelta(seconds=10)
"""How long after a fruitless question the station is asked again."""

_AGREED = {Verdict.ACCEPTED, Verdict.SCHEDULED}


def judge_start(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a start that was sent and has no definite outcome yet."""
    frame = facts.frame
    if frame is None:
        return Decision(Act.WAIT)
    deadline = start_deadline(facts, frame, timing)
    session, match = best_match(command, facts, frame, timing)
    if session is not None and match is Match.MATCH:
        return _started(session, deadline, now)
    if cable_wait_ended(facts.connectors, frame) and agreed(command, frame):
        return Decision(Act.CONCLUDE, outcome=ending(Cause.CABLE_WAIT_ENDED))
    if now < deadline:
        return _before_deadline(command, facts, frame, timing, now)
    if session is not None:
        return Decision(Act.CONCLUDE, outcome=ending(Cause.SESSION_DOUBTFUL, session=None))
    return Decision(Act.CONCLUDE, outcome=_without_session(command, facts, frame, timing, now))


def start_deadline(facts: Facts, frame: Frame, timing: Timing) -> datetime:
    """When a start is given up."""
    return effect_deadline(Kind.START_SESSION, frame, timing, facts.connection_timeout_s)


def best_match(
    command: Command, facts: Facts, frame: Frame, timing: Timing
) -> tuple[Session | None, Match]:
    """The session that is ours, else one that may be, else none."""
    answer = given_answer(command, frame)
    doubtful: Session | None = None
    for session in sorted(facts.sessions, key=_running_first):
        match = classify(
            session,
            frame,
            named=answer.transaction_id if answer else None,
            rivals=facts.rivals,
            late_after=start_deadline(facts, frame, timing),
        )
        if match is Match.MATCH:
            return session, match
        if match is Match.DOUBTFUL:
            doubtful = doubtful or session
    return doubtful, Match.DOUBTFUL if doubtful else Match.NO_MATCH


def _running_first(session: Session) -> tuple[bool, datetime]:
    return (not session.active, session.received_time)


def given_answer(command: Command, frame: Frame) -> StationAnswer | None:
    """The station's answer to this very frame."""
    return command.station_answer if frame.answer_time else None


def agreed(command: Command, frame: Frame) -> bool:
    """Whether the station answered this frame with yes."""
    answer = given_answer(command, frame)
    return answer is not None and answer.verdict in _AGREED


def _started(session: Session, deadline: datetime, now: datetime) -> Decision:
    """A session that is ours: it started, unless it was refused or ended for want of a car."""
    if not session.active or not session.authorized:
        return Decision(Act.CONCLUDE, outcome=_ended_start(session))
    if session.charging_state != "Idle":
        return Decision(Act.CONCLUDE, outcome=ending(Cause.SESSION_STARTED, session=told(session)))
    if now < deadline:
        progress = "The station opened the session; waiting for the cable."
        return Decision(Act.WAIT, look_again=deadline, progress=progress)
    return Decision(
        Act.CONCLUDE, outcome=ending(Cause.SESSION_OPEN_WITHOUT_CABLE, session=told(session))
    )


def _ended_start(session: Session) -> Outcome:
    if not session.authorized or session.stop_reason == "DeAuthorized":
        return ending(Cause.AUTHORIZATION_REFUSED, session=told(session))
    if session.stop_reason == "Timeout":
        return ending(Cause.CABLE_WAIT_ENDED, session=told(session))
    return ending(Cause.SESSION_STARTED_AND_ENDED, session=told(session))


def _before_deadline(
    command: Command, facts: Facts, frame: Frame, timing: Timing, now: datetime
) -> Decision:
    deadline = start_deadline(facts, frame, timing)
    if agreed(command, frame):
        return Decision(Act.WAIT, look_again=deadline)
    from_then = ask_time(deadline, timing)
    if now < from_then:
        return Decision(Act.WAIT, look_again=next_look(frame, now, from_then))
    if may_ask(facts, now):
        return Decision(Act.ASK)
    return Decision(Act.WAIT, look_again=min(deadline, now + ASK_SPACING))


def may_ask(facts: Facts, now: datetime) -> bool:
    """Whether asking can tell something new: connected, and not yet heard on this connection."""
    asked, since = facts.asked, facts.connected_since
    if since is None:
        return False
    if asked is None:
        return True
    fruitless = not asked.replied or bool(asked.messages_in_queue)
    again = asked.at < since or (fruitless and asked.at + ASK_SPACING <= now)
    return again and asked.times < MAX_ASKS


def nothing_is_held_back(facts: Facts) -> bool:
    """Whether the station told, on this connection, that it has reported everything (2.x)."""
    asked, since = facts.asked, facts.connected_since
    return (
        facts.can_ask_status
        and asked is not None
        and since is not None
        and asked.at >= since
        and asked.messages_in_queue is False
        and not asked.ongoing
    )


def _without_session(
    command: Command, facts: Facts, frame: Frame, timing: Timing, now: datetime
) -> Outcome:
    """The deadline passed and no session is known."""
    detail = facts.asked.detail if facts.asked else ""
    if nothing_is_held_back(facts):
        return ending(Cause.NO_CABLE_OR_NO_TRANSACTION, detail)
    if agreed(command, frame):
        steady = is_steady(facts.connected_since, now, timing)
        cause = Cause.NO_CABLE_OR_NO_TRANSACTION if steady else Cause.OFFLINE_AT_DEADLINE
        return ending(cause, detail)
    if facts.asked and facts.asked.messages_in_queue:
        return ending(Cause.FACTS_STILL_ON_STATION, detail)
    known = command.outcome.cause if command.outcome else ""
    return ending(cause_of(known, Code.UNKNOWN, Cause.ANSWER_TIMEOUT), detail)
