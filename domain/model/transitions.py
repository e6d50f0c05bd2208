"""What can be written about a command: pure functions from one snapshot to the next.

Gateway, workers and brokers all write to the same log, each what it saw. These functions are the
only place where a snapshot changes, and the rules of `states.py` hold in each of them: a step that
cannot happen any more, or that was written already, returns the very same object, and then nothing
is written.
"""

from dataclasses import replace
from datetime import datetime

from domain.commands.kinds import UNDOABLE, awaits_effect
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import (
    Code,
    Command,
    Compensation,
    CompensationState,
    Outcome,
    SessionFacts,
    State,
)
from domain.model.outcomes import Cause, cause_of, ending
from domain.model.specs import Kind
from domain.model.states import Step, after, is_definite, may_become


def waiting(command: Command, progress: str) -> Command:
    """Says what the command waits for now. A finished command waits for nothing."""
    if command.state is State.DONE or command.progress == progress:
        return command
    return replace(command, progress=progress)


def sent(command: Command, at: datetime) -> Command:
    """Its frame may be on the wire from now on."""
    state = after(command.state, Step.SEND)
    if state is None:
        return command
    return replace(command, state=state, send_time=at, progress="Waiting for the station's answer.")


def answered(command: Command, answer: StationAnswer, at: datetime) -> Command:
    """The station answered, in time or late. Concludes when the answer alone decides."""
    if is_definite(command.outcome) and command.state is State.DONE and command.station_answer:
        return command
    heard = replace(command, station_answer=answer, answer_time=at)
    outcome = None if is_undecided(command, answer) else verdict_of(command.kind, answer)
    if outcome is not None:
        return concluded(heard, replace(outcome, session=command.stopped_first), at)
    if answer.verdict is Verdict.UNREADABLE:
        return lost(heard, Cause.ANSWER_UNREADABLE.value, at)
    state = after(heard.state, Step.ANSWER)
    if state is None:
        return heard
    return replace(heard, state=state, progress=_EFFECT_PROGRESS.get(command.kind, ""))


_EFFECT_PROGRESS = {
    Kind.START_SESSION: "The station agreed; waiting for the session to start.",
    Kind.STOP_SESSION: "The station answered; waiting for the session to end.",
    Kind.RESET: "The station agreed; waiting for it to restart.",
}


def verdict_of(kind: Kind, answer: StationAnswer) -> Outcome | None:
    """The outcome that an answer alone decides, None when facts must decide.

    A refused stop is not decided by its answer: the session may have ended, or be known to the
    station by another id. Nor is a refused cancel of a reservation: the station does not hold it,
    and facts tell whether it ever did.
    """
    if answer.verdict is Verdict.NOT_SUPPORTED:
        return ending(Cause.COMMAND_NOT_SUPPORTED, in_its_words(answer))
    if answer.verdict is Verdict.UNREADABLE or kind is Kind.STOP_SESSION:
        return None
    if kind is Kind.UNLOCK_CONNECTOR and answer.status in _UNLOCK_WORDS:
        return ending(_UNLOCK_WORDS[answer.status], in_its_words(answer))
    if kind is Kind.CANCEL_RESERVATION and answer.verdict is Verdict.REJECTED:
        return None if answer.call_error is None else refusal(answer)
    if answer.verdict in {Verdict.REJECTED, Verdict.FAILED}:
        return reserve_refusal(answer) if kind is Kind.RESERVE_NOW else refusal(answer)
    if awaits_effect(kind):
        return None
    return ending(_DONE_BY_ANSWER.get(kind, Cause.STATION_ACCEPTED), in_its_words(answer))


_DONE_BY_ANSWER = {
    Kind.UNLOCK_CONNECTOR: Cause.CONNECTOR_UNLOCKED,
    Kind.RESERVE_NOW: Cause.RESERVED,
    Kind.CANCEL_RESERVATION: Cause.RESERVATION_CANCELLED,
}

_UNLOCK_WORDS = {
    "UnlockFailed": Cause.UNLOCK_FAILED,
    "OngoingAuthorizedTransaction": Cause.SESSION_RUNNING,
    "UnknownConnector": Cause.UNKNOWN_CONNECTOR,
}


def is_undecided(command: Command, answer: StationAnswer) -> bool:
    """Whether an answer about a hold decides nothing yet.

    A yes that nobody wants any longer has to be undone first. A no to a repeated ReserveNow may
    only mean that the first one, whose answer is lost, holds the place; and an error in answer to a
    repeated CancelReservation says nothing about the first one.
    """
    lost_before = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    if command.kind is Kind.CANCEL_RESERVATION:
        return lost_before and answer.call_error is not None
    if command.kind is not Kind.RESERVE_NOW:
        return False
    if command.state is State.COMPENSATING or _is_compensated_for(command):
        return True
    if answer.verdict is Verdict.ACCEPTED:
        return command.cancel_reason is not None
    return lost_before and answer.verdict in _NO


_NO = {Verdict.REJECTED, Verdict.FAILED, Verdict.NOT_SUPPORTED}


def _is_compensated_for(command: Command) -> bool:
    return command.compensation.state is not CompensationState.NONE


def refusal(answer: StationAnswer) -> Outcome:
    """The outcome of an answer that says no."""
    cause = Cause.CALL_ERROR if answer.call_error else Cause.STATION_REJECTED
    return ending(cause, in_its_words(answer))


_PLACE_WORDS = {
    "Occupied": Cause.EVSE_OCCUPIED,
    "Faulted": Cause.EVSE_FAULTED,
    "Unavailable": Cause.EVSE_UNAVAILABLE,
}


def reserve_refusal(answer: StationAnswer) -> Outcome:
    """The outcome of a ReserveNow that was refused, by the station's own word."""
    cause = _PLACE_WORDS.get(answer.status)
    return refusal(answer) if cause is None else ending(cause, in_its_words(answer))


def in_its_words(answer: StationAnswer) -> str:
    """What the station said, as a sentence; empty when it gave no reason."""
    error = answer.call_error
    words = (
        (error.code, error.description) if error else (answer.reason_code, answer.additional_info)
    )
    said = ": ".join(word for word in words if word)
    return f"The station said: {said}." if said else ""


def lost(command: Command, cause: str, at: datetime) -> Command:
    """Sent, and no answer can be waited for: UNKNOWN until facts say more."""
    del at  # the outcome is provisional: its time is when it is concluded
    state = after(command.state, Step.LOSE)
    if state is None:
        return command
    return replace(
        command,
        state=state,
        outcome=ending(cause_of(cause, Code.UNKNOWN, Cause.ANSWER_TIMEOUT)),
        progress="Sent, but without an answer; looking for what really happened.",
    )


STOPPING_FIRST = "Stopping the session first; waiting for its end."


def frame_ended(
    command: Command,
    kind: Kind,
    answer: StationAnswer | None,
    at: datetime,
    *,
    cause: str = "",
    send_time: datetime | None = None,
) -> Command:
    """What the result of a frame means for its command.

    This is the only place where a result is applied: by the gateway that has it, by a worker that
    finds it later, and by the workflow that is told of it.

    kind: of the frame. An unlock's first step is a stop; its result does not end the unlock.
    answer: None: no answer came, because of `cause`.
    at: when it was answered, or given up.
    send_time: when the frame was written, for who cannot be certain that SENT is recorded. None:
        it is recorded.
    """
    if kind is not command.kind:
        return waiting(command, STOPPING_FIRST)
    known = command if send_time is None else sent(command, send_time)
    if answer is None:
        return lost(known, cause, at)
    return answered(known, answer, at)


def stopped_first(command: Command, session: SessionFacts) -> Command:
    """The session that kept the connector locked has ended; the unlock comes next."""
    if command.state is State.DONE or command.stopped_first is not None:
        return command
    progress = "The session has ended; the connector is unlocked next."
    return replace(command, stopped_first=session, progress=progress)


def not_sent(command: Command, cause: str, at: datetime, detail: str = "") -> Command:
    """Nothing was written to any socket and nothing will be; of an unlock: after its first step."""
    if command.state is State.SENT and _stops_first(command):
        return concluded(command, never_unlocked(command), at)
    if command.state is not State.QUEUED:
        return command
    known = cause_of(cause, Code.NOT_SENT, Cause.GATEWAY_UNREACHABLE)
    return concluded(command, ending(known, detail), at)


def _stops_first(command: Command) -> bool:
    return command.unlock is not None and command.unlock.stop_first


def never_unlocked(command: Command, detail: str = "") -> Outcome:
    """The outcome of an unlock whose session was told to stop, and that is not sent after all."""
    session = command.stopped_first
    cause = Cause.STOPPED_NOT_UNLOCKED if session else Cause.STOP_FIRST_NOT_CONFIRMED
    return ending(cause, detail, session=session)


def concluded(command: Command, outcome: Outcome, at: datetime) -> Command:
    """The command ended. A definite outcome stays; UNKNOWN may be raised, also when DONE."""
    state = after(command.state, Step.CONCLUDE) or command.state
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
    """Its caller wants it back; noted once, also when it is too late."""
    if command.cancel_reason is not None:
        return command
    return replace(command, cancel_reason=reason)


def cancelled(command: Command, at: datetime) -> Command:
    """Taken back. What was sent may still have an effect: that one is watched for and undone."""
    if is_definite(command.outcome) or command.state is State.DONE:
        return command
    outcome = _taken_back(command)
    state = after(command.state, Step.CANCEL)
    if state is None or command.kind not in UNDOABLE:
        return concluded(command, outcome, at)
    return replace(
        command,
        state=state,
        outcome=outcome,
        outcome_time=at,
        progress=_CANCELLED_PROGRESS.get(command.kind, ""),
    )


def _taken_back(command: Command) -> Outcome:
    if command.state is State.QUEUED or not _stops_first(command):
        return ending(Cause.CANCELLED_BY_CALLER)
    session = command.stopped_first
    what = "was stopped" if session else "was told to stop"
    detail = f"The session {what} before that; the connector was not unlocked."
    return ending(Cause.CANCELLED_BY_CALLER, detail, session=session)


_CANCELLED_PROGRESS = {
    Kind.START_SESSION: "Cancelled; a session that still starts will be stopped.",
    Kind.RESERVE_NOW: "Cancelled; the station is told to hold nothing.",
}


def settled(command: Command, at: datetime) -> Command:
    """Nothing is left to be undone: a COMPENSATING command is DONE."""
    if command.state is not State.COMPENSATING or command.outcome is None:
        return command
    return concluded(command, command.outcome, at)


def undoing(
    command: Command, reason: str, transaction: str, transaction_id: str, at: datetime
) -> Command:
    """A session that nobody wants any longer is being stopped."""
    known = command.compensation
    same = (known.transaction, known.transaction_id) == (transaction, transaction_id)
    if same or not may_become(known.state, CompensationState.PENDING):
        return command
    return replace(
        command,
        compensation=Compensation(
            CompensationState.PENDING, reason, transaction, transaction_id, at
        ),
    )


def undoing_hold(command: Command, reason: str, at: datetime) -> Command:
    """The hold that a ReserveNow may have made is being cancelled at its station."""
    spec, known = command.reserve, command.compensation
    pending = CompensationState.PENDING
    if spec is None or known.state is pending or not may_become(known.state, pending):
        return command
    return replace(
        command,
        compensation=Compensation(
            pending, reason, update_time=at, reservation=spec.reservation, wire_id=spec.wire_id
        ),
        progress="Making sure that the station holds nothing.",
    )


def hold_was_used(
    command: Command, why: str, transaction: str, transaction_id: str, at: datetime
) -> Command:
    """The hold could not be cancelled any more: a session has used it."""
    if command.compensation.state is not CompensationState.PENDING:
        return command
    failed = undo_failed(command, why, at)
    compensation = replace(
        failed.compensation, transaction=transaction, transaction_id=transaction_id
    )
    return replace(failed, compensation=compensation)


def undone(command: Command, at: datetime) -> Command:
    """The unwanted session has ended; the unwanted hold is gone."""
    return _compensated(command, CompensationState.DONE, command.compensation.reason, at)


def undo_failed(command: Command, why: str, at: datetime) -> Command:
    """The unwanted session or hold could not be undone; a human has to look."""
    if command.compensation.state is CompensationState.NONE:
        return command
    reason = f"{command.compensation.reason} {why}".strip()
    return _compensated(command, CompensationState.FAILED, reason, at)


def left_running(
    command: Command, why: str, transaction: str, transaction_id: str, at: datetime
) -> Command:
    """A session that may be unwanted was not stopped, because it may be somebody else's."""
    if command.compensation.state is not CompensationState.NONE:
        return command
    if not may_become(command.compensation.state, CompensationState.FAILED):
        return command
    failed = Compensation(CompensationState.FAILED, why, transaction, transaction_id, at)
    return replace(command, compensation=failed)


def _compensated(command: Command, state: CompensationState, reason: str, at: datetime) -> Command:
    if not may_become(command.compensation.state, state):
        return command
    compensation = replace(command.compensation, state=state, reason=reason, update_time=at)
    return replace(command, compensation=compensation)
