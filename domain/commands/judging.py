"""From everything that is known about a command to its next step: the one door of these rules.

All facts are looked at afresh each time, so that it does not matter in which order they came, how
often, or who woke us. `apply` writes the decision into the command by the rules of `changes.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.commands.cancel_reservation import judge_cancel
from domain.commands.guarding import is_guarded
from domain.commands.late import judge_late_start, judge_late_stop
from domain.commands.reserve_now import judge_reserve
from domain.commands.reset import judge_reset
from domain.commands.start_session import judge_start
from domain.commands.stop_session import judge_stop
from domain.commands.timing import Timing
from domain.commands.unlock_connector import judge_unlock
from domain.evidence.facts import Act, Decision, Facts
from domain.model import transitions as changes
from domain.model.command import Command, CompensationState, State
from domain.model.specs import Kind

Judge = Callable[[Command, Facts, Timing, datetime], Decision]


@dataclass(frozen=True)
class Judges:
    """Who judges a kind of command: while it is awaited, while it is undone, once it is DONE."""

    awaited: Judge
    compensating: Judge
    done: Judge


def _cancel(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    del timing
    return judge_cancel(command, facts, now)


def _late_stop(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    del timing, now
    return judge_late_stop(command, facts)


JUDGES: dict[Kind, Judges] = {
    Kind.START_SESSION: Judges(judge_start, judge_late_start, judge_late_start),
    Kind.STOP_SESSION: Judges(judge_stop, judge_stop, _late_stop),
    Kind.UNLOCK_CONNECTOR: Judges(judge_unlock, judge_unlock, judge_unlock),
    Kind.RESET: Judges(judge_reset, judge_reset, judge_reset),
    Kind.RESERVE_NOW: Judges(judge_reserve, judge_reserve, judge_reserve),
    Kind.CANCEL_RESERVATION: Judges(_cancel, _cancel, _cancel),
}


def judge(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a command whose frame was sent, by all facts at this moment."""
    if command.state is State.DONE and not is_guarded(command):
        return Decision(Act.CONCLUDE, outcome=command.outcome)
    judges = JUDGES[command.kind]
    if command.state is State.DONE:
        return judges.done(command, facts, timing, now)
    if command.state is State.COMPENSATING:
        return judges.compensating(command, facts, timing, now)
    return judges.awaited(command, facts, timing, now)


def apply(command: Command, decision: Decision, now: datetime) -> Command:
    """The command after a decision; the same object when there is nothing to write."""
    match decision.act:
        case Act.CONCLUDE if decision.outcome is not None:
            return changes.concluded(command, decision.outcome, now)
        case Act.UNDO if decision.session is not None:
            session = decision.session
            return changes.undoing(
                command, decision.reason, session.name, session.transaction_id, now
            )
        case Act.UNDO if command.reserve is not None:
            undoing = changes.undoing_hold(command, decision.reason, now)
            return _with_outcome(undoing, decision, now)
        case Act.UNDONE:
            undone = changes.settled(changes.undone(command, now), now)
            return _with_outcome(undone, decision, now)
        case Act.UNDO_FAILED if command.reserve is not None and decision.session is not None:
            session = decision.session
            used = changes.hold_was_used(
                command, decision.reason, session.name, session.transaction_id, now
            )
            return _with_outcome(changes.settled(used, now), decision, now)
        case Act.UNDO_FAILED if (
            command.compensation.state is CompensationState.NONE and decision.session is not None
        ):
            session = decision.session
            return changes.left_running(
                command, decision.reason, session.name, session.transaction_id, now
            )
        case Act.UNDO_FAILED:
            return changes.settled(changes.undo_failed(command, decision.reason, now), now)
        case Act.SETTLE:
            return changes.settled(command, now)
        case Act.WAIT if decision.progress:
            return changes.waiting(command, decision.progress)
        case _:
            return command


def _with_outcome(command: Command, decision: Decision, now: datetime) -> Command:
    """An outcome that came to light with the undoing."""
    outcome = decision.outcome
    return command if outcome is None else changes.concluded(command, outcome, now)
