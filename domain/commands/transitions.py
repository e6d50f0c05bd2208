"""What can be written about a command: pure functions from one snapshot to the next.

Gateways, workers and brokers all write to the same log, each what it saw. These functions are the
only place where a snapshot changes, and the rules of `states.py` hold in each of them. A step that
cannot happen any more, or that was written already, returns the very same object; then nothing is
written. What differs between the kinds of command is asked of the command's rules.
"""

from dataclasses import replace
from datetime import datetime

from domain.commands.rules import FirstStepRules
from domain.commands.table import rules_of
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import (
    Code,
    Command,
    Compensation,
    CompensationState,
    Outcome,
    ReservationFacts,
    SessionFacts,
    State,
)
from domain.model.outcomes import Cause, cause_of, ending, in_its_words
from domain.model.specs import Kind
from domain.model.states import CommandStep, after, is_definite, may_become


def waiting(command: Command, progress: str) -> Command:
    """Says what the command waits for now. A finished command waits for nothing."""
    if command.state is State.DONE or command.progress == progress:
        return command
    return replace(command, progress=progress)


def sent(command: Command, at: datetime) -> Command:
    """The command's frame may be on the wire from now on."""
    state = after(command.state, CommandStep.SEND)
    if state is None:
        return command
    return replace(command, state=state, send_time=at, progress="Waiting for the station's answer.")


def ended_unsent(command: Command) -> bool:
    """Whether the command ended before any frame of it was sent: none may follow."""
    return command.state is State.DONE and command.send_time is None


def answered(
    command: Command, answer: StationAnswer, at: datetime, *, decides: bool | None = None
) -> Command:
    """The station answered, in time or late. The command ends when the answer alone decides.

    decides: whether it may decide alone; None: as `may_decide` says.
    """
    if is_definite(command.outcome) and command.state is State.DONE and command.station_answer:
        return command
    heard = replace(command, station_answer=answer, answer_time=at)
    alone = may_decide(answer) if decides is None else decides
    outcome = outcome_of_answer(command, answer) if alone else None
    if outcome is not None:
        return concluded(heard, replace(outcome, session=command.stopped_first), at)
    if answer.verdict is Verdict.UNREADABLE:
        return lost(heard, Cause.ANSWER_UNREADABLE.value, at)
    if answer.is_error:
        return lost(heard, Cause.STATION_ERROR.value, at, in_its_words(answer))
    state = after(heard.state, CommandStep.ANSWER)
    if state is None:
        return heard
    refused = answer.verdict.is_no
    progress = WEIGHING_A_NO if refused else rules_of(command).effect_progress
    return replace(heard, state=state, progress=progress)


WEIGHING_A_NO = "The station said no; looking at what it reported besides."


def may_decide(answer: StationAnswer) -> bool:
    """Whether an answer can be the end of a command, when nothing else was heard.

    An error of the station's own proves nothing: it may have acted all the same.
    """
    return not answer.is_error


def outcome_of_answer(command: Command, answer: StationAnswer) -> Outcome | None:
    """The outcome that an answer alone decides for this command; None when facts must decide.

    An unreadable answer decides nothing, and a station that does not know the message has done
    nothing: that is so for every kind.
    """
    rules = rules_of(command)
    if rules.is_undecided(command, answer):
        return None
    if answer.verdict is Verdict.NOT_SUPPORTED:
        return ending(Cause.COMMAND_NOT_SUPPORTED, in_its_words(answer))
    if answer.verdict is Verdict.UNREADABLE:
        return None
    return rules.outcome_of_answer(command, answer)


def lost(command: Command, cause: str, at: datetime, words: str = "") -> Command:
    """The frame was sent and no answer can be waited for: UNKNOWN until facts say more."""
    del at  # the outcome is provisional: its time is when it is concluded
    state = after(command.state, CommandStep.LOSE)
    if state is None:
        return command
    how = _HEARD.get(cause, "but without an answer")
    return replace(
        command,
        state=state,
        outcome=ending(cause_of(cause, Code.UNKNOWN, Cause.ANSWER_TIMEOUT), words),
        progress=f"Sent, {how}; looking for what really happened.",
    )


_HEARD: dict[str, str] = {
    Cause.ANSWER_UNREADABLE: "with an answer that cannot be understood",
    Cause.STATION_ERROR: "with an error of the station's own for an answer",
}

STOPPING_FIRST = "Stopping the session first; waiting for its end."


def frame_ended(
    command: Command,
    kind: Kind,
    answer: StationAnswer | None,
    at: datetime,
    *,
    cause: str = "",
    send_time: datetime | None = None,
    decides: bool | None = None,
) -> Command:
    """What the result of a frame means for its command.

    This is the only place where a result is applied: by the gateway that has it, by a worker that
    finds it later, and by the workflow that is told of it.

    kind: of the frame. An unlock's first step is a stop; its result does not end the unlock.
    answer: None: no answer came, because of `cause`.
    at: when it was answered, or given up.
    send_time: when the frame was written, for who cannot be certain that SENT is recorded. None:
        it is recorded.
    decides: whether the answer may be the end of the command; None: as `may_decide` says.
    """
    if kind is not command.kind:
        return waiting(command, STOPPING_FIRST)
    known = command if send_time is None else sent(command, send_time)
    if answer is None:
        return lost(known, cause, at)
    return answered(known, answer, at, decides=decides)


def stopped_first(command: Command, session: SessionFacts) -> Command:
    """The session that kept the connector locked has ended; the unlock comes next."""
    if command.state is State.DONE or command.stopped_first is not None:
        return command
    progress = "The session has ended; the connector is unlocked next."
    return replace(command, stopped_first=session, progress=progress)


def not_sent(command: Command, cause: str, at: datetime, detail: str = "") -> Command:
    """No frame of the command was written to any socket, and none will be.

    A command that is SENT because of its first step alone has an outcome of its own then.
    """
    step = first_step_of(command)
    if command.state is State.SENT and step is not None:
        return concluded(command, step.if_not_sent(command), at)
    if command.state is not State.QUEUED:
        return command
    known = cause_of(cause, Code.NOT_SENT, Cause.GATEWAY_UNREACHABLE)
    return concluded(command, ending(known, detail), at)


def first_step_of(command: Command) -> FirstStepRules | None:
    """The rules of what this command does before it is sent; None when it does nothing."""
    step = rules_of(command).first_step
    return step if step is not None and step.applies(command) else None


def concluded(command: Command, outcome: Outcome, at: datetime) -> Command:
    """The command ended. A definite outcome stays; UNKNOWN may be raised, also when DONE."""
    state = after(command.state, CommandStep.CONCLUDE) or command.state
    stays = is_definite(command.outcome) or (
        command.state is State.DONE and outcome.code is Code.UNKNOWN
    )
    final = command.outcome if stays and command.outcome else outcome
    if state is command.state and final == command.outcome:
        return command
    decided_before = command.outcome_time if final == command.outcome else None
    return replace(
        command, state=state, outcome=final, outcome_time=decided_before or at, progress=""
    )


def cancel_asked(command: Command, reason: str) -> Command:
    """Its caller takes it back. This is noted once, also when it is too late."""
    if command.cancel_reason is not None:
        return command
    return replace(command, cancel_reason=reason)


def cancelled(command: Command, at: datetime) -> Command:
    """The command is taken back. What was sent may still have an effect, which is then undone."""
    if is_definite(command.outcome) or command.state is State.DONE:
        return command
    outcome, undo = _taken_back(command), rules_of(command).undo
    state = after(command.state, CommandStep.CANCEL)
    if state is None or undo is None:
        return concluded(command, outcome, at)
    return replace(command, state=state, outcome=outcome, outcome_time=at, progress=undo.progress)


def _taken_back(command: Command) -> Outcome:
    step = first_step_of(command)
    if command.state is State.QUEUED or step is None:
        return ending(Cause.CANCELLED_BY_CALLER)
    return step.if_cancelled(command)


def settled(command: Command, at: datetime) -> Command:
    """Nothing is left to be undone: a COMPENSATING command is DONE."""
    if command.state is not State.COMPENSATING or command.outcome is None:
        return command
    return concluded(command, command.outcome, at)


def undoing(
    command: Command, reason: str, transaction: str, ocpp_transaction_id: str, at: datetime
) -> Command:
    """A session that nobody wants any longer is being stopped."""
    known = command.compensation
    same = (known.transaction, known.ocpp_transaction_id) == (transaction, ocpp_transaction_id)
    if same or not may_become(known.state, CompensationState.PENDING):
        return command
    return replace(
        command,
        compensation=Compensation(
            CompensationState.PENDING, reason, transaction, ocpp_transaction_id, at
        ),
    )


def undoing_reservation(
    command: Command, reason: str, unwanted: ReservationFacts, at: datetime
) -> Command:
    """The reservation that the command may have made is being cancelled at its station."""
    known, pending = command.compensation, CompensationState.PENDING
    if known.state is pending or not may_become(known.state, pending):
        return command
    return replace(
        command,
        compensation=Compensation(
            pending,
            reason,
            update_time=at,
            reservation=unwanted.reservation,
            wire_id=unwanted.wire_id,
        ),
        progress="Making sure that the station holds nothing.",
    )


def reservation_was_used(
    command: Command,
    why: str,
    transaction: str,
    ocpp_transaction_id: str,
    at: datetime,
    *,
    by_another: bool = False,
) -> Command:
    """The reservation could not be cancelled any more: a session has used it.

    by_another: the session is of another token than the reservation.
    """
    if command.compensation.state is not CompensationState.PENDING:
        return command
    failed = undo_failed(command, why, at)
    compensation = replace(
        failed.compensation,
        transaction=transaction,
        ocpp_transaction_id=ocpp_transaction_id,
        used_by_another=by_another,
    )
    return replace(failed, compensation=compensation)


def undone(command: Command, at: datetime) -> Command:
    """The unwanted session has ended, or the unwanted reservation is gone."""
    return _compensated(command, CompensationState.DONE, command.compensation.reason, at)


def undo_failed(command: Command, why: str, at: datetime) -> Command:
    """The unwanted session or reservation could not be undone; a human has to look."""
    if command.compensation.state is CompensationState.NONE:
        return command
    reason = f"{command.compensation.reason} {why}".strip()
    return _compensated(command, CompensationState.FAILED, reason, at)


def still_running(command: Command, transaction: str, ocpp_transaction_id: str) -> Command:
    """A compensation that failed names the session that runs; the same one in most cases."""
    known = command.compensation
    same = known.ocpp_transaction_id == ocpp_transaction_id
    if same or known.state is not CompensationState.FAILED:
        return command
    other = replace(known, transaction=transaction, ocpp_transaction_id=ocpp_transaction_id)
    return replace(command, compensation=other)


def left_running(
    command: Command, why: str, transaction: str, ocpp_transaction_id: str, at: datetime
) -> Command:
    """A session that may be unwanted was not stopped, because it may be somebody else's."""
    if command.compensation.state is not CompensationState.NONE:
        return command
    failed = Compensation(CompensationState.FAILED, why, transaction, ocpp_transaction_id, at)
    return replace(command, compensation=failed)


def _compensated(command: Command, state: CompensationState, reason: str, at: datetime) -> Command:
    if not may_become(command.compensation.state, state):
        return command
    compensation = replace(command.compensation, state=state, reason=reason, update_time=at)
    return replace(command, compensation=compensation)
