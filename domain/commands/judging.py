"""From everything that is known about a command to its next step: the one door of the rules.

The door lets no negative out whose proof does not hold: see `domain/evidence/proof.py`.

All facts are looked at afresh each time, so that it does not matter in which order they came, how
often, or who woke the workflow. The command's row in `table.py` decides; `apply` writes the
decision into the command by `transitions.py`.
"""

from datetime import datetime

from domain.commands import transitions as changes
from domain.commands.rules import CommandRules
from domain.commands.table import rules_of
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts, Need, as_proven
from domain.model.command import Command, CompensationState, State


def judge(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a command whose frame was sent, by all facts at this moment."""
    rules = rules_of(command)
    decision = _chosen(rules, command, facts, timing, now)
    if decision.outcome == command.outcome:
        return decision
    return as_proven(
        decision,
        lambda: rules.proof(command, facts, timing, now),
        lambda: rules.unproven(command, facts),
    )


def _chosen(
    rules: CommandRules, command: Command, facts: Facts, timing: Timing, now: datetime
) -> Decision:
    """What the command's rules choose, whether or not it is proven."""
    if command.state is State.DONE:
        if not (is_guarded(command) or is_watched(command)):
            return Decision(Act.CONCLUDE, outcome=command.outcome)
        return rules.judge_done(command, facts, timing, now)
    if command.state is State.COMPENSATING:
        return rules.judge_compensating(command, facts, timing, now)
    return rules.judge(command, facts, timing, now)


def is_guarded(command: Command) -> bool:
    """Whether late evidence about this finished command is still acted on.

    A command of which no frame can have reached the station needs no guard.
    """
    rules = rules_of(command)
    if command.state is not State.DONE or command.outcome is None or command.send_time is None:
        return False
    return rules.is_guarded(command, command.outcome)


def is_watched(command: Command) -> bool:
    """Whether late evidence begins a workflow anew, although the command's own has ended."""
    return watch_end(command) is not None


def watch_end(command: Command) -> datetime | None:
    """Until when late evidence begins a workflow anew; None: never."""
    outcome, ended = command.outcome, command.outcome_time
    if command.state is not State.DONE or outcome is None or ended is None:
        return None
    if command.send_time is None or is_guarded(command):
        return None
    watched_for = rules_of(command).watched_for(outcome)
    return None if watched_for is None else ended + watched_for


def guard_end(command: Command, timing: Timing, now: datetime) -> datetime:
    """Until when late evidence is acted on."""
    return rules_of(command).guard_end(command, timing, now)


def claim_of(command: Command, decision: Decision) -> str | None:
    """Our id of the session that the decision takes as the effect of a start; None: of none.

    It is told in the outcome, or it is stopped because nobody wants it. Only one command may do
    that with a session, so the decision counts when the command gets the claim, and is made again
    when another command has it.
    """
    if Need.RIVALS not in rules_of(command).needed_facts(command).needs:
        return None
    if decision.act is Act.UNDO:
        return decision.session.name if decision.session else None
    told = decision.outcome.session if decision.outcome else None
    return told.transaction if told else None


def keeps_claim(command: Command, decision: Decision) -> bool:
    """Whether the claim of a decision stands, by the command as it was recorded afterwards.

    A command that ended otherwise in the meantime tells nothing of the session.
    """
    told = command.outcome.session if command.outcome else None
    has = {command.compensation.transaction, told.transaction if told else None}
    return decision.act is Act.UNDO or claim_of(command, decision) in has


def apply(command: Command, decision: Decision, now: datetime) -> Command:
    """The command after a decision; the same object when there is nothing to write."""
    match decision.act:
        case Act.CONCLUDE if decision.outcome is not None:
            return changes.concluded(command, decision.outcome, now)
        case Act.UNDO:
            return _with_outcome(_undo(command, decision, now), decision, now)
        case Act.UNDONE:
            undone = changes.settled(changes.undone(command, now), now)
            return _with_outcome(undone, decision, now)
        case Act.UNDO_FAILED:
            return _with_outcome(_undo_failed(command, decision, now), decision, now)
        case Act.SETTLE:
            return changes.settled(command, now)
        case Act.WAIT if decision.progress:
            return changes.waiting(command, decision.progress)
        case _:
            return command


def _undo(command: Command, decision: Decision, now: datetime) -> Command:
    """What nobody wants is being stopped, or cancelled."""
    session, reservation = decision.session, decision.reservation
    if session is not None:
        return changes.undoing(
            command, decision.reason, session.name, session.ocpp_transaction_id, now
        )
    if reservation is None:
        return command
    return changes.undoing_reservation(command, decision.reason, reservation, now)


def _undo_failed(command: Command, decision: Decision, now: datetime) -> Command:
    """What nobody wants stays as it is."""
    session, reason = decision.session, decision.reason
    if session is None:
        unread = changes.left_running(command, reason, "", "", now)
        return changes.settled(changes.undo_failed(unread, reason, now), now)
    known = (reason, session.name, session.ocpp_transaction_id, now)
    if decision.reservation is not None:
        used = changes.reservation_was_used(command, *known, by_another=decision.by_another)
        return changes.settled(used, now)
    if command.compensation.state is CompensationState.NONE:
        return changes.settled(changes.left_running(command, *known), now)
    failed = changes.undo_failed(command, reason, now)
    return changes.settled(changes.still_running(failed, *known[1:3]), now)


def _with_outcome(command: Command, decision: Decision, now: datetime) -> Command:
    """The command with the outcome that came to light with the undoing, if one did."""
    outcome = decision.outcome
    return command if outcome is None else changes.concluded(command, outcome, now)
