"""What late evidence means for a command that was given up, taken back or reported.

Its caller was told an outcome and may have left. A session that begins now is not wanted: it is
stopped, unless the outcome was UNKNOWN and the session began within the command's own time; then
UNKNOWN is raised to SUCCEEDED, because that is what was asked for. A doubtful session is left
alone: it may be somebody else's. But a command that says that nothing runs must not keep silent
about it: when the doubt stays, that is a compensation that failed, and a human has to look.
"""

from datetime import datetime, timedelta

from domain.commands import compensation
from domain.commands.start_session import (
    best_match,
    judge_start,
    may_ask,
    nothing_is_held_back,
    start_deadline,
)
from domain.commands.stop_session import ended_target
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts, told
from domain.evidence.sessions import LATE_START_WINDOW, Match, Session
from domain.model.command import Code, Command, CompensationState, State
from domain.model.outcomes import Cause, ending
from domain.model.states import is_definite

_LEFT_ALONE = {CompensationState.PENDING, CompensationState.FAILED}

DOUBT_PAUSE = timedelta(seconds=30)
"""How long a doubtful session is waited for to become clear, before a human is told of it."""


def judge_late_start(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a start that is COMPENSATING, or DONE and on guard."""
    under_way = compensation.pending(command, facts, timing, now)
    if under_way is not None:
        return under_way
    frame = facts.frame
    if frame is None:
        return _nothing_more(command)
    session, match = best_match(command, facts, frame, timing)
    deadline = start_deadline(facts, frame, timing)
    if session is not None and match is Match.MATCH:
        if not is_definite(command.outcome) and session.start_time <= deadline:
            return judge_start(command, facts, timing, now)
        return _late_session(command, session)
    if command.state is State.COMPENSATING:
        over = now >= deadline
        return Decision(Act.SETTLE) if over else Decision(Act.WAIT, look_again=deadline)
    if session is not None:
        return _doubtful(command, session, deadline, now)
    return _still_unknown(command, facts, now)


def _nothing_more(command: Command) -> Decision:
    settle = command.state is State.COMPENSATING
    return Decision(Act.SETTLE if settle else Act.WAIT)


def _late_session(command: Command, session: Session) -> Decision:
    if session.active and session.authorized and not _left_alone(command, session):
        return compensation.unwanted(session)
    if command.state is State.COMPENSATING:
        return Decision(Act.SETTLE)
    return Decision(Act.WAIT)


def _left_alone(command: Command, session: Session) -> bool:
    """It was tried, and a human was told: once is enough."""
    known = command.compensation
    return known.transaction_id == session.transaction_id and known.state in _LEFT_ALONE


def _doubtful(command: Command, session: Session, deadline: datetime, now: datetime) -> Decision:
    """It may be the late effect of a command that told its caller that nothing runs."""
    silent = command.compensation.state is CompensationState.NONE
    near = session.received_time <= deadline + LATE_START_WINDOW
    if not (is_definite(command.outcome) and session.active and silent and near):
        return Decision(Act.WAIT)
    clear_by = max(deadline, session.received_time) + DOUBT_PAUSE
    if now < clear_by:
        return Decision(Act.WAIT, look_again=clear_by)
    return compensation.left_alone(session)


def _still_unknown(command: Command, facts: Facts, now: datetime) -> Decision:
    if is_definite(command.outcome):
        return Decision(Act.WAIT)
    if nothing_is_held_back(facts):
        return Decision(Act.CONCLUDE, outcome=ending(Cause.NO_CABLE_OR_NO_TRANSACTION))
    if facts.can_ask_status and may_ask(facts, now):
        return Decision(Act.ASK)
    return Decision(Act.WAIT)


def judge_late_stop(command: Command, facts: Facts) -> Decision:
    """The next step of a stop whose outcome was reported as UNKNOWN."""
    target = ended_target(facts)
    if target is None or command.outcome is None or command.outcome.code is not Code.UNKNOWN:
        return Decision(Act.WAIT)
    outcome = ending(Cause.SESSION_STOPPED, session=told(target))
    return Decision(Act.CONCLUDE, outcome=outcome)
